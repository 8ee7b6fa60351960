"""Every float and hybrid kernel: generated C gives the interpreter's numbers on random graphs, under sanitizers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mcuq.codegen.generate import FLOAT_HEADERS
from mcuq.ir import Graph
from mcuq.schedule import KERNELS, schedule
from tests.codegen.harness import Case, _frame, _value, build_driver, case_of, examples, run_program
from tests.networks import network
from tests.ops.floats import AXES, RUN_TIME_OPS, STORAGES, float_inputs, floated, references
from tests.ops.strategies import graphs_of

EXAMPLES = int(os.environ.get("MCUQ_CODEGEN_EXAMPLES", "12"))
RELATIVE = 2e-6  # of the magnitude of what is summed: a few dozen roundings of float32


def _check(case: Case, answer: bytes, seed: int, *, relative: float) -> int:
    """Compare all steps of all samples; the bytes of `answer` that were read."""
    inputs = float_inputs(case.graph, seed)
    expected, magnitudes = references(case.graph, inputs)
    position = 0
    for sample in range(len(inputs[0])):
        for step in case.schedule.steps:
            arena = answer[position : position + case.plan.arena_bytes]
            position += case.plan.arena_bytes
            for name in step.outputs:
                got = np.frombuffer(_value(case, arena, name), np.float32)
                wanted = expected[name][sample].reshape(-1)
                allowed = relative * magnitudes[name, sample]
                np.testing.assert_allclose(got, wanted, rtol=0, atol=allowed, err_msg=f"{step.kernel} sample {sample}")
        position += sum(case.graph.tensor(name).bytes for name in case.graph.outputs)
    return position


def _compare(graphs: Sequence[Graph], folder: Path, compiler: str = "gcc", relative: float = RELATIVE) -> None:
    cases = [case_of(graph, f"m{k}") for k, graph in enumerate(graphs)]
    program = build_driver(cases, folder, compiler)
    data = b"".join(_frame(case, float_inputs(case.graph, k)) for k, case in enumerate(cases))
    answer = run_program(program, data)
    for seed, case in enumerate(cases):
        answer = answer[_check(case, answer, seed, relative=relative) :]
    assert not answer


@pytest.mark.parametrize("op", RUN_TIME_OPS)
def test_c_equals_interpreter(op: str, tmp_path: Path) -> None:
    """One op in float32, many random shapes: every element is within a few roundings."""
    graphs = [floated(graph, "float32") for graph in examples(graphs_of(op), EXAMPLES)]
    assert len(graphs) >= EXAMPLES // 4
    _compare(graphs, tmp_path)


@pytest.mark.parametrize("op", AXES)
@pytest.mark.parametrize("storage", ["float16", "int8", "int4"])
def test_stored_weights(storage: str, op: str, tmp_path: Path) -> None:
    """Weights in half precision, subnormal ones too, and in bytes with scales, read as exactly as float32 ones."""
    _compare([floated(graph, storage) for graph in examples(graphs_of(op), EXAMPLES)], tmp_path)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("op", AXES)
def test_hybrid_is_exact(op: str, compiler: str, tmp_path: Path) -> None:
    """Inputs quantized at run time, with and without zero points: C and interpreter give the same bits."""
    _compare([floated(graph, "hybrid") for graph in examples(graphs_of(op), EXAMPLES)], tmp_path, compiler, 0.0)


@pytest.mark.parametrize("storage", STORAGES)
def test_every_step_of_networks(storage: str, tmp_path: Path) -> None:
    """Random float graphs with branches, joins, aliases and scratch: each step finds its operands undisturbed."""
    # Whole graphs: errors of earlier steps add up, and hybrid layers may round them to another step.
    _compare([floated(network(seed), storage) for seed in range(20)], tmp_path, relative=1e-2)


def test_every_float_kernel_is_compared() -> None:
    """The random graphs of all ops reach each float and each hybrid kernel of the list."""
    graphs = [graph for op in RUN_TIME_OPS for graph in examples(graphs_of(op), EXAMPLES)]
    planned = (schedule(floated(graph, storage)) for graph in graphs for storage in ("float32", "hybrid"))
    reached = {step.kernel for plan in planned for step in plan.steps}
    assert {kernel.name for kernel in KERNELS if not set(kernel.arithmetics).isdisjoint(("float", "hybrid"))} <= reached


def test_integer_models_get_no_float_header() -> None:
    """Float headers come with the models that need them only."""
    (graph,) = examples(graphs_of("CONV_2D"), 1)
    assert not [file for file in case_of(graph).sources.files if Path(file.path).name in FLOAT_HEADERS]
    files = case_of(floated(graph, "float32")).sources.files
    assert {Path(file.path).name for file in files} >= set(FLOAT_HEADERS)
