"""Random layers with int4 weights, wide enough to fill every width of packed elements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from mcuq.ir import INT4, INT32, Constant, Graph, Quantization
from mcuq.ops import refusals
from mcuq.ops.conv_2d import Conv2D
from mcuq.ops.depthwise_conv_2d import DepthwiseConv2D
from mcuq.ops.fully_connected import FullyConnected
from mcuq.ops.window import Padding, same_padding
from tests.ops.schemes import to_shift, to_single
from tests.ops.strategies import (
    Array,
    Draw,
    activations,
    constant,
    float32,
    quantizations,
    seeds,
    single_op,
    tensor,
    zero_points,
)

Pair = tuple[int, int]
CONVERT: Mapping[str, Callable[[Graph], Graph]] = {"tflm": lambda graph: graph, "single": to_single, "shift": to_shift}


def _numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Of -8 to 7; sometimes the least and the greatest alone, which is what sums may overflow by."""
    ends = rng.choice(np.array((-8, 7)), shape) if rng.random() < 0.5 else np.full(shape, rng.choice((-8, 7)))
    return np.where(rng.random(shape) < rng.choice((0.0, 0.5, 1.0)), ends, rng.integers(-8, 8, shape)).astype(np.int8)


def _constants(draw: Draw, shape: tuple[int, ...], axis: int, in_scale: float) -> tuple[tuple[Constant, ...], float]:
    """Weights, perhaps a bias, and the accumulator's greatest scale."""
    rng = np.random.default_rng(draw(seeds))
    channels = shape[axis]
    count = channels if draw(st.booleans()) else 1
    weight_scales = tuple(float32(s) for s in 2.0 ** rng.uniform(-8, -1, count))
    q = Quantization(weight_scales, (0,) * count, axis if count > 1 else None)
    weights = Constant("weights", shape, INT4, q, _numbers(rng, shape))
    products = tuple(float32(in_scale * scale) for scale in weight_scales)
    if not draw(st.booleans()):
        return (weights,), max(products)
    reach = 1 << draw(st.sampled_from((0, 8, 16, 22)))
    bias_q = Quantization(products, (0,) * count, 0 if count > 1 else None)
    return (weights, constant("bias", rng.integers(-reach, reach + 1, channels), INT32, bias_q)), max(products)


def _output(draw: Draw, accumulator_scale: float) -> Quantization:
    return Quantization((float32(accumulator_scale * 2.0 ** draw(st.floats(-2, 14))),), (draw(zero_points),))


def _window(draw: Draw) -> tuple[Pair, Pair, Pair, Pair, Padding]:
    """Image, window, stride, dilation, padding; pointwise and whole-row windows often."""
    image, size = draw(st.tuples(st.integers(1, 7), st.integers(1, 7))), draw(st.tuples(*[st.integers(1, 4)] * 2))
    stride, dilation = draw(st.tuples(*[st.integers(1, 3)] * 2)), draw(st.tuples(*[st.integers(1, 3)] * 2))
    kind = draw(st.sampled_from(("VALID", "SAME", "explicit", "pointwise", "rows")))
    if kind == "pointwise":
        return image, (1, 1), (1, 1), (1, 1), Padding()
    if kind == "rows":
        return image, (min(size[0], image[0]), image[1]), stride, (1, 1), Padding()
    if kind == "SAME":
        return image, size, stride, dilation, same_padding(size, stride, dilation, image)
    rows, columns = st.integers(0, size[0] - 1), st.integers(0, size[1] - 1)
    padding = Padding(draw(rows), draw(rows), draw(columns), draw(columns)) if kind == "explicit" else Padding()
    return image, size, stride, dilation, padding


@st.composite
def conv_2d_graphs(draw: Draw) -> Graph:
    """Up to 12 channels and 20 filters."""
    image, size, stride, dilation, padding = _window(draw)
    channels, filters = draw(st.integers(1, 12)), draw(st.integers(1, 20))
    q = draw(quantizations())
    constants, scale = _constants(draw, (filters, *size, channels), 0, q.scale)
    attrs = Conv2D(stride, dilation, padding, draw(activations))
    return single_op("CONV_2D", (tensor("x", (1, *image, channels), q), *constants), attrs, _output(draw, scale))


@st.composite
def depthwise_conv_2d_graphs(draw: Draw) -> Graph:
    """Up to 10 channels, depth multipliers up to 8."""
    image, size, stride, dilation, padding = _window(draw)
    channels, multiplier = draw(st.integers(1, 10)), draw(st.sampled_from((1, 1, 1, 2, 3, 4, 8)))
    q = draw(quantizations())
    constants, scale = _constants(draw, (1, *size, channels * multiplier), 3, q.scale)
    attrs = DepthwiseConv2D(stride, dilation, padding, multiplier, draw(activations))
    x = tensor("x", (1, *image, channels), q)
    return single_op("DEPTHWISE_CONV_2D", (x, *constants), attrs, _output(draw, scale))


@st.composite
def fully_connected_graphs(draw: Draw) -> Graph:
    """Rows of up to 100 elements, up to 20 outputs."""
    row, outputs = draw(st.integers(1, 100)), draw(st.integers(1, 20))
    q = draw(quantizations())
    constants, scale = _constants(draw, (outputs, row), 0, q.scale)
    x = tensor("x", (*draw(st.sampled_from(((1,), (3,), (1, 2)))), row), q)
    attrs = FullyConnected(draw(activations), draw(st.booleans()))
    return single_op("FULLY_CONNECTED", (x, *constants), attrs, _output(draw, scale))


STRATEGIES: Mapping[str, st.SearchStrategy[Graph]] = {
    "CONV_2D": conv_2d_graphs(),
    "DEPTHWISE_CONV_2D": depthwise_conv_2d_graphs(),
    "FULLY_CONNECTED": fully_connected_graphs(),
}


@st.composite
def int4_graphs(draw: Draw, op: str, arithmetic: str = "tflm", *, asymmetric: bool = False) -> Graph:
    """A supported graph of one node of that op with int4 weights; `asymmetric` ones have zero points."""
    graph = CONVERT[arithmetic](draw(STRATEGIES[op]))
    if asymmetric:
        weights = graph.constant("weights")
        assert weights.quantization is not None
        zeros = tuple(draw(st.integers(-8, 7)) for _ in weights.quantization.scales)
        shifted = replace(weights, quantization=replace(weights.quantization, zero_points=zeros))
        graph = replace(graph, values={**graph.values, "weights": shifted})
    assume(not refusals(graph))
    return graph


__all__ = ["STRATEGIES", "int4_graphs"]
