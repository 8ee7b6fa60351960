"""The random graphs of `strategies` in other integer schemes: what int8 graphs become there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from mcuq.ir import INT8, INT16, INT32, INT64, Constant, Graph, Node, Quantization, Value
from mcuq.ops import OPS, refusals
from mcuq.ops.pad import Pad
from mcuq.ops.quantize import Quantize
from tests.ops.strategies import Draw, float32, graphs_of, quantizations, shapes, single_op, tensor, zero_points

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
FIXED = ("LOGISTIC", "SOFTMAX", "TANH")
RUN_TIME_OPS = tuple(card.name for card in OPS if not card.folds)
# int16 and int8 share 8 bits; an int16 scale that is 256 times finer covers the same numbers.
FINER = 2.0**-8


def _with_arithmetic(graph: Graph, arithmetic: str, values: Mapping[str, Value], attrs: object = None) -> Graph:
    (node,) = graph.nodes
    changed = replace(node, arithmetic=arithmetic, attrs=node.attrs if attrs is None else attrs)
    return replace(graph, values=values, nodes=(changed,))


def to_single(graph: Graph) -> Graph:
    """The same graph, rounded once."""
    return _with_arithmetic(graph, "single", graph.values)


def _power_of_two(q: Quantization | None) -> Quantization | None:
    """The nearest powers of two above the scales."""
    return None if q is None else replace(q, scales=tuple(2.0 ** math.ceil(math.log2(s)) for s in q.scales))


def to_shift(graph: Graph) -> Graph:
    """The same graph in Q format, zero points and all."""
    values = {n: replace(v, quantization=_power_of_two(v.quantization)) for n, v in graph.values.items()}
    return _with_arithmetic(graph, "shift", values)


def _finer(value: Value) -> Value:
    q = value.quantization
    assert q is not None
    wide = replace(value, dtype=INT16, quantization=Quantization((float32(q.scale * FINER),), (0,)))
    if not isinstance(wide, Constant):
        return wide
    rest = np.arange(wide.elements).reshape(wide.shape) * 37 % 256
    return replace(wide, values=(wide.values.astype(np.int16) * 256 + rest).astype(np.int16))


def _wide(node: Node, value: Value) -> Value:
    """The value as a 16x8 graph has it: bias of 64 bits, weights as they are, the rest of 16 bits."""
    if node.op in WEIGHTED and value.dtype == INT32:
        assert isinstance(value, Constant)
        assert value.quantization is not None
        finer = replace(value.quantization, scales=tuple(float32(s * FINER) for s in value.quantization.scales))
        return replace(value, dtype=INT64, quantization=finer, values=value.values.astype(np.int64) * 1000)
    if value.dtype != INT8 or (node.op in WEIGHTED and isinstance(value, Constant)):
        return value
    return _finer(value)


def to_int16x8(graph: Graph) -> Graph:
    """The same graph with int16 activations."""
    (node,) = graph.nodes
    values = {name: _wide(node, value) for name, value in graph.values.items()}
    if node.op in FIXED:
        values["y"] = replace(values["y"], quantization=Quantization((1 / 32768,), (0,)))
    attrs = node.attrs
    if isinstance(attrs, Pad) and attrs.value is not None:
        attrs = replace(attrs, value=attrs.value * 256)
    return _with_arithmetic(graph, "int16x8", values, attrs)


@st.composite
def int16_quantize_graphs(draw: Draw) -> Graph:
    """int8 to int16, int16 to int8, int16 to int16."""
    shape, exponent = draw(shapes()), draw(st.floats(-6, 6))
    q = draw(quantizations())
    fine = Quantization((float32(q.scale * FINER * 2.0**exponent),), (0,))
    other = Quantization((float32(fine.scale * 2.0 ** draw(st.floats(-3, 3))),), (0,))
    kind = draw(st.sampled_from(("widen", "narrow", "same")))
    if kind == "widen":
        graph = single_op("QUANTIZE", (tensor("x", shape, q),), Quantize("int16"), fine)
    elif kind == "narrow":
        graph = single_op("QUANTIZE", (tensor("x", shape, fine, INT16),), Quantize("int8"), q)
    else:
        graph = single_op("QUANTIZE", (tensor("x", shape, fine, INT16),), Quantize("int16"), other)
    return _with_arithmetic(graph, "int16x8", graph.values)


def _float_to_int16(graph: Graph) -> Graph:
    return _with_arithmetic(
        graph, "int16x8", {n: v if n == "x" else _finer(v) for n, v in graph.values.items()}, Quantize("int16")
    )


def _is_supported(graph: Graph) -> bool:
    return not refusals(graph)


def _int16x8_graphs(op: str) -> st.SearchStrategy[Graph]:
    if op != "QUANTIZE":
        return graphs_of(op).filter(lambda g: any(v.dtype == INT8 for v in g.values.values())).map(to_int16x8)
    from_float = graphs_of(op).filter(lambda g: g["x"].quantization is None and g["y"].dtype == INT8)
    return st.one_of(int16_quantize_graphs(), from_float.map(_float_to_int16))


@st.composite
def asymmetric_graphs(draw: Draw, op: str, arithmetic: str = "tflm") -> Graph:
    """A convolution or fully connected layer whose weights have zero points, per channel where scales are."""
    graph = draw(graphs_in(arithmetic, op))
    weights = graph["weights"]
    q = weights.quantization
    zeros = tuple(draw(zero_points) for _ in q.scales)
    shifted = replace(weights, quantization=replace(q, zero_points=zeros))
    changed = replace(graph, values={**graph.values, "weights": shifted})
    assume(not refusals(changed))
    return changed


def graphs_in(arithmetic: str, op: str) -> st.SearchStrategy[Graph]:
    """Supported graphs of one node of that op in that arithmetic."""
    if arithmetic == "int16x8":
        return _int16x8_graphs(op).filter(_is_supported)
    if arithmetic == "tflm":
        return graphs_of(op)
    convert = {"single": to_single, "shift": to_shift}[arithmetic]
    int8 = graphs_of(op).filter(lambda graph: graph.nodes[0].arithmetic == "tflm")
    return int8.map(convert).filter(_is_supported)
