"""Register models of the simulator: UARTs, counters, the system control block, and pages that are always ready."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from mcuq.boards import Board, Timer, Uart

PAGE_BYTES = 0x1000


class Peripheral(Protocol):
    """Registers of one device; offsets count from its first address."""

    def read(self, offset: int) -> int:
        """The value that the core reads."""

    def write(self, offset: int, value: int) -> None:
        """What a write of the core does."""


class Wire:
    """The bytes between link and UART model, filled and emptied by two threads.

    `moves` grows with every byte, so that a firmware that only polls can be told from one that talks.
    """

    def __init__(self) -> None:
        self.sent = bytearray()
        self.received: deque[int] = deque()
        self.moves = 0

    def take(self) -> int:
        """The next byte for the firmware, 0 when there is none."""
        self.moves += 1
        return self.received.popleft() if self.received else 0

    def send(self, byte: int) -> None:
        """A byte from the firmware."""
        self.moves += 1
        self.sent.append(byte & 0xFF)

    def collect(self) -> bytes:
        """All that the firmware has sent since the last call."""
        length = len(self.sent)
        data = bytes(self.sent[:length])
        del self.sent[:length]
        return data


class CmsdkUart:
    """CMSDK APB UART, always ready to send."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def read(self, offset: int) -> int:
        """DATA takes a byte, STATE tells whether one waits (bit 1)."""
        if offset == 0x04:
            return bool(self._wire.received) << 1
        return self._wire.take() if offset == 0x00 else 0

    def write(self, offset: int, value: int) -> None:
        """DATA sends a byte."""
        if offset == 0x00:
            self._wire.send(value)


class Nrf51Uart:
    """UART of the nRF51; every byte is sent at once."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._sent = 0

    def read(self, offset: int) -> int:
        """RXDRDY (0x108), TXDRDY (0x11C), RXD (0x518)."""
        if offset == 0x108:
            return int(bool(self._wire.received))
        if offset == 0x518:
            return self._wire.take()
        return self._sent if offset == 0x11C else 0

    def write(self, offset: int, value: int) -> None:
        """TXD (0x51C) sends a byte and sets TXDRDY."""
        if offset == 0x11C:
            self._sent = value & 1
        elif offset == 0x51C:
            self._wire.send(value)
            self._sent = 1


class _HostClock:
    """Ticks at `hz` from the host's clock: monotonic, but no measure of the device's time."""

    def __init__(self, hz: int) -> None:
        self._hz = hz
        self._start_ns = time.monotonic_ns()

    def restart(self) -> None:
        """Count from 0 again."""
        self._start_ns = time.monotonic_ns()

    def ticks(self) -> int:
        """Ticks since the start, modulo 2^32."""
        return (time.monotonic_ns() - self._start_ns) * self._hz // 1_000_000_000 & 0xFFFF_FFFF


class CmsdkTimer:
    """CMSDK APB timer with a reload of 2^32 - 1: VALUE counts down, at the pace of the host's clock."""

    def __init__(self, hz: int) -> None:
        self._clock = _HostClock(hz)

    def read(self, offset: int) -> int:
        """VALUE (0x04)."""
        return ~self._clock.ticks() & 0xFFFF_FFFF if offset == 0x04 else 0

    def write(self, offset: int, value: int) -> None:
        """Starting it (CTRL) starts the count."""
        if offset == 0x00 and value & 1:
            self._clock.restart()


class Nrf51Timer:
    """TIMER0 of the nRF51, at the pace of the host's clock: CAPTURE[0] (0x040) stores the count in CC[0] (0x540)."""

    def __init__(self, hz: int) -> None:
        self._clock = _HostClock(hz)
        self._captured = 0

    def read(self, offset: int) -> int:
        """CC[0]."""
        return self._captured if offset == 0x540 else 0

    def write(self, offset: int, value: int) -> None:
        """CAPTURE[0], and CLEAR (0x00C)."""
        if offset == 0x040 and value:
            self._captured = self._clock.ticks()
        elif offset == 0x00C and value:
            self._clock.restart()


class ReadyPage:
    """Registers that read as all ones: every wait for "ready" ends at once."""

    def read(self, offset: int) -> int:
        """All ones."""
        return 0xFFFF_FFFF

    def write(self, offset: int, value: int) -> None:
        """Nothing happens."""


class SystemControl:
    """The private peripherals from 0xE000E000 on: only a reset request (AIRCR) does something."""

    ADDRESS = 0xE000_E000

    def __init__(self, on_reset: Callable[[], None]) -> None:
        self._on_reset = on_reset

    def read(self, offset: int) -> int:
        """Nothing is pending, nothing is enabled."""
        return 0

    def write(self, offset: int, value: int) -> None:
        """SYSRESETREQ with the right key starts the firmware over."""
        if offset == 0xD0C and value & 0xFFFF_0004 == 0x05FA_0004:
            self._on_reset()


def peripherals_of(board: Board, wire: Wire, on_reset: Callable[[], None]) -> dict[int, Peripheral]:
    """Every register page of `board` by its address."""
    pages: dict[int, Peripheral] = {SystemControl.ADDRESS: SystemControl(on_reset)}
    if board.run.sim is not None:
        pages.update((address, ReadyPage()) for address in board.run.sim.ready_pages)
    if board.port.uart is not None:
        pages[board.port.uart.address] = _uart(board.port.uart, wire)
    if board.port.timer is not None:
        pages[board.port.timer.address] = _timer(board.port.timer)
    return pages


def _uart(uart: Uart, wire: Wire) -> Peripheral:
    return CmsdkUart(wire) if uart.model == "cmsdk" else Nrf51Uart(wire)


def _timer(timer: Timer) -> Peripheral:
    return CmsdkTimer(timer.hz) if timer.model == "cmsdk" else Nrf51Timer(timer.hz)
