"""Kernels with int4 weights: generated C gives the interpreter's bytes, and weights take half a byte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mcuq.schedule import schedule
from tests.codegen.harness import assert_equal_interpreter, case_of, examples
from tests.ops.int4 import STRATEGIES, int4_graphs
from tests.ops.strategies import inputs_for

EXAMPLES = int(os.environ.get("MCUQ_CODEGEN_EXAMPLES", "60"))
OPS = sorted(STRATEGIES)


@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("arithmetic", ["tflm", "single", "shift"])
def test_c_equals_interpreter(arithmetic: str, op: str, asymmetric: bool, tmp_path: Path) -> None:
    """Random shapes, paddings, dilations and odd channel counts, in each int8 scheme: every byte is equal."""
    graphs = examples(int4_graphs(op, arithmetic, asymmetric=asymmetric), EXAMPLES)
    assert len(graphs) >= EXAMPLES // 4
    cases = [(case_of(graph, f"m{k}"), inputs_for(graph, seed=k)) for k, graph in enumerate(graphs)]
    assert {step.kernel for case, _ in cases for step in case.schedule.steps} == {f"{op.lower()}/portable_w4"}
    assert_equal_interpreter(cases, tmp_path)


@pytest.mark.parametrize("op", OPS)
def test_weights_take_half_a_byte(op: str) -> None:
    """The weights of a step take half a byte each in flash, and one channel more where their number is odd."""
    for graph in examples(int4_graphs(op), EXAMPLES):
        (step,) = schedule(graph).steps
        weights = graph.constant("weights")
        channels = weights.shape[3 if op == "DEPTHWISE_CONV_2D" else 0]
        taps = weights.elements // channels
        packed_bytes = sum(c.bytes for c in step.constants if c.role.startswith("weights_"))
        assert packed_bytes == taps * ((channels + 1) // 2)
