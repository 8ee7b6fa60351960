"""Files of the first quantization scheme of TFLite, uint8: every tensor becomes int8 by subtracting 128, exactly.

Values and zero points move together, so that real numbers stay what they were. What users feed and get stays uint8: a
QUANTIZE at each end does the subtraction. TFLM refuses such files, so LiteRT's reference kernels are what is equalled:
their averages round halves up, fully connected layers round once, and the scales of input and weights of a convolution
are multiplied in float32.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mcuq.arithmetic.multiplier import quantize_multiplier
from mcuq.ir import INT8, UINT8, Constant, Graph, Node, Quantization, Tensor, Value
from mcuq.ops.quantize import Quantize
from mcuq.ops.requirements import quantization_of

OFFSET = 128
# Ops that only change a value's type; uint8 there alone does not make a file an old one.
EDGES = ("QUANTIZE", "DEQUANTIZE")
# TFLite's uint8 kernels of these compute differently from its int8 ones.
REFUSED = ("LOGISTIC", "MEAN", "MUL", "TANH")
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def signed(value: Value) -> Value:
    """The int8 value that stands for a quantized uint8 one; other values as they are."""
    q = value.quantization
    if value.dtype != UINT8 or q is None:
        return value
    moved = Quantization(q.scales, tuple(zero - OFFSET for zero in q.zero_points), q.axis)
    if isinstance(value, Constant):
        return Constant(value.name, value.shape, INT8, moved, (value.values ^ OFFSET).view(np.int8))
    return Tensor(value.name, value.shape, INT8, moved)


def _unsigned(value: Tensor) -> Tensor:
    """The uint8 tensor that an int8 one stands for."""
    q = quantization_of(value)
    moved = Quantization(q.scales, tuple(zero + OFFSET for zero in q.zero_points), q.axis)
    return Tensor(value.name, value.shape, UINT8, moved)


def product_scale(x_scale: float, weight_scale: float, y_scale: float) -> float:
    """A weight scale whose product with the input's, in double, gives the multiplier of the product in float32."""
    with np.errstate(over="ignore", under="ignore"):
        product = float(np.float32(x_scale) * np.float32(weight_scale))
    if not math.isfinite(product) or product == 0:
        return weight_scale
    wanted = quantize_multiplier(product / y_scale)
    close = product / x_scale
    for scale in (close, math.nextafter(close, 0.0), math.nextafter(close, math.inf)):
        if quantize_multiplier(x_scale * scale / y_scale) == wanted:
            return scale
    return close


def _with_product_scale(node: Node, graph: Graph, index: int) -> tuple[Node, Constant | None]:
    """The convolution with weights of its own whose scale is `product_scale`."""
    x, weights, y = graph[node.inputs[0]], graph[node.inputs[1]], graph[node.outputs[0]]
    scales = [value.quantization for value in (x, weights, y)]
    if not isinstance(weights, Constant) or any(q is None or not q.is_per_tensor for q in scales):
        return node, None
    first, second, third = (q.scale for q in scales if q is not None)
    own = f"{weights.name}#{index}" if len(graph.users(weights.name)) > 1 else weights.name
    q = replace(scales[1], scales=(product_scale(first, second, third),)) if scales[1] else None
    changed = replace(weights, name=own, quantization=q)
    return replace(node, inputs=(node.inputs[0], own, *node.inputs[2:])), changed


def _nodes(graph: Graph, added: dict[str, Value]) -> Iterator[Node]:
    """The nodes as uint8 kernels compute them."""
    for index, node in enumerate(graph.nodes):
        if node.op in CONVOLUTIONS:
            changed, weights = _with_product_scale(node, graph, index)
            if weights is not None:
                added[weights.name] = weights
            yield changed
        elif node.op == "FULLY_CONNECTED":
            yield replace(node, arithmetic="single")
        elif node.op == "AVERAGE_POOL_2D":
            yield replace(node, attrs=replace(node.attrs, halves_up=True))
        else:
            yield node


def _renamed(node: Node, names: dict[str, str]) -> Node:
    inputs, outputs = (tuple(names.get(name, name) for name in side) for side in (node.inputs, node.outputs))
    return replace(node, inputs=inputs, outputs=outputs)


def _free_name(stem: str, values: dict[str, Value]) -> str:
    name, attempt = stem, 0
    while name in values:
        attempt += 1
        name = f"{stem}#{attempt}"
    return name


def as_uint8(graph: Graph, ends: frozenset[str]) -> Graph:
    """The signed graph computed as its uint8 original, with uint8 at those `ends` of it that were uint8.

    The ends keep their names; behind them stands the int8 value.
    """
    values = dict(graph.values)
    nodes = list(_nodes(graph, values))
    wanted = [name for name in dict.fromkeys((*graph.inputs, *graph.outputs)) if name in ends]
    inner = {name: _free_name(f"{name}/int8", values) for name in wanted}
    nodes = [_renamed(node, inner) for node in nodes]
    for name, behind in inner.items():
        tensor = graph.tensor(name)
        values[behind], values[name] = replace(tensor, name=behind), _unsigned(tensor)
        if name in graph.inputs:
            nodes.insert(0, Node("QUANTIZE", (name,), (behind,), Quantize("int8"), "tflm", (name,)))
        else:
            nodes.append(Node("QUANTIZE", (behind,), (name,), Quantize("uint8"), "tflm", (name,)))
    return replace(graph, values=values, nodes=tuple(nodes))
