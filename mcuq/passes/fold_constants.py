"""Compute before run time what depends on constants and shapes alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.interpreter import run_node
from mcuq.ir import Constant, Graph, Node, Tensor, remove_unused, with_changes

MAX_FOLDED_ELEMENTS = 1 << 22  # a larger constant would be a mistake in flash, and a way to hang the tool


def _is_known(node: Node, graph: Graph) -> bool:
    if any(graph.tensor(name).elements > MAX_FOLDED_ELEMENTS for name in node.outputs):
        return False
    return node.op == "SHAPE" or all(graph.is_constant(name) for name in node.inputs)


def _values_of(node: Node, graph: Graph) -> tuple[Constant, ...]:
    arrays = tuple(
        value.values[None] if isinstance(value, Constant) else _no_samples(value) for value in graph.operands(node)
    )
    results = run_node(node, graph, arrays)
    return tuple(
        Constant(tensor.name, tensor.shape, tensor.dtype, tensor.quantization, result[0].reshape(tensor.shape))
        for tensor, result in zip(graph.results(node), results, strict=True)
    )


def _no_samples(value: Tensor) -> npt.NDArray[Any]:
    return np.zeros((0, *value.shape), value.dtype.numpy)


def fold_constants(graph: Graph) -> Graph:
    """Nodes whose results are known become constants."""
    current = graph
    for node in graph.nodes:
        if _is_known(node, current):
            kept = tuple(other for other in current.nodes if other is not node)
            current = with_changes(current, kept, _values_of(node, current))
    return graph if current is graph else remove_unused(current)
