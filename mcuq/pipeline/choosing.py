"""Kernels chosen for a goal: under limits of flash and RAM that the finished firmware keeps, not only its estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mcuq.artifacts import OBJECTIVES, Goal, MemoryPlan, Schedule, Trade
from mcuq.boards import Board
from mcuq.ir import Graph
from mcuq.memory import peak_bytes, plan_memory
from mcuq.pipeline.models import prepared
from mcuq.schedule import Candidate, schedule

Cost = Callable[[Candidate, int, int], int]

# What firmware takes beside kernels and arena, before it is known: what is missed then is made up for in a next round.
FIRMWARE_BYTES = 3072
STATIC_BYTES = 640
STACK_BYTES = 512


@dataclass(frozen=True, slots=True)
class Budget:
    """Bytes for constants and kernels, and for the arena; None is no limit."""

    flash_bytes: int | None = None
    arena_bytes: int | None = None


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
    budget: Budget,
    cost: Cost | None = None,
) -> Schedule:
    """The schedule of a prepared graph; raises UnsupportedModel."""
    return schedule(
        graph,
        features,
        keep_inputs,
        optimize,
        flash_bytes=budget.flash_bytes,
        arena_bytes=budget.arena_bytes,
        peak=peak_bytes,
        cost=cost,
    )


def chosen_for_board(
    graph: Graph, board: Board | None, keep_inputs: bool, optimize: str, budget: Budget, cost: Cost | None = None
) -> tuple[Schedule, MemoryPlan]:
    """Schedule and plan; where they do not fit the board, what comes nearest to it."""
    features = board.features if board else frozenset()
    planned = chosen(graph, features, keep_inputs, optimize, budget, cost)
    plan = plan_memory(planned)
    if board is None or board.flash is None or board.ram is None:
        return planned, plan
    room = Budget(board.flash.bytes - FIRMWARE_BYTES, board.ram.bytes - board.stack_bytes - STATIC_BYTES)
    assert room.flash_bytes is not None
    assert room.arena_bytes is not None
    tight = budget
    if planned.constant_bytes + planned.code_bytes > room.flash_bytes:
        tight = replace(tight, flash_bytes=min(room.flash_bytes, tight.flash_bytes or room.flash_bytes))
    if plan.arena_bytes > room.arena_bytes:
        tight = replace(tight, arena_bytes=min(room.arena_bytes, tight.arena_bytes or room.arena_bytes))
    if tight == budget:
        return planned, plan
    planned = chosen(graph, features, keep_inputs, optimize, tight, cost)
    return planned, plan_memory(planned)


def trade(
    graph: Graph, board: Board | None = None, *, keep_inputs: bool = False, remove_dead_channels: bool = True
) -> tuple[Trade, ...]:
    """Cycles against bytes: what each of OBJECTIVES would choose, by estimate. Raises UnsupportedModel."""
    graph = prepared(graph, remove_dead_channels)
    found = []
    for optimize in OBJECTIVES:
        planned = chosen(graph, board.features if board else frozenset(), keep_inputs, optimize, Budget())
        plan = plan_memory(planned)
        flash_bytes = planned.constant_bytes + planned.code_bytes
        found.append(
            Trade(
                optimize, planned.cycles, flash_bytes, planned.constant_bytes, plan.arena_bytes, plan.lower_bound_bytes
            )
        )
    return tuple(found)
