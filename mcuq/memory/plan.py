"""From a Schedule to its MemoryPlan: the exact arena."""

from __future__ import annotations

from mcuq.artifacts import MemoryPlan, Placement, Schedule
from mcuq.memory.check import check_plan
from mcuq.memory.greedy import arena_bytes, best_placement, quick_placement
from mcuq.memory.problem import lower_bound_bytes, problem_of


def peak_bytes(schedule: Schedule) -> int:
    """The arena of a quick placement, for comparing many schedules; `plan_memory` searches longer."""
    problem = problem_of(schedule)
    return arena_bytes(problem, quick_placement(problem)[1])


def least_bytes(schedule: Schedule) -> int:
    """What no arena for these steps could go below; `plan_memory` may not reach it."""
    return lower_bound_bytes(problem_of(schedule))


def plan_memory(schedule: Schedule) -> MemoryPlan:
    """The best placement found, checked independently."""
    problem = problem_of(schedule)
    bound = lower_bound_bytes(problem)
    planner, offsets = best_placement(problem, bound)
    placements = tuple(
        Placement(block.name, "arena", offsets[block.name], block.bytes, block.life.first, block.life.last)
        for block in problem.blocks
    )
    plan = MemoryPlan(placements, arena_bytes(problem, offsets), problem.alignment_bytes, bound, planner)
    return check_plan(schedule, plan)
