"""The MemoryPlan: where in the arena every buffer lies, and when it is in use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Placement:
    """One buffer: `offset_bytes` into `region`, in use from step `first` to step `last` inclusive.

    Graph inputs are in use from step -1, outputs until the number of steps.
    """

    buffer: str
    region: str
    offset_bytes: int
    bytes: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """The exact arena: nothing is added at run time."""

    placements: tuple[Placement, ...]
    arena_bytes: int
    alignment_bytes: int
    lower_bound_bytes: int
    planner: str

    def placement(self, buffer: str) -> Placement:
        """Where the buffer of that name lies."""
        return next(placement for placement in self.placements if placement.buffer == buffer)
