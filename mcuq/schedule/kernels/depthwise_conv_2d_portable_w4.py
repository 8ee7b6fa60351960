"""DEPTHWISE_CONV_2D with int4 weights: four channels at a time, over the pixels of a window by their addresses."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
from mcuq.ops.activation import quantized_range
from mcuq.ops.depthwise_conv_2d import window_of
from mcuq.ops.requirements import quantization_of
from mcuq.ops.weighted import channel_multipliers, weight_zero_points
from mcuq.schedule.kernel import Kernel, Work, only
from mcuq.schedule.kernels.conv_2d_portable_w4 import Int4ConvParameters
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

MOST_TAPS = 1 << 8  # whose addresses fit the stack


@dataclass(frozen=True, slots=True)
class Int4DepthwiseShape:
    """`groups` are the output channels as the weights are packed; the rest as in DepthwiseShape."""

    window: WindowShape
    groups: tuple[ChannelGroup, ...]
    depth_multiplier: int
    out_channels: int
    rounded: bool
    asymmetric: bool


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    shape = graph.constant(node.inputs[1]).shape
    if shape[1] * shape[2] > MOST_TAPS:
        return f"its window has more than {MOST_TAPS} taps"
    return refuses_other_weights(node, graph)


def plan(node: Node, graph: Graph) -> Work:
    """The step of one depthwise convolution."""
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    channels = weights.shape[3]
    rows, groups = weights.values.reshape(-1, channels).T, channel_groups(channels, widest=4)
    geometry = window_shape(x, y, window_of(node.attrs, weights))
    zero_point = quantization_of(x).zero_point
    multipliers, zeros = channel_multipliers(x, weights, y, channels), weight_zero_points(weights, channels)
    shifts = right_shifts(multipliers, node.arithmetic)
    bias = folded_bias(bias_of(node, graph, channels), rows, zeros, zero_point, shifts)
    return Work(
        shape=Int4DepthwiseShape(
            geometry, groups, node.attrs.depth_multiplier, channels, bias.rounded, bool(zeros.any())
        ),
        parameters=Int4ConvParameters(
            zero_point, quantization_of(y).zero_point, *quantized_range(node.attrs.activation, y)
        ),
        constants=(
            *int4_constants(rows, groups, signed=True),
            bias_constant(bias.values),
            *multiplier_constants(multipliers, node.arithmetic),
            *zero_point_constants(zeros),
        ),
        scratch_bytes=geometry.channels if geometry.padded else 0,
        overlaps=raster_overlap(node, graph, geometry),
        cycles=layer_cycles("depthwise_conv_2d/portable_w4", node, graph),
    )


KERNEL = Kernel(
    "depthwise_conv_2d/portable_w4", ("DEPTHWISE_CONV_2D",), "mcuq_int4_conv_parameters", only(plan), refuses
)
