"""From a Schedule to its MemoryPlan: the exact arena."""

from __future__ import annotations

from mcuq.artifacts import MemoryPlan, Placement, Schedule
from mcuq.memory.check import check_plan
from mcuq.memory.exact import exact_placement
from mcuq.memory.greedy import arena_bytes, best_placement, quick_placement
from mcuq.memory.problem import lower_bound_bytes, problem_of


def peak_bytes(schedule: Schedule) -> int:
    """The arena of a quick placement, for comparing many schedules; `plan_memory` searches longer."""
    problem = problem_of(schedule)
    return arena_bytes(problem, quick_placement(problem, lower_bound_bytes(problem))[1])


def least_bytes(schedule: Schedule) -> int:
    """What no arena for these steps could go below; `plan_memory` may not reach it."""
    return lower_bound_bytes(problem_of(schedule))


def plan_memory(schedule: Schedule) -> MemoryPlan:
    """The best placement found, checked independently.

    Where the search ends above the lower bound, small problems are searched through; the bound is then what was
    reached, if nothing better exists.
    """
    problem = problem_of(schedule)
    bound = lower_bound_bytes(problem)
    planner, offsets = best_placement(problem, bound)
    if arena_bytes(problem, offsets) > bound:
        better, proved = exact_placement(problem, arena_bytes(problem, offsets))
        if better is not None:
            planner, offsets = "by branch and bound", better
        bound = arena_bytes(problem, offsets) if proved else bound
    placements = tuple(
        Placement(block.name, "arena", offsets[block.name], block.bytes, block.life.first, block.life.last)
        for block in problem.blocks
    )
    plan = MemoryPlan(placements, arena_bytes(problem, offsets), problem.alignment_bytes, bound, planner)
    return check_plan(schedule, plan)
