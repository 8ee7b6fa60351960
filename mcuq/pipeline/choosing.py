"""Kernels chosen for a goal: under limits of flash and RAM that the finished firmware keeps, not only its estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mcuq.artifacts import OBJECTIVES, RAM, SIZE, Goal, MemoryPlan, Schedule, Trade
from mcuq.boards import Board
from mcuq.ir import Graph
from mcuq.memory import least_bytes, peak_bytes, plan_memory
from mcuq.passes import remove_dead_channels as without_dead_channels
from mcuq.schedule import Candidate, schedule

Cost = Callable[[Candidate, int, int], int]

# What firmware takes beside kernels and arena, before it is known: what is missed then is made up for in a next round.
FIRMWARE_BYTES = 3072
STATIC_BYTES = 640
DATA_BYTES = 4096  # left to data beside an arena in fast memory: with MLPerf Tiny's firmware they may be more
STACK_BYTES = 512


KERNEL_BLOCK = 4  # channels that kernels compute at a time


def prepared(graph: Graph, remove_dead_channels: bool = True) -> Graph:
    """The graph that is scheduled: the same bits, by default without the channels that no input can move."""
    return without_dead_channels(graph, exact=True, multiple=KERNEL_BLOCK) if remove_dead_channels else graph


@dataclass(frozen=True, slots=True)
class Budget:
    """Bytes for constants and kernels, and for the arena; None is no limit."""

    flash_bytes: int | None = None
    arena_bytes: int | None = None


NO_BUDGET = Budget()


def tightened(budget: Budget, planned: Schedule, plan: MemoryPlan, flash_over: int, ram_over: int) -> Budget:
    """A budget that the choice exceeds by as much as its firmware did; what kept its limit keeps its budget."""
    flash, arena = budget.flash_bytes, budget.arena_bytes
    if flash_over:
        flash = max(0, planned.constant_bytes + planned.code_bytes - flash_over)
    if ram_over:
        arena = max(0, min(plan.arena_bytes, plan.arena_bytes if arena is None else arena) - ram_over)
    return Budget(flash, arena)


def first_budget(goal: Goal) -> Budget:
    """What the limits leave to the model, as far as that is known before anything is built."""
    flash = None if goal.max_flash_bytes is None else max(0, goal.max_flash_bytes - FIRMWARE_BYTES)
    arena = None if goal.max_ram_bytes is None else max(0, goal.max_ram_bytes - STATIC_BYTES - STACK_BYTES)
    return Budget(flash, arena)


def chosen(
    graph: Graph,
    features: frozenset[str],
    keep_inputs: bool,
    optimize: str,
    budget: Budget = NO_BUDGET,
    cost: Cost | None = None,
) -> tuple[Schedule, MemoryPlan]:
    """Schedule and plan of a prepared graph; raises UnsupportedModel.

    Where RAM matters, choices are compared by what is quick to know of their arenas: once by a rough placement, once by
    the bound. Which of the two was the better guide, the real arenas tell.
    """
    ram_matters = optimize == RAM or budget.arena_bytes is not None
    found = []
    for peak in (peak_bytes, least_bytes) if ram_matters else (peak_bytes,):
        planned = schedule(
            graph,
            features,
            keep_inputs,
            optimize,
            flash_bytes=budget.flash_bytes,
            arena_bytes=budget.arena_bytes,
            peak=peak,
            cost=cost,
        )
        found.append((planned, plan_memory(planned)))
    return min(found, key=lambda made: _rank(made[0], made[1], optimize, budget))


def _rank(planned: Schedule, plan: MemoryPlan, optimize: str, budget: Budget) -> tuple[int, ...]:
    flash_bytes = planned.constant_bytes + planned.code_bytes
    beyond = 0 if budget.flash_bytes is None else max(0, flash_bytes - budget.flash_bytes)
    beyond += 0 if budget.arena_bytes is None else max(0, plan.arena_bytes - budget.arena_bytes)
    arena_bytes = plan.arena_bytes if optimize == RAM else 0
    return beyond, arena_bytes, flash_bytes if optimize == SIZE else planned.cycles, flash_bytes


def arena_room_bytes(board: Board) -> int:
    """What the stack leaves to an arena of all memories that may hold it; data come on top."""
    regions = {region for region in (board.region_of("arena"), board.fast) if region is not None}
    return sum(board.room_bytes(region, 0) for region in regions)


def planned_for_board(planned: Schedule, board: Board | None) -> MemoryPlan:
    """The plan for the board's memories: what is used most in its fast one, where it names one."""
    arena = board.region_of("arena") if board else None
    if board is None or arena is None or board.fast is None:
        return plan_memory(planned)
    fast_bytes = board.placement.fast_bytes or board.room_bytes(board.fast, DATA_BYTES)
    return plan_memory(planned, max(0, fast_bytes), max(0, board.room_bytes(arena, DATA_BYTES)))


def chosen_for_board(
    graph: Graph, board: Board | None, keep_inputs: bool, optimize: str, budget: Budget, cost: Cost | None = None
) -> tuple[Schedule, MemoryPlan]:
    """Schedule and plan; where they do not fit the board, what comes nearest to it."""
    planned, plan = _chosen_for_room(graph, board, keep_inputs, optimize, budget, cost)
    return planned, plan if board is None or board.fast is None else planned_for_board(planned, board)


def _chosen_for_room(
    graph: Graph, board: Board | None, keep_inputs: bool, optimize: str, budget: Budget, cost: Cost | None
) -> tuple[Schedule, MemoryPlan]:
    features = board.features if board else frozenset()
    planned, plan = chosen(graph, features, keep_inputs, optimize, budget, cost)
    if board is None or board.flash is None or board.ram is None:
        return planned, plan
    room = Budget(board.flash.bytes - FIRMWARE_BYTES, arena_room_bytes(board) - STATIC_BYTES)
    assert room.flash_bytes is not None
    assert room.arena_bytes is not None
    tight = budget
    if planned.constant_bytes + planned.code_bytes > room.flash_bytes:
        tight = replace(tight, flash_bytes=min(room.flash_bytes, tight.flash_bytes or room.flash_bytes))
    if plan.arena_bytes > room.arena_bytes:
        tight = replace(tight, arena_bytes=min(room.arena_bytes, tight.arena_bytes or room.arena_bytes))
    if tight == budget:
        return planned, plan
    return chosen(graph, features, keep_inputs, optimize, tight, cost)


def trade(
    graph: Graph, board: Board | None = None, *, keep_inputs: bool = False, remove_dead_channels: bool = True
) -> tuple[Trade, ...]:
    """Cycles against bytes: what each of OBJECTIVES would choose, by estimate. Raises UnsupportedModel."""
    graph = prepared(graph, remove_dead_channels)
    found = []
    for optimize in OBJECTIVES:
        planned, plan = chosen(graph, board.features if board else frozenset(), keep_inputs, optimize)
        flash_bytes = planned.constant_bytes + planned.code_bytes
        found.append(
            Trade(
                optimize, planned.cycles, flash_bytes, planned.constant_bytes, plan.arena_bytes, plan.lower_bound_bytes
            )
        )
    return tuple(found)
