"""int4 weights mean what TFLM takes them for, and survive every file format."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcuq.errors import UnsupportedModel
from mcuq.exporters import export_tflite
from mcuq.exporters.container import save_graph
from mcuq.importers import load_tflite
from mcuq.importers.container import load_container
from mcuq.interpreter import run
from mcuq.ir import INT4, INT8, INT16, Graph, Tensor
from mcuq.ops import refusals
from tests.codegen.harness import examples
from tests.ops.int4 import STRATEGIES, int4_graphs
from tests.ops.oracle import assert_equals_tflm
from tests.ops.schemes import to_int16x8
from tests.ops.strategies import inputs_for, seeds

EXAMPLES = int(os.environ.get("MCUQ_ORACLE_EXAMPLES", "40"))
ANYTHING_GOES = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
OPS = sorted(STRATEGIES)


def _is_done_by_tflm(graph: Graph) -> bool:
    """TFLM has no fully connected layer with int4 weights and a scale per channel (fully_connected_common.cc)."""
    q = graph.constant("weights").quantization
    return graph.nodes[0].op != "FULLY_CONNECTED" or q is None or q.is_per_tensor


@pytest.mark.parametrize("op", OPS)
@ANYTHING_GOES
@given(data=st.data())
def test_op_equals_tflm(op: str, data: st.DataObject) -> None:
    """Interpreter and TFLM give the same bytes for random shapes, paddings and weights, extremes included."""
    graph = data.draw(int4_graphs(op).filter(_is_done_by_tflm))
    assert_equals_tflm(graph, inputs_for(graph, data.draw(seeds)))


@pytest.mark.parametrize("op", OPS)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_int4_is_int8_with_small_numbers(op: str, data: st.DataObject) -> None:
    """The same numbers stored as int8 give the same outputs, those of fully connected layers per channel included."""
    graph = data.draw(int4_graphs(op))
    inputs = inputs_for(graph, data.draw(seeds))
    as_int8 = replace(graph, values={**graph.values, "weights": replace(graph.constant("weights"), dtype=INT8)})
    assert_equals_tflm(as_int8, inputs)
    for ours, theirs in zip(run(graph, inputs), run(as_int8, inputs), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("arithmetic", ["tflm", "single", "shift"])
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_container_keeps_int4(arithmetic: str, op: str, data: st.DataObject) -> None:
    """A saved graph comes back with the same values, types and zero points."""
    graph = data.draw(int4_graphs(op, arithmetic, asymmetric=arithmetic != "tflm"))
    loaded = load_container(save_graph(graph))
    assert loaded == graph
    np.testing.assert_array_equal(loaded.constant("weights").values, graph.constant("weights").values)


@pytest.mark.parametrize("op", OPS)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_tflite_keeps_int4(op: str, data: st.DataObject) -> None:
    """Weights come back from a .tflite file as the same int4 numbers, odd counts included."""
    graph = data.draw(int4_graphs(op))
    weights = load_tflite(export_tflite(graph), "net").constant("weights")
    assert weights.dtype == INT4
    np.testing.assert_array_equal(weights.values, graph.constant("weights").values)


def _first(op: str) -> Graph:
    return examples(int4_graphs(op), 1)[0]


def test_both_files_take_half_a_byte_a_weight() -> None:
    """Neither file holds int4 weights a byte each."""
    graph = max(examples(int4_graphs("FULLY_CONNECTED"), 30), key=lambda g: g.constant("weights").elements)
    weights = graph.constant("weights")
    packed = weights.values.ravel()[: weights.elements // 2 * 2].view(np.uint8).reshape(-1, 2) & 15
    first_bytes = (packed[:, 0] | packed[:, 1] << 4).tobytes()
    assert weights.bytes == (weights.elements + 1) // 2
    for data in (export_tflite(graph), save_graph(graph)):
        assert first_bytes in data
        assert weights.values.tobytes() not in data


@pytest.mark.parametrize("op", OPS)
def test_int4_is_for_int8_activations(op: str) -> None:
    """With int16 activations int4 weights are refused in a sentence that says so."""
    graph = to_int16x8(_first(op))
    assert graph["x"].dtype == INT16
    assert any("int4 where activations are int8" in refusal.reason for refusal in refusals(graph))


def test_computed_int4_is_refused() -> None:
    """A .tflite file whose activations are int4 is refused, not misread."""
    graph = _first("FULLY_CONNECTED")
    x = graph.tensor("x")
    changed = Tensor("x", x.shape, INT4, replace(x.quantization, zero_points=(0,)) if x.quantization else None)
    with pytest.raises(UnsupportedModel, match="computed in int4"):
        load_tflite(export_tflite(replace(graph, values={**graph.values, "x": changed})), "net")
