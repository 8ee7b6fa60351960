"""Old uint8 files: imported as int8, computed as LiteRT's reference kernels compute uint8, byte for byte."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mcuq.arithmetic.multiplier import quantize_multiplier
from mcuq.errors import UnsupportedModel
from mcuq.exporters import export_tflite
from mcuq.importers import load_tflite
from mcuq.importers.tflite.unsigned import product_scale
from mcuq.interpreter import run
from mcuq.ir import INT8, UINT8, Constant, Graph, Quantization, Value
from mcuq.ops import refusals
from mcuq.ops.pad import Pad
from mcuq.passes import simplify
from tests.codegen.harness import assert_equal_interpreter, case_of, examples
from tests.ops.strategies import Draw, graphs_of, inputs_for, scales, seeds

Array = npt.NDArray[Any]
EXAMPLES = int(os.environ.get("MCUQ_ORACLE_EXAMPLES", "40"))
OPS = (
    *("ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D"),
    *("PAD", "RELU", "RELU6", "RESHAPE", "SOFTMAX", "SUB"),
)


def _unsigned(value: Value) -> Value:
    q = value.quantization
    if value.dtype != INT8 or q is None:
        return value
    moved = replace(value, dtype=UINT8, quantization=Quantization(q.scales, tuple(z + 128 for z in q.zero_points)))
    if not isinstance(moved, Constant):
        return moved
    return replace(moved, values=(moved.values.astype(np.int16) + 128).astype(np.uint8))


@st.composite
def uint8_graphs(draw: Draw, op: str) -> Graph:
    """The graphs of `strategies` as TFLite's first quantization scheme has them: uint8, per tensor, any zero point."""
    graph = draw(graphs_of(op).filter(lambda g: any(v.dtype == INT8 for v in g.values.values())))
    values = {name: _unsigned(value) for name, value in graph.values.items()}
    weights = values.get("weights")
    if weights is not None:
        assert weights.quantization is not None
        assume(weights.quantization.is_per_tensor)
        zero = draw(st.integers(0, 255))
        values["weights"] = replace(weights, quantization=Quantization(weights.quantization.scales, (zero,)))
    (node,) = graph.nodes
    assume(op != "CONV_2D" or len(node.inputs) == 3)  # LiteRT asks for a bias
    if isinstance(node.attrs, Pad) and node.attrs.value is not None:
        node = replace(node, attrs=replace(node.attrs, value=node.attrs.value + 128))
    return replace(graph, values=values, nodes=(node,))


def _imported(model: bytes) -> Graph:
    try:
        return load_tflite(model, "old")
    except UnsupportedModel:
        assume(False)
        raise


def _exported(graph: Graph) -> bytes:
    try:
        return export_tflite(graph)
    except UnsupportedModel:
        assume(False)
        raise


def _litert(model: bytes, inputs: Sequence[Array]) -> list[Array]:
    """LiteRT's reference kernels, sample by sample; skips without its wheel."""
    runtime = pytest.importorskip("ai_edge_litert.interpreter", reason="ai-edge-litert is not installed")
    interpreter = runtime.Interpreter(
        model_content=model, experimental_op_resolver_type=runtime.OpResolverType.BUILTIN_REF, num_threads=1
    )
    interpreter.allocate_tensors()
    feeds, fetches = interpreter.get_input_details(), interpreter.get_output_details()
    rows: list[list[Array]] = [[] for _ in fetches]
    for sample in range(len(inputs[0])):
        for feed, array in zip(feeds, inputs, strict=True):
            interpreter.set_tensor(feed["index"], array[sample])
        interpreter.invoke()
        for row, fetch in zip(rows, fetches, strict=True):
            row.append(np.array(interpreter.get_tensor(fetch["index"])))
    return [np.stack(row) for row in rows]


@pytest.mark.parametrize("op", OPS)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_uint8_equals_litert(op: str, data: st.DataObject) -> None:
    """An old file gives LiteRT's very bytes, uint8 in and uint8 out."""
    model = _exported(data.draw(uint8_graphs(op)))
    graph = _imported(model)
    inputs = inputs_for(graph, data.draw(seeds))
    assert all(array.dtype == np.uint8 for array in inputs)
    for mine, theirs in zip(run(graph, inputs), _litert(model, inputs), strict=True):
        assert mine.dtype == theirs.dtype == np.uint8
        np.testing.assert_array_equal(mine, theirs.reshape(mine.shape))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), op=st.sampled_from(OPS))
def test_only_the_ends_stay_uint8(data: st.DataObject, op: str) -> None:
    """Between the QUANTIZE at each end everything is int8, nothing is refused, and the ends keep their names."""
    original = data.draw(uint8_graphs(op))
    graph = _imported(_exported(original))
    assert (graph.inputs, graph.outputs) == (original.inputs, original.outputs)
    unsigned = {name for name, value in graph.values.items() if value.dtype == UINT8}
    assert unsigned == {*graph.inputs, *graph.outputs}
    assert refusals(graph) == ()


@pytest.mark.parametrize("op", ["AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
def test_c_equals_interpreter(op: str, tmp_path: Path) -> None:
    """Generated C of old files gives the interpreter's bytes, under sanitizers."""
    models = examples(uint8_graphs(op).map(_exported), 40)
    graphs = [simplify(graph) for graph in examples(st.sampled_from(models).map(_imported), 40)]
    assert len(graphs) >= 10
    cases = [(case_of(graph, f"m{k}"), inputs_for(graph, seed=k)) for k, graph in enumerate(graphs)]
    assert_equal_interpreter(cases, tmp_path)


@given(scales(-10, 2), scales(-12, -2), scales(-10, 8))
def test_product_scale_gives_the_float32_product(x: float, weights: float, y: float) -> None:
    """The multiplier is that of TFLite, which multiplies both scales in float32 for uint8."""
    product = float(np.float32(x) * np.float32(weights))
    assert quantize_multiplier(x * product_scale(x, weights, y) / y) == quantize_multiplier(product / y)


@pytest.mark.parametrize("op", ["LOGISTIC", "MEAN", "MUL", "TANH"])
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_uint8_computes_otherwise_is_refused(op: str, data: st.DataObject) -> None:
    """An op whose uint8 kernel is another one is refused, and the reason says so."""
    model = export_tflite(data.draw(uint8_graphs(op)))
    with pytest.raises(UnsupportedModel, match="with uint8"):
        load_tflite(model, "old")
