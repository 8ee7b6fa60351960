"""Random graphs that the kernels for DSP instructions accept, awkward shapes, channels and factors included."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mcuq.ir import INT4, INT8, INT32, Graph, Quantization
from mcuq.ops.binary import Binary
from mcuq.ops.conv_2d import Conv2D
from mcuq.ops.depthwise_conv_2d import DepthwiseConv2D
from mcuq.ops.fully_connected import FullyConnected
from mcuq.ops.pool import Pool2D
from mcuq.ops.window import Padding, same_padding
from tests.ops.strategies import Draw, constant, float32, seeds, single_op, tensor

zero_points = st.sampled_from((-128, -128, -77, 0, 5, 127))


def _extremes(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Weights: small, spread, or all at the ends of the range; sometimes a whole channel of zeros."""
    kind = rng.integers(3)
    if kind == 0:
        return rng.choice((-127, 127), shape)
    values = rng.integers(-127, 128, shape) // (1 if kind == 1 else 9)
    return np.where(rng.random(shape[:1] + (1,) * (len(shape) - 1)) < 0.1, 0, values)


def layer(
    draw: Draw, x: Any, shape: tuple[int, ...], axis: int, per_channel: bool = True, wide: bool = False
) -> tuple[Any, Quantization]:
    """Weights, bias and an output quantization whose factors lie between 2^-14 and 2^-2, spread over the channels."""
    rng = np.random.default_rng(draw(seeds))
    channels = shape[axis]
    spread = draw(st.sampled_from((0.0, 2.0, 6.0))) if per_channel else 0.0
    scales = tuple(float32(2.0 ** -rng.uniform(7, 7 + spread)) for _ in range(channels if spread else 1))
    if wide:  # the first channel has a small scale and a bias that makes up for it
        scales = (float32(scales[0] * 2.0**-13), *(scales[:1] * (channels - 1)))
    many = len(scales) > 1
    weights = constant(
        "weights", _extremes(rng, shape), INT8, Quantization(scales, (0,) * len(scales), axis if many else None)
    )
    products = tuple(float32(x.quantization.scale * scale) for scale in scales)
    reach = 1 << draw(st.sampled_from((0, 8, 16, 20)))
    biases = rng.integers(-reach, reach + 1, channels)
    if wide:
        biases[0] = rng.integers(1 << 22, 1 << 25)
    bias = constant(
        "bias",
        biases,
        INT32,
        Quantization(products, (0,) * len(products), 0 if many else None),
    )
    output = Quantization((float32(max(products) * 2.0 ** draw(st.floats(2, 8))),), (draw(zero_points),))
    return (x, weights, bias), output


def image(draw: Draw, channels: int, greatest: int = 9) -> Any:
    """An image of up to `greatest` pixels a side."""
    shape = (1, draw(st.integers(1, greatest)), draw(st.integers(1, greatest)), channels)
    return tensor("x", shape, Quantization((0.05,), (draw(st.sampled_from((-128, 0, 3, 127))),)))


@st.composite
def conv_graphs(draw: Draw) -> Graph:
    """CONV_2D: any channels in, fours out; strides beyond the window, windows beyond the image, dilation."""
    x = image(draw, draw(st.sampled_from((1, 3, 4, 5, 8, 12, 16, 36))))
    size = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 2))) if stride == (1, 1) else (1, 1)
    padding = same_padding(size, stride, dilation, x.shape[1:3]) if draw(st.booleans()) else Padding()
    operands, output = layer(draw, x, (4 * draw(st.integers(1, 4)), *size, x.shape[3]), 0)
    return single_op("CONV_2D", operands, Conv2D(stride, dilation, padding), output)


