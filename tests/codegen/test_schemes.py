"""Every integer scheme: generated C gives the interpreter's bytes on random graphs, under sanitizers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mcuq.schedule import KERNELS, schedule
from tests.codegen.harness import assert_equal_interpreter, case_of, examples
from tests.ops.schemes import RUN_TIME_OPS, WEIGHTED, asymmetric_graphs, graphs_in
from tests.ops.strategies import inputs_for

SCHEMES = ("single", "shift", "int16x8")
EXAMPLES = int(os.environ.get("MCUQ_CODEGEN_EXAMPLES", "60"))


@pytest.mark.parametrize("op", RUN_TIME_OPS)
@pytest.mark.parametrize("arithmetic", SCHEMES)
def test_c_equals_interpreter(arithmetic: str, op: str, tmp_path: Path) -> None:
    """One op in one scheme, many random shapes and quantizations, inputs with all extremes: every byte is equal."""
    graphs = examples(graphs_in(arithmetic, op), EXAMPLES)
    assert len(graphs) >= EXAMPLES // 4
    cases = [(case_of(graph, f"m{k}"), inputs_for(graph, seed=k)) for k, graph in enumerate(graphs)]
    assert_equal_interpreter(cases, tmp_path)


def test_every_kernel_is_compared() -> None:
    """The graphs of the schemes reach each kernel that is for them alone."""
    pairs = ((arithmetic, op) for arithmetic in SCHEMES for op in RUN_TIME_OPS)
    graphs = (graph for arithmetic, op in pairs for graph in examples(graphs_in(arithmetic, op), 20))
    reached = {step.kernel for graph in graphs for step in schedule(graph).steps}
    assert {kernel.name for kernel in KERNELS if set(kernel.arithmetics) <= set(SCHEMES)} <= reached


@pytest.mark.parametrize("op", WEIGHTED)
@pytest.mark.parametrize("arithmetic", ["tflm", "single", "shift"])
def test_asymmetric_weights(arithmetic: str, op: str, tmp_path: Path) -> None:
    """Weights with zero points, per tensor and per channel, in each int8 scheme: every byte is equal."""
    graphs = examples(asymmetric_graphs(op, arithmetic), EXAMPLES)
    assert len(graphs) >= EXAMPLES // 4
    cases = [(case_of(graph, f"m{k}"), inputs_for(graph, seed=k)) for k, graph in enumerate(graphs)]
    assert_equal_interpreter(cases, tmp_path)
