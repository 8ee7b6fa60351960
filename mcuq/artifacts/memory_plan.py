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
class Region:
    """A part of the arena that lies in a memory of its own: bytes `offset_bytes` on, of all that are counted."""

    name: str
    offset_bytes: int
    bytes: int


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """The exact arena: nothing is added at run time.

    Where it has `regions` (`fast`, `slow`), offsets count through them one after the other, and no buffer lies in two;
    no regions is one piece of memory.
    """

    placements: tuple[Placement, ...]
    arena_bytes: int
    alignment_bytes: int
    lower_bound_bytes: int
    planner: str
    regions: tuple[Region, ...] = ()

    @property
    def is_split(self) -> bool:
        """Whether the arena lies in more than one memory."""
        return len(self.regions) > 1

    def region_bytes(self, name: str) -> int:
        """Bytes of the region of that name, 0 where there is none; an arena without regions is `slow`."""
        if not self.regions:
            return self.arena_bytes if name == "slow" else 0
        return sum(region.bytes for region in self.regions if region.name == name)

    def region_at(self, offset_bytes: int) -> Region:
        """The region that the byte lies in."""
        whole = (Region("arena", 0, self.arena_bytes),)
        return next(r for r in reversed(self.regions or whole) if r.offset_bytes <= offset_bytes)

    def placement(self, buffer: str) -> Placement:
        """Where the buffer of that name lies."""
        return next(placement for placement in self.placements if placement.buffer == buffer)
