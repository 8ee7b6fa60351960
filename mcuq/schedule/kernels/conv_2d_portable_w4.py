"""CONV_2D with int4 weights: a pixel's window is one run of inputs, eight output channels at a time."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
from mcuq.ops.activation import quantized_range
from mcuq.ops.conv_2d import window_of
from mcuq.ops.requirements import quantization_of
from mcuq.ops.weighted import channel_multipliers, weight_zero_points
from mcuq.schedule.kernel import Kernel, Work, only
from mcuq.schedule.kernels.packing import (
    bias_constant,
    bias_of,
    multiplier_constants,
    right_shifts,
    zero_point_constants,
)
from mcuq.schedule.kernels.packing_int4 import (
    ChannelGroup,
    channel_groups,
    folded_bias,
    int4_constants,
    refuses_other_weights,
)
from mcuq.schedule.kernels.raster import raster_overlap
from mcuq.schedule.kernels.rates import layer_cycles
from mcuq.schedule.kernels.window_shape import WindowShape, window_shape


@dataclass(frozen=True, slots=True)
class Int4ConvShape:
    """`groups` are the output channels as the weights are packed; `rounded` and `asymmetric` as in ConvShape.

    `direct` is the distance of one window from the next where each is a run of the image already, else 0.
    """

    window: WindowShape
    groups: tuple[ChannelGroup, ...]
    out_channels: int
    direct: int
    rounded: bool
    asymmetric: bool


@dataclass(frozen=True, slots=True)
class Int4ConvParameters:
    """`zero_point` is what padding reads as."""

    zero_point: int
    output_offset: int
    output_min: int
    output_max: int


def direct_step(g: WindowShape) -> int:
    """The distance of one window from the next, in elements, where all windows are runs of the image; else 0."""
    if g.padded or g.dilation_y > 1 or g.dilation_x > 1:
        return 0
    if (g.window_height, g.window_width, g.stride_y, g.stride_x) == (1, 1, 1, 1):
        return g.channels
    return g.stride_y * g.width * g.channels if g.window_width == g.width else 0


def plan(node: Node, graph: Graph) -> Work:
    """The step of one convolution."""
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    channels = weights.shape[0]
    rows, groups = weights.values.reshape(channels, -1), channel_groups(channels)
    geometry = window_shape(x, y, window_of(node.attrs, weights))
    zero_point, direct = quantization_of(x).zero_point, direct_step(geometry)
    multipliers, zeros = channel_multipliers(x, weights, y, channels), weight_zero_points(weights, channels)
    shifts = right_shifts(multipliers, node.arithmetic)
    bias = folded_bias(bias_of(node, graph, channels), rows, zeros, zero_point, shifts)
    return Work(
        shape=Int4ConvShape(geometry, groups, channels, direct, bias.rounded, bool(zeros.any())),
        parameters=Int4ConvParameters(
            zero_point, quantization_of(y).zero_point, *quantized_range(node.attrs.activation, y)
        ),
        constants=(
            *int4_constants(rows, groups, signed=False),
            bias_constant(bias.values),
            *multiplier_constants(multipliers, node.arithmetic),
            *zero_point_constants(zeros),
        ),
        scratch_bytes=0 if direct else rows.shape[1],
        overlaps=raster_overlap(node, graph, geometry),
        cycles=layer_cycles("conv_2d/portable_w4", node, graph),
    )


KERNEL = Kernel("conv_2d/portable_w4", ("CONV_2D",), "mcuq_int4_conv_parameters", only(plan), refuses_other_weights)
