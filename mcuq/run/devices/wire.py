"""What every register model is, the bytes between link and UART, and the pace of counters."""

from __future__ import annotations

import time
from collections import deque
from typing import Protocol


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


class HostClock:
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
