"""DEPTHWISE_CONV_2D between floats, for any core: in float, or hybrid (the image is quantized at run time)."""

from __future__ import annotations

from mcuq.ir import Graph, Node
from mcuq.ops.depthwise_conv_2d import window_of
from mcuq.schedule.kernel import Kernel, Work, only
from mcuq.schedule.kernels.conv_2d_float import FloatConvShape
from mcuq.schedule.kernels.float_weights import (
    PointersOnly,
    anywhere,
    float_weights,
    refuses_hybrid,
    refuses_types,
    weight_constants,
)
from mcuq.schedule.kernels.rates import layer_cycles
from mcuq.schedule.kernels.window_shape import window_shape


def _shape(node: Node, graph: Graph, *, symmetric: bool) -> FloatConvShape:
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    return FloatConvShape(
        window=window_shape(x, y, window_of(node.attrs, weights)),
        out_channels=weights.shape[3],
        weights=float_weights(weights),
        activation=node.attrs.activation,
        symmetric=symmetric,
        depth_multiplier=node.attrs.depth_multiplier,
    )


def plan(node: Node, graph: Graph) -> Work:
    """The step of one depthwise convolution in float."""
    shape = _shape(node, graph, symmetric=True)
    return Work(
        shape,
        PointersOnly(),
        weight_constants(node, graph, shape.out_channels),
        cycles=layer_cycles("depthwise_conv_2d/float", node, graph),
    )


def plan_hybrid(node: Node, graph: Graph) -> Work:
    """The step of one hybrid depthwise convolution; the quantized image is scratch."""
    shape = _shape(node, graph, symmetric=False)
    constants = weight_constants(node, graph, shape.out_channels)
    scratch_bytes = graph[node.inputs[0]].elements
    return Work(
        shape,
        PointersOnly(),
        constants,
        scratch_bytes=scratch_bytes,
        overlaps=anywhere(node, graph),
        cycles=layer_cycles("depthwise_conv_2d/hybrid", node, graph),
    )


FLOAT = Kernel(
    "depthwise_conv_2d/float",
    ("DEPTHWISE_CONV_2D",),
    "mcuq_float_weights_parameters",
    only(plan),
    refuses_types,
    arithmetics=("float",),
)
HYBRID = Kernel(
    "depthwise_conv_2d/hybrid",
    ("DEPTHWISE_CONV_2D",),
    "mcuq_float_weights_parameters",
    only(plan_hybrid),
    lambda node, graph: refuses_hybrid(node, graph, 3),
    arithmetics=("hybrid",),
)
