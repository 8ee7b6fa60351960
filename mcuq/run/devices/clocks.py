"""Clock, power and pin registers: bits that tell "ready" follow the bits that switch on, as the manuals say."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mcuq.run.devices.registers import Follow, RegisterFile
from mcuq.run.devices.sensors import Rp2040Adc, Stm32f4Adc, nrf_temp, stm32_factory_words
from mcuq.run.devices.wire import Peripheral


def _ready(offset: int, *pairs: tuple[int, int]) -> tuple[Follow, ...]:
    """In one register, bit `ready` follows bit `on`, for each pair (on, ready)."""
    return tuple(Follow(offset, 1 << ready, offset, ready - on) for on, ready in pairs)


def stm32f1_rcc() -> RegisterFile:
    """RM0041 chapter 6: CR 0x00, CFGR 0x04 whose SWS follows SW."""
    follows = (*_ready(0x00, (0, 1), (16, 17), (24, 25)), Follow(0x04, 0xC, 0x04, 2))
    return RegisterFile(follows, {0x00: 0x83})


def stm32f4_rcc() -> RegisterFile:
    """RM0090, RM0390, RM0385 (RCC): CR 0x00, PLLCFGR 0x04, CFGR 0x08 whose SWS follows SW."""
    follows = (*_ready(0x00, (0, 1), (16, 17), (24, 25)), Follow(0x08, 0xC, 0x08, 2))
    return RegisterFile(follows, {0x00: 0x83, 0x04: 0x2400_3010})


def stm32f4_pwr() -> RegisterFile:
    """RM0390, RM0385 (PWR): in CSR (0x04), ODRDY and ODSWRDY follow ODEN and ODSWEN of CR (0x00)."""
    return RegisterFile((Follow(0x04, 3 << 16, 0x00, 0),), {0x00: 0xC000})


def stm32l4_rcc() -> RegisterFile:
    """RM0432 chapter 6: CR 0x00 (MSI 0, HSI16 8, HSE 16, PLL 24), CFGR 0x08 whose SWS follows SW."""
    follows = (*_ready(0x00, (0, 1), (8, 10), (16, 17), (24, 25)), Follow(0x08, 0xC, 0x08, 2))
    return RegisterFile(follows, {0x00: 0x63})


def stm32u5_rcc() -> RegisterFile:
    """RM0456 chapter 11: CR 0x00 (MSIS 0, HSI16 8, HSE 16, PLL1 24), CFGR1 0x1C whose SWS follows SW."""
    follows = (*_ready(0x00, (0, 2), (8, 10), (16, 17), (24, 25)), Follow(0x1C, 0xC, 0x1C, 2))
    return RegisterFile(follows, {0x00: 0x35})


def stm32u5_pwr() -> RegisterFile:
    """RM0456 chapter 10: VOSR 0x0C, BOOSTRDY (14) follows BOOSTEN (18), VOSRDY (15) follows VOS (bit 16)."""
    return RegisterFile((Follow(0x0C, 1 << 14, 0x0C, -4), Follow(0x0C, 1 << 15, 0x0C, -1)))


def lm3s_system() -> RegisterFile:
    """LM3S6965 datasheet chapter 5: RIS 0x050 tells PLLLRIS (6) while PWRDN (13) of RCC (0x060) is clear."""
    return RegisterFile((), {0x060: 0x078E_3AD1}, inverted=(Follow(0x050, 1 << 6, 0x060, -7),))


def nrf_clock() -> RegisterFile:
    """nRF51 and nRF52 CLOCK: EVENTS_HFCLKSTARTED (0x100) and HFCLKSTAT (0x40C) follow TASKS_HFCLKSTART (0x000)."""
    return RegisterFile((Follow(0x100, 1, 0x000, 0), Follow(0x40C, 1, 0x000, 0), Follow(0x40C, 1 << 16, 0x000, 16)))


def sifive_prci() -> RegisterFile:
    """FE310 manual chapter 6: HFROSCCFG and HFXOSCCFG (30 on, 31 ready); PLLCFG 0x08 locks (31), or is bypassed."""
    follows = (*_ready(0x00, (30, 31)), *_ready(0x04, (30, 31)))
    reset = {0x00: 1 << 30, 0x08: 1 << 18}
    return RegisterFile(follows, reset, inverted=(Follow(0x08, 1 << 31, 0x08, 13),))


def rp2040_resets() -> RegisterFile:
    """RP2040 datasheet 2.14: RESET_DONE (0x08) is set for what RESET (0x00) does not hold."""
    return RegisterFile((), {0x00: 0x01FF_FFFF}, inverted=(Follow(0x08, 0x01FF_FFFF, 0x00, 0),))


def rp2040_clocks() -> RegisterFile:
    """RP2040 datasheet 2.15: CLK_REF_SELECTED 0x38 and CLK_SYS_SELECTED 0x44 are one-hot of SRC of the CTRL before."""
    return _Rp2040Clocks()


class _Rp2040Clocks(RegisterFile):
    def read(self, offset: int) -> int:
        if offset == 0x38:
            return 1 << (self._values.get(0x30, 0) & 3)
        if offset == 0x44:
            return 1 << (self._values.get(0x3C, 0) & 1)
        return super().read(offset)


def rp2040_xosc() -> RegisterFile:
    """RP2040 datasheet 2.16: STATUS (0x04) STABLE (31) while CTRL (0x00) says ENABLE (0xFAB from bit 12 on)."""
    return RegisterFile((Follow(0x04, 1 << 31, 0x00, 19),))


def rp2040_pll() -> RegisterFile:
    """RP2040 datasheet 2.18: CS (0x00) LOCK (31) once PWR (0x04) has neither PD (0) nor VCOPD (5)."""
    return RegisterFile((), {0x04: 0x2D}, inverted=(Follow(0x00, 1 << 31, 0x04, 26),))


DEVICES: Mapping[str, Callable[[], Peripheral]] = {
    "registers": RegisterFile,
    "stm32f1-rcc": stm32f1_rcc,
    "stm32f4-rcc": stm32f4_rcc,
    "stm32f4-pwr": stm32f4_pwr,
    "stm32l4-rcc": stm32l4_rcc,
    "stm32u5-rcc": stm32u5_rcc,
    "stm32u5-pwr": stm32u5_pwr,
    "lm3s-system": lm3s_system,
    "nrf-clock": nrf_clock,
    "sifive-prci": sifive_prci,
    "rp2040-resets": rp2040_resets,
    "rp2040-clocks": rp2040_clocks,
    "rp2040-xosc": rp2040_xosc,
    "rp2040-pll": rp2040_pll,
    "nrf-temp": nrf_temp,
    "stm32f4-adc": Stm32f4Adc,
    "stm32-factory": stm32_factory_words,
    "rp2040-adc": Rp2040Adc,
}
