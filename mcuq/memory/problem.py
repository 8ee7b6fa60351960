"""The placement problem: blocks with lifetimes and sizes, and where each may lie once others have their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mcuq.artifacts import Schedule
from mcuq.memory.lifetimes import Lifetime, lifetimes, overlap_margins


@dataclass(frozen=True, slots=True)
class Block:
    """A buffer to be placed."""

    name: str
    bytes: int
    alignment_bytes: int
    life: Lifetime


@dataclass(frozen=True, slots=True)
class Problem:
    """`margins[(a, b)]`: b may overlap a if b starts at least so many bytes below a."""

    blocks: tuple[Block, ...]
    margins: Mapping[tuple[str, str], int]

    @property
    def alignment_bytes(self) -> int:
        """The strictest alignment."""
        return max((block.alignment_bytes for block in self.blocks), default=1)

    def forbidden(self, block: Block, other: Block, other_offset: int) -> tuple[int, int] | None:
        """The open interval in which `block` may not start while `other` lies at `other_offset`; None when free."""
        if not block.life.meets(other.life):
            return None
        low, high = other_offset - block.bytes, other_offset + other.bytes
        if (other.name, block.name) in self.margins:
            low = max(low, other_offset - self.margins[other.name, block.name])
        if (block.name, other.name) in self.margins:
            high = min(high, other_offset + self.margins[block.name, other.name])
        return (low, high) if low < high else None


def problem_of(schedule: Schedule) -> Problem:
    """The placement problem of a schedule."""
    lives = lifetimes(schedule)
    blocks = tuple(
        Block(buffer.name, buffer.bytes, buffer.alignment_bytes, lives[buffer.name])
        for buffer in schedule.buffers
        if buffer.name in lives
    )
    return Problem(blocks, overlap_margins(schedule, lives))


def lower_bound_bytes(problem: Problem) -> int:
    """No placement can be smaller: at each step the live bytes, less all that overlaps could ever save there."""
    best = 0
    by_name = {block.name: block for block in problem.blocks}
    for step in range(-1, max((block.life.last for block in problem.blocks), default=-1) + 1):
        live = [block for block in problem.blocks if block.life.first <= step <= block.life.last]
        names = {block.name for block in live}
        saved = sum(
            min(by_name[a].bytes, by_name[b].bytes) for a, b in problem.margins if a in names and b in names
        )
        largest = max((block.bytes for block in live), default=0)
        best = max(best, largest, sum(block.bytes for block in live) - saved)
    return best
