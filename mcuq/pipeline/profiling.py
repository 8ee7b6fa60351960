"""Where the cycles go: one inference on the simulator, priced by the core's table and a board's memory model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import (
    Build,
    Cost,
    Edge,
    Estimate,
    Events,
    FunctionProfile,
    Profile,
    Samples,
    Schedule,
    StepProfile,
    Trace,
)
from mcuq.boards import Board
from mcuq.build.image import code_reader
from mcuq.errors import DeviceError, InvalidBoard
from mcuq.ir import Graph
from mcuq.profile import (
    Event,
    HeldOut,
    MemoryModel,
    MemoryWatch,
    Timing,
    memory_model,
    memory_model_of_board,
    timing_of,
)
from mcuq.profile.attribution import Accountant, FunctionAt
from mcuq.report.verdict import spread
from mcuq.run.client import Client
from mcuq.run.functions import Functions
from mcuq.run.sim import SimLink
from mcuq.run.validate import Target, check_identity, count
from mcuq.run.watch import StackOnly, Watch

RANDOM_SEED = 1


@dataclass(frozen=True, slots=True)
class _Rules:
    """What prices the build: the core's table, and the memory model where there is one."""

    timing: Timing
    model: MemoryModel | None


def random_samples(graph: Graph, count: int = 1, seed: int = RANDOM_SEED) -> Samples:
    """Seeded random inputs: all values of an integer type alike, standard normal ones of a float type."""
    generator = np.random.default_rng(seed)
    inputs = tuple(_random_input(graph, name, count, generator) for name in graph.inputs)
    return Samples(inputs, None, f"random (seed {seed})")


def _random_input(graph: Graph, name: str, count: int, generator: np.random.Generator) -> npt.NDArray[np.generic]:
    tensor = graph.tensor(name)
    shape = (count, *tensor.shape)
    if tensor.dtype.is_integer:
        return generator.integers(tensor.dtype.minimum, tensor.dtype.maximum + 1, shape, tensor.dtype.numpy)
    return generator.normal(size=shape).astype(tensor.dtype.numpy)


def profile(
    build: Build, samples: Samples | None = None, *, memory: str | None = None, count_samples: int = 1, hot: int = 0
) -> Profile:
    """Count `count_samples` inferences on the simulator and price them; steps, functions and blocks are of the first.

    Without samples seeded random inputs are fed. `memory` names a memory model; the board's own where it has one. `hot`
    is how many blocks to list. Two runs give the same figures. Raises InvalidBoard, DeviceError and its children,
    ToolMissing.
    """
    rules = _rules(build.board, memory)
    fed = samples or random_samples(build.graph, count_samples)
    traces, stack_peak_bytes = _count(build, rules, fed, count_samples)
    functions = Functions(build.image, build.name)
    accountant = Accountant(rules.timing, rules.model, code_reader(build.image.path), _function_at(functions))
    costs = [accountant.cost(_joined(trace.edges), _joined_events(trace.events)) for trace in traces]
    first = traces[0]
    if len(first.step_edges) != len(build.schedule.steps):
        raise DeviceError(f"the steps of {build.image.path} cannot be told apart; build it again with mcuq")
    edges, events = _joined(first.edges), _joined_events(first.events)
    return Profile(
        build=build,
        data=fed.source,
        samples=len(traces),
        core=_core_estimate(build, rules.timing, costs),
        memory=_memory_estimate(build, rules.model, costs, events),
        cost=costs[0],
        stack_peak_bytes=stack_peak_bytes,
        peak_macs_per_cycle=2 if "dsp" in build.board.features else 1,
        steps=_steps(build.schedule, first, accountant),
        functions=_functions(build.schedule, first, accountant.functions(edges, events), accountant),
        hot=accountant.hot_blocks(edges, hot),
    )


def pricing_text(board: Board) -> str:
    """The rules by which `profile` prices builds for the board, for telling whether they have changed."""
    return repr(_rules(board, None))


def _rules(board: Board, memory: str | None) -> _Rules:
    if "sim" not in board.links:
        raise InvalidBoard(
            f"board '{board.name}' has no simulator, which counts the cycles; `mcuq boards` lists those that have"
        )
    timing = timing_of(board.core)
    if timing is None:
        raise InvalidBoard(f"there is no timing table for the core '{board.core}' of board '{board.name}'")
    return _Rules(timing, memory_model(memory, board.core) if memory else memory_model_of_board(board.name))


