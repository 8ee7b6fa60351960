"""FULLY_CONNECTED for cores without DSP instructions: four outputs at a time, an input serving all four."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
from mcuq.ops.fully_connected import multipliers_of
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work, only
from mcuq.schedule.kernels.lanes import (
    BLOCK,
    FEATURES,
    blocks,
    channel_constants,
    common_constants,
    is_linear,
    packed_weights,
    parameters,
    refusal_of_types,
)
from mcuq.schedule.kernels.mixed_lanes import Folded, folded, with_common_factor


@dataclass(frozen=True, slots=True)
class FullyConnectedLanesShape:
    """`rows` inputs of `depth` elements; `common`: one factor serves all outputs; `linear`: see lanes."""

    rows: int
    depth: int
    out_channels: int
    common: bool
    linear: bool


def _folded(node: Node, graph: Graph) -> Folded:
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    return folded(node, graph, weights.values, multipliers_of(x, weights, y))


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    return refusal_of_types(node, graph) or _folded(node, graph).refusal()


def plan(node: Node, graph: Graph) -> Work:
    """The step of one fully connected layer."""
    x, y = graph[node.inputs[0]], graph.tensor(node.outputs[0])
    outputs, depth = graph.constant(node.inputs[1]).shape
    common = with_common_factor(node, graph)
    layer = common or _folded(node, graph)
    zero_point = quantization_of(y).zero_point
    return Work(
        shape=FullyConnectedLanesShape(x.elements // depth, depth, outputs, common is not None, is_linear(node, graph)),
        parameters=parameters(node, graph),
        constants=(
            packed_weights(blocks(layer.rows)),
            channel_constants(layer, zero_point) if common is None else common_constants(layer, zero_point),
        ),
        cycles=(x.elements // depth) * (4 * BLOCK * -(-outputs // BLOCK) * depth + 25 * outputs),
        code_bytes=250,
        shared_code=(("mcuq_rows_dot_fours", 180),),
    )


KERNEL = Kernel("fully_connected/lanes", ("FULLY_CONNECTED",), "mcuq_lanes_parameters", only(plan), refuses, FEATURES)
