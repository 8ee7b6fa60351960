"""DEPTHWISE_CONV_2D for any core: one output at a time, over the taps that lie in the image."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
from mcuq.ops.activation import quantized_range
from mcuq.ops.depthwise_conv_2d import window_of
from mcuq.ops.requirements import quantization_of
from mcuq.ops.weighted import channel_multipliers, weight_zero_points
from mcuq.schedule.kernel import Kernel, Work, only
from mcuq.schedule.kernels.conv_2d_portable import ConvParameters
from mcuq.schedule.kernels.depthwise_conv_2d_portable_w4 import refuses as refuses_packed
from mcuq.schedule.kernels.packing import (
    bias_constant,
    bias_of,
    multiplier_constants,
    packed_bias,
    right_shifts,
    weights_constant,
    zero_point_constants,
)
from mcuq.schedule.kernels.raster import raster_overlap
from mcuq.schedule.kernels.window_shape import WindowShape, window_shape


@dataclass(frozen=True, slots=True)
class DepthwiseShape:
    """`folded`, `rounded`: what the bias already holds (packing.PackedBias); `asymmetric`: weights have zero points."""

    window: WindowShape
    depth_multiplier: int
    out_channels: int
    folded: bool
    rounded: bool = False
    asymmetric: bool = False


def plan(node: Node, graph: Graph) -> Work:
    """The step of one depthwise convolution."""
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    channels = weights.shape[3]
    geometry = window_shape(x, y, window_of(node.attrs, weights))
    zero_point = quantization_of(x).zero_point
    multipliers, zeros = channel_multipliers(x, weights, y, channels), weight_zero_points(weights, channels)
    shifts, rows = right_shifts(multipliers, node.arithmetic), weights.values.reshape(-1, channels).T
    bias = packed_bias(bias_of(node, graph, channels), rows, zeros, zero_point, shifts, padded=geometry.padded)
    low, high = quantized_range(node.attrs.activation, y)
    return Work(
        shape=DepthwiseShape(
            geometry, node.attrs.depth_multiplier, channels, bias.folded, bias.rounded, bool(zeros.any())
        ),
        parameters=ConvParameters(
            input_offset=0 if bias.folded else -zero_point,
            output_offset=quantization_of(y).zero_point,
            output_min=low,
            output_max=high,
        ),
        constants=(
            weights_constant(weights.values),
            bias_constant(bias.values),
            *multiplier_constants(multipliers, node.arithmetic),
            *zero_point_constants(zeros),
        ),
        overlaps=raster_overlap(node, graph, geometry),
        cycles=y.elements * (20 * geometry.window_height * geometry.window_width + 20),
        code_bytes=300,
    )


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel does not compute the node, or None: int4 weights would lie in bytes, where they can be packed."""
    packed = refuses_packed(node, graph) is None
    return "its weights can stay int4" if packed else None


KERNEL = Kernel("depthwise_conv_2d/portable", ("DEPTHWISE_CONV_2D",), "mcuq_conv_parameters", only(plan), refuses)
