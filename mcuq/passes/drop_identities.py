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


def _replacements(graph: Graph) -> dict[str, str]:
    """The result of each identity that can go, and what its readers read instead.

    Inputs and outputs stay as many values as the model has: an output is never replaced by one of them.
    """
    names: dict[str, str] = {}
    ends = {*graph.inputs, *graph.outputs}
    for node in graph.nodes:
        if not _is_identity(node, graph):
            continue
        (result,) = node.outputs
        source = names.get(node.inputs[0], node.inputs[0])
        if result in graph.outputs:
            if source in ends:
                continue
            ends.add(source)
        names[result] = source
    return names


def drop_identities(graph: Graph) -> Graph:
    """Readers of an identity read its operand."""
    names = _replacements(graph)
    if not names:
        return graph
    kept = tuple(node for node in graph.nodes if node.outputs[0] not in names)
    return remove_unused(replace_uses(with_changes(graph, kept), names))
