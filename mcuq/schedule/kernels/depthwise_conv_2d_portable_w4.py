"""DEPTHWISE_CONV_2D with int4 weights: four channels at a time, over the taps that lie in the image."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels import depthwise_conv_2d_portable
from mcuq.schedule.kernels.packing_int4 import (
    ChannelGroup,
    channel_groups,
    int4_constants,
    refuses_other_weights,
    repacked,
)
from mcuq.schedule.kernels.window_shape import WindowShape


@dataclass(frozen=True, slots=True)
class Int4DepthwiseShape:
    """As DepthwiseShape; `groups` are the output channels as the weights are packed."""

    window: WindowShape
    groups: tuple[ChannelGroup, ...]
    depth_multiplier: int
    out_channels: int
    folded: bool
    rounded: bool
    asymmetric: bool


def plan(node: Node, graph: Graph) -> Work:
    """The step of one depthwise convolution: as with int8 weights, but for how the weights are packed."""
    weights = graph.constant(node.inputs[1])
    work = depthwise_conv_2d_portable.plan(node, graph)
    groups = channel_groups(weights.shape[3], widest=4)
    shape = Int4DepthwiseShape(
        work.shape.window,
        groups,
        work.shape.depth_multiplier,
        work.shape.out_channels,
        folded=work.parameters.input_offset == 0,
        rounded=work.shape.rounded,
        asymmetric=work.shape.asymmetric,
    )
    packed = int4_constants(weights.values.reshape(-1, weights.shape[3]).T, groups, signed=True)
    return Work(shape, work.parameters, repacked(work.constants, packed), overlaps=work.overlaps)


KERNEL = Kernel(
    "depthwise_conv_2d/portable_w4",
    ("DEPTHWISE_CONV_2D",),
    "mcuq_int4_conv_parameters",
    plan,
    refuses_other_weights,
)
