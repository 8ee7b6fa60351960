"""Branch and bound over all placements, for problems that are small enough to look at every one that matters."""

from __future__ import annotations

from mcuq.memory.greedy import Placer, lowest_offset
from mcuq.memory.problem import Problem

MAX_NODES = 2000


class _Search:
    """Blocks are placed in the order of their offsets; whatever cannot end below the best is left."""

    def __init__(self, placer: Placer, best_bytes: int) -> None:
        self.placer, self.best_bytes = placer, best_bytes
        self.best: list[int] | None = None
        self.offsets: list[int | None] = [None] * len(placer.blocks)
        self.nodes = 0

    def _ways(self, floor: int, last: int) -> list[tuple[int, int]] | None:
        """`(offset, block)` of each block that may come next; None where one of those left ends too high anyway."""
        found = []
        for index, block in enumerate(self.placer.blocks):
            if self.offsets[index] is None:
                offset = lowest_offset(block, self.placer.neighbours[index], self.offsets)
                if max(offset, floor) + block.bytes >= self.best_bytes:
                    return None
                if (offset, index) > (floor, last):
                    found.append((offset, index))
        return sorted(found)

    def run(self, left: int, floor: int = 0, last: int = -1) -> bool:
        """Whether everything that matters was looked at."""
        if left == 0:
            offsets = [offset for offset in self.offsets if offset is not None]
            self.best, self.best_bytes = offsets, self.placer.end(offsets)
            return True
        self.nodes += 1
        if self.nodes > MAX_NODES:
            return False
        for offset, index in self._ways(floor, last) or ():
            if offset + self.placer.blocks[index].bytes >= self.best_bytes:
                continue
            self.offsets[index] = offset
            complete = self.run(left - 1, offset, index)
            self.offsets[index] = None
            if not complete:
                return False
        return True


def _slides_down(problem: Problem) -> bool:
    """Whether every placement can slide down block by block, so that those of orders are all that matter.

    Not where a block must not start much below another one, or only exactly where that starts.
    """
    return all(r.margin_bytes >= 0 and not r.same_start for r in problem.relations.values())


def exact_placement(problem: Problem, best_bytes: int) -> tuple[dict[str, int] | None, bool]:
    """`(offsets, proved)`: a placement of less than `best_bytes`, or None; `proved` where there is no better one."""
    search = _Search(Placer(problem), best_bytes)
    complete = search.run(len(problem.blocks))
    offsets = None if search.best is None else search.placer.named(search.best)
    return offsets, complete and _slides_down(problem)
