"""The memory plan: no step disturbs what is still needed, nothing is larger than need be, and the checker sees all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mcuq import pipeline
from mcuq.artifacts import Buffer, MemoryPlan, Schedule
from mcuq.errors import IllegalGraph
from mcuq.ir import Quantization
from mcuq.memory import check_plan, plan_memory
from mcuq.ops import NoAttrs
from mcuq.ops.binary import Binary
from mcuq.ops.concatenation import Concatenation
from mcuq.ops.conv_2d import Conv2D
from mcuq.ops.reshape import Reshape
from mcuq.schedule import schedule
from tests.memory.simulation import extent, is_harmless
from tests.networks import Builder, network, residual_block

SEEDS = range(150)


def with_scratch(planned: Schedule, rng: np.random.Generator) -> Schedule:
    """The same schedule in which some steps ask for scratch, whatever their kernels need today."""
    steps = tuple(replace(s, scratch_bytes=int(rng.integers(0, 3)) * int(rng.integers(1, 60))) for s in planned.steps)
    kept = tuple(buffer for buffer in planned.buffers if not buffer.name.startswith("\0"))
    scratch = tuple(Buffer(s.scratch, s.scratch_bytes, 4) for s in steps if s.scratch_bytes)
    return replace(planned, steps=steps, buffers=kept + scratch)


def random_schedule(seed: int) -> Schedule:
    """A random network, inputs kept or not, with and without scratch."""
    rng = np.random.default_rng(seed)
    planned = schedule(network(seed), frozenset(), bool(seed % 2))
    return with_scratch(planned, rng) if seed % 3 else planned


def moved(plan: MemoryPlan, index: int, offset: int) -> MemoryPlan:
    """The plan with one buffer elsewhere."""
    placements = list(plan.placements)
    placements[index] = replace(placements[index], offset_bytes=offset)
    return replace(plan, placements=tuple(placements))


def accepts(planned: Schedule, plan: MemoryPlan) -> bool:
    """Whether the checker lets the plan pass."""
    try:
        check_plan(planned, plan)
    except IllegalGraph:
        return False
    return True


def mutations(planned: Schedule, plan: MemoryPlan, rng: np.random.Generator) -> Iterator[MemoryPlan]:
    """Plans with one buffer moved to another aligned place within the arena."""
    for index, placement in enumerate(plan.placements):
        for _ in range(4):
            slack = plan.arena_bytes - placement.bytes
            yield moved(plan, index, int(rng.integers(0, slack // 4 + 1)) * 4)


@pytest.mark.parametrize("seed", SEEDS)
def test_plans_are_harmless(seed: int) -> None:
    """Simulated byte by byte, no step of a planned network reads what another one has overwritten."""
    planned = random_schedule(seed)
    plan = plan_memory(planned)
    assert is_harmless(planned, plan)


def test_checker_sees_exactly_the_conflicts_that_arise() -> None:
    """A plan with one buffer moved is refused if and only if the simulation finds a byte destroyed too early."""
    verdicts = []
    for seed in SEEDS:
        planned, rng = random_schedule(seed), np.random.default_rng(seed)
        for mutated in mutations(planned, plan_memory(planned), rng):
            harmless = is_harmless(planned, mutated)
            assert accepts(planned, mutated) == harmless, f"seed {seed}: {mutated}"
            verdicts.append(harmless)
    assert min(sum(verdicts), len(verdicts) - sum(verdicts)) > len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_bounds(seed: int) -> None:
    """The arena reaches to the end of the highest buffer, no further, and is never below the lower bound."""
    plan = plan_memory(random_schedule(seed))
    assert plan.arena_bytes == max(p.offset_bytes + p.bytes for p in plan.placements)
    assert plan.lower_bound_bytes <= plan.arena_bytes


@pytest.mark.parametrize("seed", [0, 7, 42])
def test_plans_are_deterministic(seed: int) -> None:
    """The same schedule gets the same plan, the search included."""
    assert plan_memory(random_schedule(seed)) == plan_memory(random_schedule(seed))


def test_buffers_outside_the_arena_are_refused() -> None:
    """A buffer that begins before the arena or ends behind it is named."""
    planned = schedule(residual_block())
    plan = plan_memory(planned)
    for offset in (-4, plan.arena_bytes):
        with pytest.raises(IllegalGraph, match="leaves the arena"):
            check_plan(planned, moved(plan, 0, offset))


def test_misaligned_buffers_are_refused() -> None:
    """A buffer that does not start at a multiple of its alignment is named."""
    planned = schedule(residual_block())
    plan = replace(plan_memory(planned), arena_bytes=1 << 20)
    with pytest.raises(IllegalGraph, match="is not aligned"):
        check_plan(planned, moved(plan, 0, 4098))


def chain(length: int) -> Schedule:
    """An input through so many RELUs of 100 bytes each."""
    b = Builder(np.random.default_rng(0))
    x = b.input((1, 5, 5, 4))
    for _ in range(length):
        x = b.node("RELU", (x,), NoAttrs())
    return schedule(b.graph((x,)))


def test_elementwise_chains_run_in_place() -> None:
    """However many elementwise steps follow one another, one buffer is enough."""
    assert plan_memory(chain(5)).arena_bytes == 100


def test_kept_inputs_cost_their_own_bytes() -> None:
    """With `keep_inputs` the first step may not write over the input, the later ones still run in place."""
    kept = replace(chain(5), keep_inputs=True)
    plan = plan_memory(kept)
    assert plan.arena_bytes == 200
    assert plan.placement("in0").last == len(kept.steps)


def test_sums_run_in_place() -> None:
    """The sum of a residual block is written over one of its operands: three images are never alive at once."""
    planned = schedule(residual_block())
    plan = plan_memory(planned)
    assert plan.arena_bytes <= 2 * 6 * 6 * 4


def test_an_operand_that_is_read_again_is_not_overwritten() -> None:
    """x + relu(x): the RELU may not run in place, since the sum still reads x."""
    b = Builder(np.random.default_rng(0))
    x = b.input((1, 5, 5, 4))
    planned = schedule(b.graph((b.node("ADD", (x, b.node("RELU", (x,), NoAttrs())), Binary()),)))
    assert plan_memory(planned).arena_bytes == 200


def test_reshapes_share_their_buffer() -> None:
    """A RESHAPE has no step and its result lies where its operand does."""
    b = Builder(np.random.default_rng(0))
    x = b.node("RELU", (b.input((1, 5, 5, 4)),), NoAttrs())
    y = b.node("RESHAPE", (x,), Reshape((1, 100)))
    planned = schedule(b.graph((y,)))
    plan = plan_memory(planned)
    assert [step.nodes[0].op for step in planned.steps] == ["RELU"]
    assert extent(planned, plan, x) == extent(planned, plan, y)


def test_concatenations_along_rows_are_written_in_place() -> None:
    """The operands are computed straight into the result, one behind the other, and no step copies them."""
    b = Builder(np.random.default_rng(0))
    x = b.input((1, 5, 5, 4))
    parts = [b.node("RELU", (x,), NoAttrs()), b.node("ADD", (x, x), Binary())]
    y = b.node("CONCATENATION", tuple(parts), Concatenation(1))
    planned = schedule(b.graph((y,)))
    plan = plan_memory(planned)
    assert [step.nodes[0].op for step in planned.steps] == ["RELU", "ADD"]
    first, second, whole = (extent(planned, plan, name) for name in (*parts, y))
    assert (first.start, first.stop, second.stop) == (whole.start, second.start, whole.stop)


def test_concatenations_of_inputs_are_copied() -> None:
    """An input keeps a place of its own, so its concatenation is a step."""
    b = Builder(np.random.default_rng(0))
    x, other = b.input((1, 5, 5, 4)), b.input((1, 2, 5, 4))
    planned = schedule(b.graph((b.node("CONCATENATION", (x, other), Concatenation(1)),)))
    assert [step.kernel for step in planned.steps] == ["concatenation/portable"]


def test_a_wider_result_lies_below_its_operand() -> None:
    """DEQUANTIZE in place: four bytes for one, so the floats begin three quarters of their bytes before the input."""
    b = Builder(np.random.default_rng(0))
    planned = schedule(b.graph((b.node("DEQUANTIZE", (b.input((1, 5, 5, 4)),), NoAttrs(), None),)))
    plan = plan_memory(planned)
    assert plan.arena_bytes == 400
    assert extent(planned, plan, "in0").start == extent(planned, plan, "v0").start + 300


def test_buffers_of_different_times_share_memory() -> None:
    """A chain of convolutions needs no more than the two largest neighbours together."""
    b = Builder(np.random.default_rng(0))
    names = [b.input((1, 8, 8, 2))]
    for channels in (3, 5, 4, 1, 2):
        previous = b.values[names[-1]].shape[3]
        weights = b.weights((channels, 1, 1, previous), Quantization((0.01,), (0,)))
        names.append(b.node("CONV_2D", (names[-1], weights), Conv2D()))
    planned = schedule(b.graph((names[-1],)))
    sizes = [planned.graph.tensor(name).bytes for name in names]
    assert max(sizes) <= plan_memory(planned).arena_bytes <= max(a + b for a, b in pairwise(sizes))


@pytest.mark.parametrize(
    ("model", "limit_bytes"),
    [
        ("kws_ref_int8", 16_500),
        ("ic_resnet8_int8", 50_000),
        ("vww_mobilenet025_int8", 56_000),
        ("ad_toycar_int8", 1_300),
    ],
)
def test_arenas_of_real_models(zoo: Path, model: str, limit_bytes: int) -> None:
    """The arenas of the four MLPerf Tiny models are as small as promised, and the plans harmless."""
    planned = schedule(pipeline.load(zoo / "models" / f"{model}.tflite"))
    plan = plan_memory(planned)
    assert plan.arena_bytes <= limit_bytes
    assert is_harmless(planned, plan)
