"""From a Schedule to its MemoryPlan: the exact arena."""

from __future__ import annotations

from mcuq.artifacts import MemoryPlan, Placement, Region, Schedule
from mcuq.memory.check import check_plan
from mcuq.memory.exact import exact_placement
from mcuq.memory.greedy import arena_bytes, best_placement, quick_placement
from mcuq.memory.problem import Problem, lower_bound_bytes, problem_of
from mcuq.memory.regions import fast_buffers, part_of


def peak_bytes(schedule: Schedule) -> int:
    """The arena of a quick placement, for comparing many schedules; `plan_memory` searches longer."""
    problem = problem_of(schedule)
    return arena_bytes(problem, quick_placement(problem, lower_bound_bytes(problem))[1])


def least_bytes(schedule: Schedule) -> int:
    """What no arena for these steps could go below; `plan_memory` may not reach it."""
    return lower_bound_bytes(problem_of(schedule))


def _placed(problem: Problem) -> tuple[str, dict[str, int], int]:
    """`(how, offsets, bound)`: the best placement found, and what none goes below.

    Where the search ends above the lower bound, small problems are searched through; the bound is then what was
    reached, if nothing better exists.
    """
    bound = lower_bound_bytes(problem)
    planner, offsets = best_placement(problem, bound)
    if arena_bytes(problem, offsets) > bound:
        better, proved = exact_placement(problem, arena_bytes(problem, offsets))
        if better is not None:
            planner, offsets = "by branch and bound", better
        bound = arena_bytes(problem, offsets) if proved else bound
    return planner, offsets, bound


def plan_memory(schedule: Schedule, fast_bytes: int = 0, slow_bytes: int | None = None) -> MemoryPlan:
    """The best placement found, checked independently.

    With `fast_bytes` of fast memory the arena is split into the regions `fast` and `slow`: the buffers with most
    traffic for their bytes go into the first, as far as that leaves no more than `slow_bytes` to the second. An arena
    that fits into fast memory as a whole has that one region.
    """
    problem = problem_of(schedule)
    planner, offsets, bound = _placed(problem)
    whole = arena_bytes(problem, offsets)
    fast = fast_buffers(schedule, problem, fast_bytes, slow_bytes) if 0 < fast_bytes < whole else frozenset()
    if fast:
        return check_plan(schedule, _split(problem, fast, bound))
    name = "fast" if 0 < whole <= fast_bytes else "arena"
    placements = tuple(
        Placement(block.name, name, offsets[block.name], block.bytes, block.life.first, block.life.last)
        for block in problem.blocks
    )
    regions = (Region(name, 0, whole),) if name == "fast" else ()
    plan = MemoryPlan(placements, whole, problem.alignment_bytes, bound, planner, regions)
    return check_plan(schedule, plan)


def _split(problem: Problem, fast: frozenset[str], bound: int) -> MemoryPlan:
    """The buffers of `fast` in the first region, all others in the second."""
    everything = frozenset(block.name for block in problem.blocks)
    alignment = problem.alignment_bytes
    placements: list[Placement] = []
    regions: list[Region] = []
    planners: list[str] = []
    start = 0
    for name, names in (("fast", fast), ("slow", everything - fast)):
        part = part_of(problem, names)
        planner, offsets, _ = _placed(part)
        regions.append(Region(name, start, arena_bytes(part, offsets)))
        planners.append(planner)
        placements += (
            Placement(b.name, name, start + offsets[b.name], b.bytes, b.life.first, b.life.last) for b in part.blocks
        )
        start = -(-(start + regions[-1].bytes) // alignment) * alignment
    end = regions[-1].offset_bytes + regions[-1].bytes
    return MemoryPlan(tuple(placements), end, alignment, bound, ", ".join(planners), tuple(regions))
