"""CONV_2D between floats, for any core: in float, or hybrid (the image is quantized at run time)."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
from mcuq.ops.check import call_of
from mcuq.ops.conv_2d import window_of
from mcuq.ops.weighted_float import image_is_symmetric
from mcuq.schedule.kernel import Kernel, Work, only
from mcuq.schedule.kernels.float_weights import (
    FloatWeights,
    PointersOnly,
    anywhere,
    float_weights,
    refuses_hybrid,
    refuses_types,
    weight_constants,
)
from mcuq.schedule.kernels.rates import layer_cycles
from mcuq.schedule.kernels.window_shape import WindowShape, window_shape


@dataclass(frozen=True, slots=True)
class FloatConvShape:
    """`symmetric` tells how a hybrid kernel quantizes the image; `depth_multiplier` is that of depthwise ones."""

    window: WindowShape
    out_channels: int
    weights: FloatWeights
    activation: str
    symmetric: bool = True
    depth_multiplier: int = 1


def plan(node: Node, graph: Graph) -> Work:
    """The step of one convolution in float."""
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    channels = weights.shape[0]
    geometry = window_shape(x, y, window_of(node.attrs, weights))
    shape = FloatConvShape(geometry, channels, float_weights(weights), node.attrs.activation)
    return Work(
        shape,
        PointersOnly(),
        weight_constants(node, graph, channels),
        cycles=layer_cycles("conv_2d/float", node, graph),
    )


def plan_hybrid(node: Node, graph: Graph) -> Work:
    """The step of one hybrid convolution; the quantized image is scratch."""
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    channels = weights.shape[0]
    geometry = window_shape(x, y, window_of(node.attrs, weights))
    symmetric = image_is_symmetric(call_of(node, graph))
    shape = FloatConvShape(geometry, channels, float_weights(weights), node.attrs.activation, symmetric)
    constants = weight_constants(node, graph, channels)
    return Work(
        shape,
        PointersOnly(),
        constants,
        scratch_bytes=x.elements,
        overlaps=anywhere(node, graph),
        cycles=layer_cycles("conv_2d/hybrid", node, graph),
    )


FLOAT = Kernel(
    "conv_2d/float", ("CONV_2D",), "mcuq_float_weights_parameters", only(plan), refuses_types, arithmetics=("float",)
)
HYBRID = Kernel(
    "conv_2d/hybrid",
    ("CONV_2D",),
    "mcuq_float_weights_parameters",
    only(plan_hybrid),
    lambda node, graph: refuses_hybrid(node, graph, 0),
    arithmetics=("hybrid",),
)
