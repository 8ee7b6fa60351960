"""The placement problem: blocks with lifetimes and sizes, and where each may lie once others have their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mcuq.artifacts import Schedule
from mcuq.memory.lifetimes import Lifetime, Relation, lifetimes, overlap_relations


@dataclass(frozen=True, slots=True)
class Block:
    """A buffer to be placed."""

    name: str
    bytes: int
    alignment_bytes: int
    life: Lifetime


@dataclass(frozen=True, slots=True)
class Problem:
    """`relations[(a, b)]`: how b may lie over a."""

    blocks: tuple[Block, ...]
    relations: Mapping[tuple[str, str], Relation]

    @property
    def alignment_bytes(self) -> int:
        """The strictest alignment."""
        return max((block.alignment_bytes for block in self.blocks), default=1)

    def forbidden(self, block: Block, other: Block, other_offset: int) -> tuple[tuple[int, int], ...]:
        """The open intervals in which `block` may not start while `other` lies at `other_offset`."""
        if not block.life.meets(other.life):
            return ()
        low, high = other_offset - block.bytes, other_offset + other.bytes
        after = self.relations.get((other.name, block.name))  # block is the output
        before = self.relations.get((block.name, other.name))  # block is the input
        if after is not None:
            low = max(low, other_offset - after.margin_bytes)
        if before is not None:
            high = min(high, other_offset + before.margin_bytes)
        if low >= high:
            return ()
        if any(relation is not None and relation.same_start for relation in (after, before)):
            return ((low, other_offset), (other_offset, high))
        return ((low, high),)


def problem_of(schedule: Schedule) -> Problem:
    """The placement problem of a schedule."""
    lives = lifetimes(schedule)
    blocks = tuple(
        Block(buffer.name, buffer.bytes, buffer.alignment_bytes, lives[buffer.name])
        for buffer in schedule.buffers
        if buffer.name in lives
    )
    return Problem(blocks, overlap_relations(schedule, lives))


def _saving_bytes(first: Block, second: Block, relation: Relation) -> int:
    """How much less than both sizes together the two can take when `second` lies over `first`."""
    margin_bytes = 0 if relation.same_start else max(relation.margin_bytes, 0)
    together = max(second.bytes, margin_bytes + first.bytes)
    return max(0, first.bytes + second.bytes - together)


def lower_bound_bytes(problem: Problem) -> int:
    """No placement can be smaller: at each step the live bytes, less all that overlaps could ever save there."""
    best = 0
    by_name = {block.name: block for block in problem.blocks}
    for step in range(-1, max((block.life.last for block in problem.blocks), default=-1) + 1):
        live = [block for block in problem.blocks if block.life.first <= step <= block.life.last]
        names = {block.name for block in live}
        saved = sum(
            _saving_bytes(by_name[a], by_name[b], relation)
            for (a, b), relation in problem.relations.items()
            if a in names and b in names
        )
        largest = max((block.bytes for block in live), default=0)
        best = max(best, largest, sum(block.bytes for block in live) - saved)
    return best
