"""Which values share a buffer: reshapes cost nothing, and concatenations are written in place where they can be."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mcuq.artifacts import Buffer, Location
from mcuq.ir import Constant, Graph, Node

ALIGNMENT_BYTES = 4


@dataclass(frozen=True, slots=True)
class Layout:
    """Where every run-time value lies, the buffers, and the nodes that need no step."""

    locations: tuple[Location, ...]
    buffers: tuple[Buffer, ...]
    free_nodes: frozenset[int]


def _is_free_reshape(node: Node, graph: Graph) -> bool:
    """A reshape is free unless it would make a constant run-time data."""
    return node.op == "RESHAPE" and not graph.is_constant(node.inputs[0])


def _is_free_concatenation(node: Node, graph: Graph, where: dict[str, tuple[str, int]]) -> bool:
    """The operands can be written straight into the result: it is one run, and each has a buffer of its own."""
    if node.op != "CONCATENATION":
        return False
    operands = graph.operands(node)
    buffers = [where[value.name][0] for value in operands if value.name in where]
    owned = [name for name, (buffer, _) in where.items() if buffer in buffers]
    return (
        math.prod(operands[0].shape[: node.attrs.axis]) == 1
        and not any(isinstance(value, Constant) for value in operands)
        and len(set(buffers)) == len(operands)
        and all(where[value.name] == (value.name, 0) for value in operands)
        and not set(owned) & {*graph.inputs, *graph.outputs}
    )


def _sizes(graph: Graph, where: Mapping[str, tuple[str, int]]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for name, (buffer, offset) in where.items():
        sizes[buffer] = max(sizes.get(buffer, 0), offset + graph.tensor(name).bytes)
    return sizes


def locate(graph: Graph, absent: Collection[str] = ()) -> Layout:
    """A layout of all run-time values but the `absent` ones, decided node by node in execution order.

    Absent values live and die inside of a step, so that they lie nowhere.
    """
    where: dict[str, tuple[str, int]] = {name: (name, 0) for name in graph.inputs}
    free: set[int] = set()
    for index, node in enumerate(graph.nodes):
        for name in node.outputs:
            where[name] = (name, 0)
        if _is_free_reshape(node, graph):
            where[node.outputs[0]] = where[node.inputs[0]]
            free.add(index)
        elif _is_free_concatenation(node, graph, where):
            offset = 0
            for value in graph.operands(node):
                for name, (buffer, start) in list(where.items()):
                    if buffer == value.name:
                        where[name] = (node.outputs[0], offset + start)
                offset += graph.tensor(value.name).bytes
            free.add(index)
    where = {name: place for name, place in where.items() if name not in absent}
    buffers = tuple(Buffer(name, size, ALIGNMENT_BYTES) for name, size in _sizes(graph, where).items())
    locations = tuple(Location(name, buffer, offset) for name, (buffer, offset) in where.items())
    return Layout(locations, buffers, frozenset(free))