def _count(build: Build, rules: _Rules, samples: Samples, count_samples: int) -> tuple[tuple[Trace, ...], int]:
    deadline_s = 300.0 + build.schedule.macs / 1e5
    target = Target(build.board, build.schedule, build.plan, build.sources.model_hash, deadline_s, build.version)
    link = SimLink(build.image, build.board, build.name, len(build.schedule.steps), _watch(build.board, rules.model))
    with Client(link) as client:
        check_identity(client, target)
        traces = count(client, link, target, samples, count_samples)
        return traces, client.stats().stack_peak_bytes


def _watch(board: Board, model: MemoryModel | None) -> Watch:
    if model is None or board.flash is None or board.ram is None:
        return StackOnly()
    flash, ram = board.flash, board.ram
    return MemoryWatch(model, (flash.address, flash.end), (ram.address, ram.end))


def _function_at(functions: Functions) -> FunctionAt:
    def at(address: int) -> tuple[str, int]:
        symbol = functions.at(address)
        return (symbol.name, symbol.address) if symbol is not None else (functions.name(address), address)

    return at


def _joined(parts: Sequence[Mapping[Edge, int]]) -> dict[Edge, int]:
    whole: dict[Edge, int] = defaultdict(int)
    for part in parts:
        for edge, times in part.items():
            whole[edge] += times
    return whole


def _joined_events(parts: Sequence[Events]) -> Events:
    whole: dict[tuple[int, int], int] = defaultdict(int)
    for part in parts:
        for key, times in part.items():
            whole[key] += times
    return whole


def _error(schedule: Schedule, held_out: HeldOut | None) -> float | None:
    """The error for this kind of network; none is known for floats, which were never compared."""
    weighted = [step for step in schedule.steps if step.macs]
    if held_out is None or any(not schedule.graph.tensor(step.outputs[0]).dtype.is_integer for step in weighted):
        return None
    connected = sum(step.macs for step in weighted if step.kernel.startswith("fully_connected"))
    return held_out.fully_connected if 2 * connected > schedule.macs else held_out.convolutional


def _core_estimate(build: Build, timing: Timing, costs: Sequence[Cost]) -> Estimate:
    cycles = spread([cost.cycles for cost in costs])
    assert cycles is not None
    return Estimate(
        name=timing.name,
        description="the core alone, memory without wait states",
        source=timing.source,
        clock_hz=build.board.clock_hz,
        cycles=cycles,
        error=_error(build.schedule, timing.error),
    )


def _memory_estimate(build: Build, model: MemoryModel | None, costs: Sequence[Cost], events: Events) -> Estimate | None:
    cycles = spread([cost.board_cycles for cost in costs])
    if model is None or cycles is None:
        return None
    named: dict[str, int] = defaultdict(int)
    for (_, event), times in events.items():
        named[Event(event).name.lower()] += times
    return Estimate(
        name=model.name,
        description=model.description,
        source=model.timing.source,
        clock_hz=model.clock_hz,
        cycles=cycles,
        error=_error(build.schedule, model.timing.error),
        events=dict(sorted(named.items())),
    )


def _step_events(trace: Trace, index: int) -> Events:
    return trace.step_events[index] if trace.step_events else {}


def _steps(schedule: Schedule, trace: Trace, accountant: Accountant) -> tuple[StepProfile, ...]:
    return tuple(
        StepProfile(
            index=step.index,
            layers=step.layers,
            kernel=step.kernel,
            macs=step.macs,
            constant_bytes=step.constant_bytes,
            scratch_bytes=step.scratch_bytes,
            stack_bytes=trace.step_stack_bytes[step.index],
            cost=accountant.cost(trace.step_edges[step.index], _step_events(trace, step.index)),
        )
        for step in schedule.steps
    )


def _functions(
    schedule: Schedule, trace: Trace, costs: Mapping[str, Cost], accountant: Accountant
) -> tuple[FunctionProfile, ...]:
    """All functions that ran, the dearest first; a step's MACs belong to the function that does most of it."""
    macs: dict[str, int] = defaultdict(int)
    for step in schedule.steps:
        parts = accountant.functions(trace.step_edges[step.index], _step_events(trace, step.index))
        if parts:
            macs[max(parts, key=lambda name: parts[name].best_cycles)] += step.macs
    found = (FunctionProfile(name, macs[name], cost) for name, cost in costs.items())
    return tuple(sorted(found, key=lambda function: (-function.cost.best_cycles, function.name)))
