"""What a validation run asks of a device, whoever reaches it: over the protocol, or through a debugger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mcuq.artifacts import Trace
from mcuq.run.messages import Inference, Stats, Ticks


class Device(Protocol):
    """A device that holds one model; `client.Client` says what each method does and raises."""

    @property
    def ticks_hz(self) -> int:
        """The rate of its counter, 0 where there is none."""

    def load(self, index: int, data: bytes) -> None:
        """Fill input `index`."""

    def invoke(self, times: int = 1, *, deadline_s: float = 120.0) -> Ticks:
        """Run the model."""

    def infer(self, inputs: Sequence[bytes], *, deadline_s: float = 120.0) -> Inference:
        """Load, invoke once, read."""

    def run_step(self, step: int, *, deadline_s: float = 120.0) -> int:
        """Run one step; returns its ticks."""

    def run_to(self, step: int, *, deadline_s: float = 120.0) -> int:
        """Run the steps up to this one; returns their ticks."""

    def arena_crc(self, offset_bytes: int, count: int) -> int:
        """CRC-32 of bytes of the arena."""

    def read_arena(self, offset_bytes: int, count: int) -> bytes:
        """Bytes of the arena."""

    def stats(self) -> Stats:
        """RAM as the device knows it."""


class Counting(Protocol):
    """What counts while a device infers: a link, or the debugger itself."""

    name: str

    def start_counting(self) -> None:
        """Count from now on."""

    def stop_counting(self) -> tuple[Trace, ...]:
        """What was counted."""