@st.composite
def pointwise_graphs(draw: Draw) -> Graph:
    """CONV_2D 1x1, channels in eights, an output that ends at the zero point: one pixel, odd counts."""
    x = image(draw, draw(st.sampled_from((8, 16, 24, 40))))
    operands, output = layer(draw, x, (4 * draw(st.integers(1, 4)), 1, 1, x.shape[3]), 0)
    return single_op("CONV_2D", operands, Conv2D((1, 1), (1, 1), Padding()), replace(output, zero_points=(-128,)))


@st.composite
def conv_rows_graphs(draw: Draw) -> Graph:
    """CONV_2D: any channels in and out, odd widths, long windows, 1x1, strides beyond the window, any clamp."""
    x = image(draw, draw(st.sampled_from((1, 1, 2, 3, 3, 4, 5, 8, 12, 16, 36))))
    size = draw(st.sampled_from(((1, 1), (3, 3), (2, 3), (5, 2), (6, 4), (1, 3), (3, 1))))
    stride = draw(st.sampled_from(((1, 1), (1, 1), (2, 2), (1, 2), (2, 1), (3, 3))))
    dilation = (draw(st.integers(1, 2)), 1) if stride == (1, 1) else (1, 1)
    padding = same_padding(size, stride, dilation, x.shape[1:3]) if draw(st.booleans()) else Padding()
    channels = draw(st.sampled_from((1, 2, 3, 4, 5, 8, 12)))
    operands, output = layer(draw, x, (channels, *size, x.shape[3]), 0)
    activation = draw(st.sampled_from(("NONE", "RELU", "RELU6", "RELU_N1_TO_1")))
    return single_op("CONV_2D", operands, Conv2D(stride, dilation, padding, activation), output)


@st.composite
def long_conv_graphs(draw: Draw) -> Graph:
    """CONV_2D 3x3 whose window rows take several turns of the inner loop."""
    x = image(draw, draw(st.sampled_from((20, 28, 36))), greatest=5)
    operands, output = layer(draw, x, (8, 3, 3, x.shape[3]), 0)
    padding = same_padding((3, 3), (1, 1), (1, 1), x.shape[1:3])
    return single_op("CONV_2D", operands, Conv2D((1, 1), (1, 1), padding), output)


@st.composite
def large_factor_conv_graphs(draw: Draw) -> Graph:
    """CONV_2D whose factors reach from 2^-7 to 2^5, clamped at the zero point or above: they are rounded once."""
    x = image(draw, draw(st.sampled_from((1, 3, 4, 8))))
    operands, output = layer(draw, x, (draw(st.sampled_from((3, 4, 8))), 2, 3, x.shape[3]), 0)
    padding = same_padding((2, 3), (1, 1), (1, 1), x.shape[1:3])
    finer = float32(output.scale * 2.0 ** draw(st.floats(-9, -2)))
    activation = draw(st.sampled_from(("NONE", "RELU", "RELU6")))
    output = replace(output, scales=(finer,), zero_points=(-128,))
    return single_op("CONV_2D", operands, Conv2D((1, 1), (1, 1), padding, activation), output)


# Channels, window and filters with more weights than are unpacked at a time, in each form of rows.
MANY_WEIGHTS = ((36, (3, 3), 24), (64, (3, 3), 20), (40, (3, 3), 28), (200, (1, 1), 48), (4, (3, 3), 180))


@st.composite
def many_weights_conv_graphs(draw: Draw, sizes: tuple[tuple[int, tuple[int, int], int], ...] = MANY_WEIGHTS) -> Graph:
    """CONV_2D of one of these sizes, on a small image."""
    channels, size, filters = draw(st.sampled_from(sizes))
    x = image(draw, channels, greatest=5)
    operands, output = layer(draw, x, (filters, *size, channels), 0)
    padding = same_padding(size, (1, 1), (1, 1), x.shape[1:3])
    return single_op("CONV_2D", operands, Conv2D((1, 1), (1, 1), padding), output)


def as_int4(graph: Graph) -> Graph:
    """The graph with the upper halves of its weights."""
    weights = graph.constant("weights")
    small = replace(weights, dtype=INT4, values=weights.values >> 4)
    return replace(graph, values={**graph.values, "weights": small})


