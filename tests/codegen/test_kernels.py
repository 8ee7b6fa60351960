"""Every kernel: generated C gives the interpreter's bytes on random graphs, under sanitizers."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from mcuq.ir import Graph
from mcuq.ops import OPS
from mcuq.schedule import KERNELS, schedule
from tests.codegen.harness import assert_equal_interpreter, case_of, examples
from tests.ops.strategies import graphs_of, inputs_for

EXAMPLES = int(os.environ.get("MCUQ_CODEGEN_EXAMPLES", "40"))
RUN_TIME_OPS = tuple(card.name for card in OPS if not card.folds)


@cache
def random_graphs(op: str) -> list[Graph]:
    """Random graphs of one op; convolutions take many forms, so more of those."""
    return examples(graphs_of(op), 2 * EXAMPLES if op == "CONV_2D" else EXAMPLES)


@pytest.mark.parametrize("op", RUN_TIME_OPS)
def test_c_equals_interpreter(op: str, tmp_path: Path) -> None:
    """One op, many random shapes, quantizations and weights, inputs with all extremes: every byte is equal."""
    graphs = random_graphs(op)
    assert len(graphs) >= EXAMPLES // 4
    cases = [(case_of(graph, f"m{k}"), inputs_for(graph, seed=k)) for k, graph in enumerate(graphs)]
    assert_equal_interpreter(cases, tmp_path)


def test_every_kernel_is_compared() -> None:
    """The random graphs of all ops reach each portable kernel for them, so that none goes untested."""
    graphs = (graph for op in RUN_TIME_OPS for graph in random_graphs(op))
    reached = {step.kernel for graph in graphs for step in schedule(graph).steps}
    portable = {kernel.name for kernel in KERNELS if "tflm" in kernel.arithmetics and kernel.name.endswith("/portable")}
    assert portable <= reached


def test_every_op_has_a_kernel_or_needs_none() -> None:
    """An op that is left at run time is computed by a kernel; only RESHAPE is free."""
    computed = {op for kernel in KERNELS for op in kernel.ops}
    assert set(RUN_TIME_OPS) - computed == {"RESHAPE"}
