"""What may watch the memory accesses of a counted inference: the road by which a memory model reaches a simulator."""

from __future__ import annotations

from typing import Protocol


class Watch(Protocol):
    """Names the events that accesses to memory meet; the numbers are its own, and the counter counts them.

    `reads` and `writes` are the address ranges [begin, end) whose accesses it wants to see; it sees the fetch of every
    block where `wants_fetches`.
    """

    reads: tuple[tuple[int, int], ...]
    writes: tuple[tuple[int, int], ...]
    wants_fetches: bool

    def begin(self) -> None:
        """An inference begins."""

    def read(self, address: int, size: int) -> tuple[int, ...]:
        """The events of a read of data."""

    def write(self, address: int, size: int) -> tuple[int, ...]:
        """The events of a write of data."""

    def fetch(self, address: int, size: int, is_sequential: bool) -> tuple[int, ...]:
        """The events of a block that runs; `is_sequential` where it follows the block before it in memory."""


class StackOnly:
    """Watches no memory: of the stack the counter takes care itself."""

    reads: tuple[tuple[int, int], ...] = ()
    writes: tuple[tuple[int, int], ...] = ()
    wants_fetches = False

    def begin(self) -> None:
        """Nothing to prepare."""

    def read(self, address: int, size: int) -> tuple[int, ...]:
        """No events."""
        return ()

    def write(self, address: int, size: int) -> tuple[int, ...]:
        """No events."""
        return ()

    def fetch(self, address: int, size: int, is_sequential: bool) -> tuple[int, ...]:
        """No events."""
        return ()
