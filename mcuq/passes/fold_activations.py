"""A RELU or RELU6 of its own becomes the fused activation of the op in front of it, where that keeps every bit."""

from __future__ import annotations

from dataclasses import replace

from mcuq.ir import Graph, Node, remove_unused, with_changes
from mcuq.ops.activation import NONE

CLAMPS = ("RELU", "RELU6")


def _source(clamp: Node, graph: Graph) -> Node | None:
    """The op that can take the clamp over: it has a free activation, no other reader, and the same quantization."""
    x, y = graph[clamp.inputs[0]], graph[clamp.outputs[0]]
    producer = graph.producer(x.name)
    fusible = (
        producer is not None
        and getattr(producer.attrs, "activation", None) == NONE
        and producer.op != "CONCATENATION"
        and len(graph.users(x.name)) == 1
        and x.name not in graph.outputs
        and x.quantization == y.quantization
    )
    return producer if fusible else None


def _fold_one(graph: Graph, clamp: Node, producer: Node) -> Graph:
    merged = replace(
        producer,
        outputs=clamp.outputs,
        attrs=replace(producer.attrs, activation=clamp.op),
        origin=(*producer.origin, *clamp.origin),
    )
    nodes = (merged if node is producer else node for node in graph.nodes if node is not clamp)
    return remove_unused(with_changes(graph, nodes))


def fold_activations(graph: Graph) -> Graph:
    """Clamps move into the ops that compute their operand."""
    for clamp in graph.nodes:
        producer = _source(clamp, graph) if clamp.op in CLAMPS else None
        if producer is not None:
            graph = _fold_one(graph, clamp, producer)
    return graph
