"""The simulator's registers behave as the ports expect of the hardware."""

from __future__ import annotations

import pytest

from mcuq.run.peripherals import CmsdkTimer, CmsdkUart, Nrf51Timer, Nrf51Uart, ReadyPage, SystemControl, Wire


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
    uart = Nrf51Uart(wire)
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
    down, up = CmsdkTimer(25_000_000), Nrf51Timer(16_000_000)
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
    control = SystemControl(lambda: resets.append(1))
    control.write(0xD0C, 0x0000_0004)
    control.write(0xD0C, 0x05FA_0000)
    control.write(0xD08, 0x05FA_0004)
    assert resets == []
    control.write(0xD0C, 0x05FA_0004)
    assert resets == [1]
    assert control.read(0xD28) == 0


def test_a_ready_page_is_always_ready() -> None:
    """Whatever bit a port waits for is set."""
    page = ReadyPage()
    page.write(0x100, 0)
    assert page.read(0x100) == 0xFFFF_FFFF