@st.composite
def winograd_graphs(draw: Draw) -> Graph:
    """CONV_2D 3x3 of stride 1, channels in fours: odd sides, one pixel, any padding."""
    channels = draw(st.sampled_from((4, 8, 12, 20, 36, 64, 128, 200)))
    x = image(draw, channels, greatest=draw(st.sampled_from((3, 9, 13))) if channels < 64 else 5)
    same = same_padding((3, 3), (1, 1), (1, 1), x.shape[1:3])
    padding = draw(st.sampled_from((same, same, Padding(1, 0, 2, 1), Padding(2, 2, 0, 2), Padding())))
    if padding == Padding() and min(x.shape[1:3]) < 3:
        padding = same
    operands, output = layer(draw, x, (4 * draw(st.integers(1, 3)), 3, 3, x.shape[3]), 0)
    return single_op("CONV_2D", operands, Conv2D((1, 1), (1, 1), padding), output)


@st.composite
def depthwise_graphs(draw: Draw) -> Graph:
    """DEPTHWISE_CONV_2D 3x3, any channels, many outputs of one: one pixel wide, long, stride 2, padding, bands."""
    x = image(draw, draw(st.sampled_from((1, 3, 4, 4, 5, 8, 12))), greatest=draw(st.sampled_from((5, 14, 40))))
    multiplier = draw(st.sampled_from((1, 1, 1, 2, 3)))
    stride = (draw(st.integers(1, 2)),) * 2
    same = same_padding((3, 3), stride, (1, 1), x.shape[1:3])
    padding = draw(st.sampled_from((same, same, Padding(), Padding(1, 1, 1, 1), Padding(0, 1, 1, 0))))
    operands, output = layer(draw, x, (1, 3, 3, x.shape[3] * multiplier), 3, wide=draw(st.booleans()))
    attrs = DepthwiseConv2D(stride, (1, 1), padding, depth_multiplier=multiplier)
    return single_op("DEPTHWISE_CONV_2D", operands, attrs, output)


@st.composite
def shared_depthwise_graphs(draw: Draw) -> Graph:
    """DEPTHWISE_CONV_2D 3x3, channels in fours, an output that ends at the zero point: every size and padding."""
    x = image(draw, draw(st.sampled_from((4, 8, 12))), greatest=draw(st.sampled_from((5, 14, 40))))
    stride = (draw(st.integers(1, 2)),) * 2
    same = same_padding((3, 3), stride, (1, 1), x.shape[1:3])
    padding = draw(st.sampled_from((same, same, Padding(1, 1, 1, 1), Padding(0, 1, 1, 0))))
    operands, output = layer(draw, x, (1, 3, 3, x.shape[3]), 3)
    output = replace(output, zero_points=(-128,))
    return single_op("DEPTHWISE_CONV_2D", operands, DepthwiseConv2D(stride, (1, 1), padding), output)


@st.composite
def any_depthwise_graphs(draw: Draw) -> Graph:
    """DEPTHWISE_CONV_2D of any window: beyond the image, one-dimensional, dilated, strided, clamped, many outputs."""
    x = image(draw, draw(st.sampled_from((1, 2, 3, 4, 5))), greatest=draw(st.sampled_from((5, 14, 40))))
    size = draw(st.sampled_from(((1, 3), (3, 1), (3, 3), (5, 5), (2, 2), (8, 10), (4, 20), (1, 1))))
    stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    dilation = (draw(st.integers(1, 3)), draw(st.integers(1, 3))) if stride == (1, 1) else (1, 1)
    fits = all((n - 1) * d < length for n, d, length in zip(size, dilation, x.shape[1:3], strict=True))
    padding = Padding() if fits and draw(st.booleans()) else same_padding(size, stride, dilation, x.shape[1:3])
    multiplier = draw(st.sampled_from((1, 1, 2, 3)))
    operands, output = layer(draw, x, (1, *size, x.shape[3] * multiplier), 3)
    activation = draw(st.sampled_from(("NONE", "RELU", "RELU6")))
    return single_op(
        "DEPTHWISE_CONV_2D", operands, DepthwiseConv2D(stride, dilation, padding, multiplier, activation), output
    )


