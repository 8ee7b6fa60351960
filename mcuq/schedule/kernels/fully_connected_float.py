"""FULLY_CONNECTED between floats, for any core: in float, or hybrid (each row is quantized at run time)."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
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


@dataclass(frozen=True, slots=True)
class FloatRowsShape:
    """`rows` inputs of `depth` elements; `symmetric` tells how a hybrid kernel quantizes a row."""

    rows: int
    depth: int
    out_channels: int
    weights: FloatWeights
    activation: str
    symmetric: bool


def _shape(node: Node, graph: Graph, *, symmetric: bool) -> FloatRowsShape:
    weights = graph.constant(node.inputs[1])
    outputs, depth = weights.shape
    rows = graph[node.inputs[0]].elements // depth
    return FloatRowsShape(rows, depth, outputs, float_weights(weights), node.attrs.activation, symmetric)


def plan(node: Node, graph: Graph) -> Work:
    """The step of one fully connected layer in float."""
    shape = _shape(node, graph, symmetric=True)
    return Work(
        shape,
        PointersOnly(),
        weight_constants(node, graph, shape.out_channels),
        cycles=layer_cycles("fully_connected/float", node, graph),
    )


def plan_hybrid(node: Node, graph: Graph) -> Work:
    """The step of one hybrid fully connected layer; a quantized row is scratch."""
    shape = _shape(node, graph, symmetric=not node.attrs.asymmetric_inputs)
    constants = weight_constants(node, graph, shape.out_channels)
    overlaps = anywhere(node, graph) if shape.rows == 1 else ()
    return Work(
        shape,
        PointersOnly(),
        constants,
        scratch_bytes=shape.depth,
        overlaps=overlaps,
        cycles=layer_cycles("fully_connected/hybrid", node, graph),
    )


FLOAT = Kernel(
    "fully_connected/float",
    ("FULLY_CONNECTED",),
    "mcuq_float_weights_parameters",
    only(plan),
    refuses_types,
    arithmetics=("float",),
)
HYBRID = Kernel(
    "fully_connected/hybrid",
    ("FULLY_CONNECTED",),
    "mcuq_float_weights_parameters",
    only(plan_hybrid),
    lambda node, graph: refuses_hybrid(node, graph, 0),
    arithmetics=("hybrid",),
)
