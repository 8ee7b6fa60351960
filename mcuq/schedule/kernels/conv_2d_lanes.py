"""CONV_2D for cores without DSP instructions: two pixels a product, four channels at a time (see lanes)."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.artifacts import Overlap
from mcuq.ir import Graph, Node
from mcuq.ops.conv_2d import window_of
from mcuq.ops.requirements import quantization_of
from mcuq.ops.weighted import channel_multipliers
from mcuq.schedule.kernel import Kernel, Work, only
from mcuq.schedule.kernels.lanes import (
    BLOCK,
    FEATURES,
    blocks,
    channel_constants,
    is_linear,
    parameters,
    refusal_of_types,
    weight_constants,
)
from mcuq.schedule.kernels.mixed_lanes import Folded, folded
from mcuq.schedule.kernels.raster import raster_margin_bytes
from mcuq.schedule.kernels.window_shape import WindowShape, window_shape


@dataclass(frozen=True, slots=True)
class ConvLanesShape:
    """`linear`: see lanes."""

    window: WindowShape
    out_channels: int
    linear: bool


def _folded(node: Node, graph: Graph) -> Folded:
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    channels = weights.shape[0]
    return folded(node, graph, weights.values.reshape(channels, -1), channel_multipliers(x, weights, y, channels))


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    return refusal_of_types(node, graph) or _folded(node, graph).refusal()


def _cycles(geometry: WindowShape, channels: int, taps: int) -> int:
    """Taps of two pixels and four channels, what follows a sum, and packing the windows."""
    pixels = geometry.out_height * geometry.out_width
    return pixels * (3 * BLOCK * -(-channels // BLOCK) * taps + 25 * channels + 4 * taps)


def plan(node: Node, graph: Graph) -> Work:
    """The step of one convolution."""
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    geometry = window_shape(x, y, window_of(node.attrs, weights))
    layer = _folded(node, graph)
    channels, taps = layer.rows.shape
    # Two pixels are read before either is written: the raster rule for one pixel at a time, and one pixel more.
    margin = raster_margin_bytes(geometry, x.shape[3], y.shape[3]) + y.shape[3]
    return Work(
        shape=ConvLanesShape(geometry, channels, is_linear(node, graph)),
        parameters=parameters(node, graph),
        constants=(
            *weight_constants(blocks(layer.rows)),
            channel_constants(layer, quantization_of(y).zero_point),
        ),
        scratch_bytes=4 * taps,
        overlaps=(Overlap(x.name, y.name, margin),),
        cycles=_cycles(geometry, channels, taps),
        code_bytes=600,
        shared_code=(("mcuq_lanes_dot", 280),),
    )


KERNEL = Kernel("conv_2d/lanes", ("CONV_2D",), "mcuq_lanes_parameters", only(plan), refuses, FEATURES)
