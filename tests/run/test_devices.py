"""The simulator's registers behave as the ports expect of the hardware."""

from __future__ import annotations

import pytest

from mcuq.run.devices import Wire
from mcuq.run.devices.counters import CmsdkTimer, NrfTimer
from mcuq.run.devices.registers import Follow, RegisterFile
from mcuq.run.devices.system import SystemControl
from mcuq.run.devices.uarts import CmsdkUart, NrfUart


def test_a_cmsdk_uart_hands_out_bytes_in_order() -> None:
    """STATE tells of a byte until DATA has taken the last; what is written to DATA is sent."""
    wire = Wire()
    uart = CmsdkUart(wire)
    wire.received.extend(b"ab")
    assert [uart.read(4), uart.read(0), uart.read(4), uart.read(0), uart.read(4), uart.read(0)] == [2, 97, 2, 98, 0, 0]
    uart.write(0, 0x141)
    uart.write(8, 3)
    assert wire.collect() == b"A"
    assert wire.collect() == b""


def test_an_nrf51_uart_hands_out_bytes_in_order() -> None:
    """RXDRDY is set while a byte waits, also right after it was cleared; TXDRDY is set by sending."""
    wire = Wire()
    uart = NrfUart(wire)
    for register, value in ((0x500, 4), (0x000, 1), (0x008, 1)):
        uart.write(register, value)
    wire.received.extend(b"ab")
    assert uart.read(0x108) == 1
    uart.write(0x108, 0)
    assert [uart.read(0x518), uart.read(0x108), uart.read(0x518), uart.read(0x108)] == [97, 1, 98, 0]
    uart.write(0x11C, 0)
    assert uart.read(0x11C) == 0
    uart.write(0x51C, 0x41)
    assert uart.read(0x11C) == 1
    assert wire.collect() == b"A"


def test_counters_move_at_the_pace_of_the_hosts_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """One counts down from 2^32 - 1, the other up; both wrap at 2^32."""
    now_ns = 5_000_000_000
    monkeypatch.setattr("time.monotonic_ns", lambda: now_ns)
    down, up = CmsdkTimer(25_000_000), NrfTimer(16_000_000)
    down.write(0, 1)
    up.write(0x00C, 1)
    now_ns += 1_000_000
    up.write(0x040, 1)
    assert 0xFFFF_FFFF - down.read(4) == 25_000
    assert up.read(0x540) == 16_000
    now_ns += 2**32 * 40
    assert 0xFFFF_FFFF - down.read(4) == 25_000
    assert up.read(0x540) == 16_000


def test_a_reset_needs_key_and_bit() -> None:
    """Only a write of AIRCR with the right key and SYSRESETREQ resets."""
    resets: list[int] = []
    control = SystemControl(lambda: resets.append(1), 16_000_000)
    control.write(0xD0C, 0x0000_0004)
    control.write(0xD0C, 0x05FA_0000)
    control.write(0xD08, 0x05FA_0004)
    assert resets == []
    control.write(0xD0C, 0x05FA_0004)
    assert resets == [1]
    assert control.read(0xD28) == 0


def test_ready_bits_follow_what_switches_them_on() -> None:
    """A register keeps what is written, but for the bits that follow, or oppose, another bit."""
    file = RegisterFile([Follow(0x00, 1 << 17, 0x00, 1)], {0x08: 7}, [Follow(0x04, 1 << 6, 0x00, -7)])
    assert [file.read(offset) for offset in (0x00, 0x04, 0x08)] == [0, 1 << 6, 7]
    file.write(0x00, 1 << 16 | 1 << 13)
    assert [file.read(offset) for offset in (0x00, 0x04)] == [1 << 17 | 1 << 16 | 1 << 13, 0]
