"""What the ports leave in the registers of clock and UART is, by the manuals' formulas, the clock and the baud rate."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from mcuq import resources
from mcuq.boards import all_boards
from mcuq.run.sim import SimLink

pytest.importorskip("unicorn")

Read = Callable[[int], int]


def stm32f1(read: Read) -> tuple[int, int]:
    """RM0041 6.3.2, 23.3.4: HSE times PLLMUL; USARTDIV in sixteenths."""
    cfgr = read(0x4002_1004)
    assert cfgr & 0xF == 0xA  # switched to the PLL, and there
    core = 8_000_000 * ((cfgr >> 18 & 15) + 2)
    return core, core // read(0x4001_3808)


def stm32f4(hse_hz: int, usart: int, apb: int, divider: int = 0x08) -> Callable[[Read], tuple[int, int]]:
    """RM0090 7.3.2, 30.3.4: HSE / M * N / P; the bus by PPRE."""

    def formula(read: Read) -> tuple[int, int]:
        pll, cfgr = read(0x4002_3804), read(0x4002_3808)
        assert cfgr & 0xF == 0xA
        assert pll >> 22 & 1  # from the crystal
        vco_in = hse_hz // (pll & 63)
        assert 1_000_000 <= vco_in <= 2_000_000
        vco = vco_in * (pll >> 6 & 511)
        assert 192_000_000 <= vco <= 432_000_000
        core = vco // (2 * ((pll >> 16 & 3) + 1))
        code = cfgr >> (10 if apb == 1 else 13) & 7
        bus = core >> (code - 3 if code >= 4 else 0)
        return core, bus // read(usart + divider)

    return formula


def stm32l4(read: Read) -> tuple[int, int]:
    """RM0432 6.4.4, 47.4.7: HSI16 / M * N / R; an LPUART divides 256 clocks."""
    pll, cfgr = read(0x4002_100C), read(0x4002_1008)
    assert cfgr & 0xFF == 0xF  # switched to the PLL, and there; AHB not divided
    assert pll & 3 == 2
    vco = 16_000_000 // ((pll >> 4 & 15) + 1) * (pll >> 8 & 127)
    assert 64_000_000 <= vco <= 344_000_000
    core = vco // (2 * ((pll >> 25 & 3) + 1))
    return core, 256 * core // read(0x4000_800C)


def stm32u5(read: Read) -> tuple[int, int]:
    """RM0456 11.8.9, 11.8.12: HSI16 / M * N / R."""
    pll, divider = read(0x4602_0C28), read(0x4602_0C34)
    assert read(0x4602_0C1C) & 0xF == 0xF
    assert pll & 3 == 2
    assert pll >> 18 & 1
    vco = 16_000_000 // ((pll >> 8 & 15) + 1) * ((divider & 511) + 1)
    assert 128_000_000 <= vco <= 544_000_000
    core = vco // ((divider >> 24 & 127) + 1)
    return core, core // read(0x4001_380C)


def pl011(core_hz: int, base: int, read: Read) -> int:
    """DDI 0183 3.3.6: a divider in 64ths of 16 clocks."""
    return core_hz * 64 // (16 * (read(base + 0x24) * 64 + read(base + 0x28)))


def lm3s(read: Read) -> tuple[int, int]:
    """LM3S6965 datasheet 5.2.4: 200 MHz by SYSDIV + 1."""
    rcc = read(0x400F_E060)
    assert not rcc & (1 << 11 | 1 << 13 | 3 << 4)  # no bypass, powered, from the crystal
    assert rcc >> 22 & 1
    core = 200_000_000 // ((rcc >> 23 & 15) + 1)
    return core, pl011(core, 0x4000_C000, read)


def rp2040(read: Read) -> tuple[int, int]:
    """RP2040 datasheet 2.18.2: 12 MHz * FBDIV / POSTDIV1 / POSTDIV2."""
    post = read(0x4002_800C)
    assert read(0x4000_8044) == 2
    assert 750_000_000 <= 12_000_000 * read(0x4002_8008) <= 1_600_000_000
    core = 12_000_000 * read(0x4002_8008) // (post >> 16 & 7) // (post >> 12 & 7)
    return core, pl011(core, 0x4003_4000, read)


def fe310(read: Read) -> tuple[int, int]:
    """FE310-G002 manual 6.7: 16 MHz / R * F / Q, R to 6 to 12 MHz, the oscillator between 384 and 768 MHz."""
    pll = read(0x1000_8008)
    assert pll >> 16 & 7 == 3  # selected, from the crystal, not bypassed
    reference = 16_000_000 // ((pll & 7) + 1)
    assert 6_000_000 <= reference <= 12_000_000
    vco = reference * 2 * ((pll >> 4 & 63) + 1)
    assert 384_000_000 <= vco <= 768_000_000
    core = vco >> (pll >> 10 & 3)
    assert core // (2 * (read(0x1001_4000) + 1)) <= 50_000_000  # the flash
    return core, core // (read(0x1001_3018) + 1)


def esp32c3(read: Read) -> tuple[int, int]:
    """ESP32-C3 manual 6.2.4.1, 26.3.3: the crystal, undivided; the UART's divider in 16ths, of the crystal too."""
    clock, divider = read(0x600C_0058), read(0x6000_0014)
    assert clock & 0xFFF == 0
    assert read(0x6000_0078) >> 20 & 3 == 3
    assert not any(read(address) for address in (0x6000_8090, 0x6001_F048, 0x6002_0048))  # no watchdog runs
    return 40_000_000, 16 * 40_000_000 // ((divider & 0xFFF) * 16 + (divider >> 20))


