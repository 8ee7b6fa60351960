"""Running a graph in numpy: the reference that generated C is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.arithmetic import HYBRID, arithmetic_named
from mcuq.ir import Constant, Graph, Node
from mcuq.ops import Call, card_of

Array = npt.NDArray[Any]


def run_node(node: Node, graph: Graph, arrays: tuple[Array, ...]) -> tuple[Array, ...]:
    """What the node computes from `arrays`, each with a leading sample axis (length 1 for constants)."""
    card, arithmetic = card_of(node.op), arithmetic_named(node.arithmetic)
    call = Call(node.attrs, graph.operands(node), graph.results(node), arrays)
    if arithmetic is HYBRID:
        return card.evaluate_hybrid(call) if card.evaluate_hybrid else card.evaluate(call)
    return card.evaluate_integer(call, arithmetic) if arithmetic.is_integer else card.evaluate(call)


def evaluate(graph: Graph, inputs: Sequence[Array]) -> Iterator[tuple[Node, tuple[Array, ...]]]:
    """Every node with its results, in execution order; arrays carry a leading sample axis.

    `inputs` are in the graph's order, each [samples, *shape]. Values are dropped after their last use.
    """
    values: dict[str, Array] = dict(zip(graph.inputs, inputs, strict=True))
    values |= {name: value.values[None] for name, value in graph.values.items() if isinstance(value, Constant)}
    last = {name: index for index, node in enumerate(graph.nodes) for name in node.inputs}
    for index, node in enumerate(graph.nodes):
        results = run_node(node, graph, tuple(values[name] for name in node.inputs))
        values.update(zip(node.outputs, results, strict=True))
        yield node, results
        for name in node.inputs:
            if last[name] == index:
                values.pop(name, None)


def tolerances(graph: Graph) -> dict[str, float]:
    """How far each run-time value may be from the interpreter's, relative to its range; 0 is bit for bit."""
    found = dict.fromkeys(graph.inputs, 0.0)
    for node in graph.nodes:
        own = arithmetic_named(node.arithmetic).tolerance
        worst = max([own, *(found.get(name, 0.0) for name in node.inputs)])
        found |= dict.fromkeys(node.outputs, worst)
    return found


def run_all(graph: Graph, inputs: Sequence[Array]) -> dict[str, Array]:
    """Every run-time value of the graph by name, each [samples, *shape]."""
    values: dict[str, Array] = dict(zip(graph.inputs, inputs, strict=True))
    for node, results in evaluate(graph, inputs):
        values.update(zip(node.outputs, results, strict=True))
    return values


def run(graph: Graph, inputs: Sequence[Array], batch: int = 32) -> tuple[Array, ...]:
    """The graph's outputs, each [samples, *shape]; `batch` samples are computed at a time to bound memory."""
    samples = inputs[0].shape[0]
    parts: list[list[Array]] = [[] for _ in graph.outputs]
    for start in range(0, samples, batch):
        chunk = [array[start : start + batch] for array in inputs]
        values = dict(zip(graph.inputs, chunk, strict=True))
        values |= {name: graph.constant(name).values[None] for name in graph.outputs if graph.is_constant(name)}
        for node, results in evaluate(graph, chunk):
            values |= {n: r for n, r in zip(node.outputs, results, strict=True) if n in graph.outputs}
        for part, name in zip(parts, graph.outputs, strict=True):
            # What depends on no input, such as a shape, comes as one sample.
            part.append(np.broadcast_to(values[name], (len(chunk[0]), *values[name].shape[1:])))
    return tuple(np.concatenate(part) for part in parts)
