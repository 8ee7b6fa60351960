"""DEPTHWISE_CONV_2D of int16 with int8 weights, for any core: one output at a time."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
from mcuq.ops.depthwise_conv_2d import window_of
from mcuq.ops.weighted import channel_multipliers
from mcuq.schedule.kernel import Kernel, Work, only
from mcuq.schedule.kernels.int16_sums import int16_sums
from mcuq.schedule.kernels.raster import raster_overlap
from mcuq.schedule.kernels.rates import layer_cycles
from mcuq.schedule.kernels.window_shape import WindowShape, window_shape


@dataclass(frozen=True, slots=True)
class DepthwiseInt16Shape:
    """`wide`: sums need 64 bits."""

    window: WindowShape
    depth_multiplier: int
    out_channels: int
    wide: bool


def plan(node: Node, graph: Graph) -> Work:
    """The step of one depthwise convolution."""
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    channels = weights.shape[3]
    geometry = window_shape(x, y, window_of(node.attrs, weights))
    multipliers = channel_multipliers(x, weights, y, channels)
    sums = int16_sums(node, graph, weights.values.reshape(-1, channels).T, multipliers)
    shape = DepthwiseInt16Shape(geometry, node.attrs.depth_multiplier, channels, sums.wide)
    return Work(
        shape,
        sums.parameters,
        sums.constants,
        overlaps=raster_overlap(node, graph, geometry),
        cycles=layer_cycles("depthwise_conv_2d/int16x8", node, graph),
    )


KERNEL = Kernel(
    "depthwise_conv_2d/int16x8", ("DEPTHWISE_CONV_2D",), "mcuq_int16_parameters", only(plan), arithmetics=("int16x8",)
)