def nrf(core_hz: int) -> Callable[[Read], tuple[int, int]]:
    """Product specifications, UART BAUDRATE: the rate in 16 MHz / 2^32."""

    def formula(read: Read) -> tuple[int, int]:
        assert read(0x4000_0100) == 1
        return core_hz, 16_000_000 * read(0x4000_2524) >> 32

    return formula


FORMULAS: dict[str, Callable[[Read], tuple[int, int]]] = {
    "cortex-m0": nrf(16_000_000),
    "esp32c3-devkitm-1": esp32c3,
    "hifive1-revb": fe310,
    "lm3s6965evb": lm3s,
    "netduinoplus2": stm32f4(25_000_000, 0x4001_1400, 2),
    "nrf52840-dk": nrf(64_000_000),
    "nucleo-f446re": stm32f4(8_000_000, 0x4000_4400, 1),
    "nucleo-l4r5zi": stm32l4,
    "nucleo-u575zi-q": stm32u5,
    "rp2040-pico": rp2040,
    "stm32f4-discovery": stm32f4(8_000_000, 0x4000_4400, 1),
    "stm32f746g-discovery": stm32f4(25_000_000, 0x4001_1000, 2, 0x0C),
    "stm32vldiscovery": stm32f1,
}


def test_every_clock_tree_has_its_formula() -> None:
    """Only the machines without a clock tree (MPS2, virt, host) are left out."""
    without = {"cortex-m0-large", "cortex-m3", "cortex-m33", "cortex-m4", "cortex-m7", "host", "virt-rv32"}
    assert {board.name for board in all_boards([resources.boards()])} - without == set(FORMULAS)


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_the_registers_give_clock_and_baud_rate(build_echo: Any, speak: Any, name: str) -> None:
    """The core runs at the stated clock, which the firmware reports, and the UART within 2 % of its baud rate."""
    board, image = build_echo(name)
    link = SimLink(image, board, "echo", 3)
    reported = speak(link).ask(b"v", 6)[3]

    def read(address: int) -> int:
        device = link.bus.at(address)
        assert device is not None
        return device.model.read(address - device.address)

    core_hz, baud = FORMULAS[name](read)
    assert core_hz == reported == board.clock_hz
    assert baud == pytest.approx(board.port.uart.baud, rel=0.02)


@pytest.mark.parametrize("name", ["stm32vldiscovery"])
def test_a_clock_that_never_gets_ready_is_reported(build_echo: Any, speak: Any, name: str) -> None:
    """Where no ready bit ever sets, the waits end, the firmware talks at another clock, and says which."""
    board, image = build_echo(name)
    devices = tuple(type(device)("registers", device.address) for device in board.run.sim.devices)
    run = dataclasses.replace(board.run, sim=dataclasses.replace(board.run.sim, devices=devices))
    link = SimLink(image, dataclasses.replace(board, run=run), "echo", 3)
    assert 1_000_000 < speak(link).ask(b"v", 6)[3] < board.clock_hz