@st.composite
def fully_connected_graphs(draw: Draw) -> Graph:
    """FULLY_CONNECTED: any depth, any outputs, several rows."""
    shape = draw(st.integers(1, 3)), draw(st.one_of(st.integers(1, 40), st.sampled_from((64, 128, 130))))
    x = tensor("x", shape, Quantization((0.05,), (draw(st.sampled_from((-128, 0, 3, 127))),)))
    outputs = draw(st.one_of(st.integers(1, 17), st.sampled_from((8, 24))))
    operands, output = layer(draw, x, (outputs, shape[1]), 0, per_channel=draw(st.booleans()))
    return single_op("FULLY_CONNECTED", operands, FullyConnected(), output)


@st.composite
def sum_graphs(draw: Draw) -> Graph:
    """ADD and SUB of equal shapes, scales equal or far apart."""
    shape = (1, draw(st.integers(1, 5)), 3)
    exponents = st.sampled_from((0.0, 0.0, -0.4, -1.0, -3.7, -9.0))
    a, b = (
        tensor(name, shape, Quantization((float32(0.1 * 2.0 ** draw(exponents)),), (draw(zero_points),)))
        for name in ("a", "b")
    )
    output = Quantization((float32(0.1 * 2.0 ** draw(st.sampled_from((-1.5, 0.0, 0.3, 2.0)))),), (draw(zero_points),))
    activation = draw(st.sampled_from(("NONE", "RELU", "RELU6")))
    return single_op(draw(st.sampled_from(("ADD", "SUB"))), (a, b), Binary(activation), output)


@st.composite
def average_graphs(draw: Draw) -> Graph:
    """AVERAGE_POOL_2D without padding: channels in fours, windows up to the whole image, overlapping or apart."""
    quantization = Quantization((0.05,), (draw(zero_points),))
    height, width = draw(st.integers(1, 15)), draw(st.integers(1, 15))
    x = tensor("x", (1, height, width, 4 * draw(st.integers(1, 3))), quantization)
    size = draw(st.integers(1, height)), draw(st.integers(1, width))
    pool = Pool2D(size, (draw(st.integers(1, 3)), draw(st.integers(1, 3))), halves_up=draw(st.booleans()))
    return single_op("AVERAGE_POOL_2D", (x,), pool, quantization)


GRAPHS = {
    "average_pool_2d/dsp": average_graphs(),
    "conv_2d/dsp": conv_graphs(),
    "conv_2d/dsp_pointwise": pointwise_graphs(),
    "conv_2d/dsp_rows": st.one_of(
        conv_rows_graphs(), conv_rows_graphs(), long_conv_graphs(), large_factor_conv_graphs()
    ),
    "conv_2d/dsp_rows_w4": st.one_of(
        conv_rows_graphs(), long_conv_graphs(), large_factor_conv_graphs(), many_weights_conv_graphs()
    ).map(as_int4),
    "conv_2d/dsp_winograd": winograd_graphs(),
    "depthwise_conv_2d/dsp": st.one_of(depthwise_graphs(), depthwise_graphs(), depthwise_graphs().map(as_int4)),
    "depthwise_conv_2d/dsp_shared": shared_depthwise_graphs(),
    "depthwise_conv_2d_any/dsp": any_depthwise_graphs(),
    "fully_connected/dsp": fully_connected_graphs(),
    "fully_connected/dsp_w4": fully_connected_graphs().map(as_int4),
    "sum/dsp": sum_graphs(),
    "sum/dsp_tables": sum_graphs(),
}
