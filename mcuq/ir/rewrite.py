"""Making a changed copy of a graph: the few moves that passes are written in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from mcuq.ir.graph import Graph, Node
from mcuq.ir.tensor import Value


def with_changes(graph: Graph, nodes: Iterable[Node], values: Iterable[Value] = ()) -> Graph:
    """`graph` with these nodes instead of its own, and these values added or replaced."""
    merged = dict(graph.values)
    merged.update({value.name: value for value in values})
    return replace(graph, values=merged, nodes=tuple(nodes))


def replace_uses(graph: Graph, names: Mapping[str, str]) -> Graph:
    """`graph` in which whoever read a key of `names` reads what it maps to (followed to the end of the chain)."""

    def final(name: str) -> str:
        while name in names:
            name = names[name]
        return name

    nodes = tuple(replace(node, inputs=tuple(map(final, node.inputs))) for node in graph.nodes)
    return replace(graph, nodes=nodes, outputs=tuple(map(final, graph.outputs)))


def remove_unused(graph: Graph) -> Graph:
    """`graph` without the nodes and values that no output depends on; the same object when nothing is unused."""
    needed = set(graph.outputs)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if needed.intersection(node.outputs):
            kept.append(node)
            needed.update(node.inputs)
            needed.update(node.outputs)
    needed.update(graph.inputs)
    if len(kept) == len(graph.nodes) and len(needed) == len(graph.values):
        return graph
    values = {name: value for name, value in graph.values.items() if name in needed}
    return replace(graph, values=values, nodes=tuple(reversed(kept)))
