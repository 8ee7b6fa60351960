"""DEPTHWISE_CONV_2D for any core: one output at a time, over the taps that lie in the image."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
from mcuq.ops.activation import quantized_range
from mcuq.ops.depthwise_conv_2d import window_of
from mcuq.ops.requirements import quantization_of
from mcuq.ops.weighted import channel_multipliers
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels.conv_2d_portable import ConvParameters
from mcuq.schedule.kernels.packing import (
    bias_constant,
    bias_of,
    fold_zero_point,
    multiplier_constants,
    weights_constant,
)
from mcuq.schedule.kernels.window_shape import WindowShape, window_shape


@dataclass(frozen=True, slots=True)
class DepthwiseShape:
    """`folded`: the bias already holds the input's zero point."""

    window: WindowShape
    depth_multiplier: int
    out_channels: int
    folded: bool


def plan(node: Node, graph: Graph) -> Work:
    """The step of one depthwise convolution."""
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    channels = weights.shape[3]
    geometry = window_shape(x, y, window_of(node.attrs, weights))
    zero_point = quantization_of(x).zero_point
    bias = bias_of(node, graph, channels)
    folded = None if geometry.padded else fold_zero_point(bias, weights.values.reshape(-1, channels).T, zero_point)
    low, high = quantized_range(node.attrs.activation, y)
    return Work(
        shape=DepthwiseShape(geometry, node.attrs.depth_multiplier, channels, folded is not None),
        parameters=ConvParameters(
            input_offset=0 if folded is not None else -zero_point,
            output_offset=quantization_of(y).zero_point,
            output_min=low,
            output_max=high,
        ),
        constants=(
            weights_constant(weights.values),
            bias_constant(bias if folded is None else folded),
            *multiplier_constants(channel_multipliers(x, weights, y, channels)),
        ),
    )


KERNEL = Kernel("depthwise_conv_2d/portable", ("DEPTHWISE_CONV_2D",), "mcuq_conv_parameters", plan)
