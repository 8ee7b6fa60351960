"""Ops that give back what they were given are left out."""

from __future__ import annotations

from mcuq.ir import Graph, Node, remove_unused, replace_uses, with_changes


def _is_identity(node: Node, graph: Graph) -> bool:
    x, y = graph[node.inputs[0]], graph[node.outputs[0]]
    if x.shape != y.shape or x.dtype != y.dtype or x.quantization != y.quantization:
        return False
    if node.op == "CONCATENATION":
        return len(node.inputs) == 1
    return node.op in ("RESHAPE", "QUANTIZE") or (node.op == "PAD" and not any((*node.attrs.before, *node.attrs.after)))


def _ends(node: Node, graph: Graph) -> bool:
    """Whether the node stands between an input and an output, which must stay two values."""
    return node.outputs[0] in graph.outputs and node.inputs[0] in (*graph.inputs, *graph.outputs)


def drop_identities(graph: Graph) -> Graph:
    """Readers of an identity read its operand."""
    names = {
        node.outputs[0]: node.inputs[0]
        for node in graph.nodes
        if _is_identity(node, graph) and not _ends(node, graph)
    }
    if not names:
        return graph
    kept = tuple(node for node in graph.nodes if node.outputs[0] not in names)
    return remove_unused(replace_uses(with_changes(graph, kept), names))
