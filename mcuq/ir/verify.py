"""The rules that every graph obeys; the docstring of a rule is the message of its violation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from mcuq.errors import IllegalGraph
from mcuq.ir.dtype import FLOAT16
from mcuq.ir.graph import Graph
from mcuq.ir.tensor import Constant, Tensor


def _names_agree(graph: Graph) -> Iterator[str]:
    """a value is stored under its own name"""
    return (f"'{key}'" for key, value in graph.values.items() if key != value.name)


def _operands_exist(graph: Graph) -> Iterator[str]:
    """a node and the graph itself name only values that exist"""
    for node in graph.nodes:
        for name in (*node.inputs, *node.outputs):
            if name not in graph.values:
                yield f"{node.op}: '{name}'"
    yield from (f"'{name}'" for name in (*graph.inputs, *graph.outputs) if name not in graph.values)


def _computed_once(graph: Graph) -> Iterator[str]:
    """a run-time value has exactly one source: a graph input or one node"""
    seen = set(graph.inputs)
    for node in graph.nodes:
        for name in node.outputs:
            if name in seen:
                yield f"'{name}'"
            seen.add(name)
    used = {name for node in graph.nodes for name in node.inputs} | set(graph.outputs)
    yield from (f"'{n}' is never computed" for n in used if n not in seen and isinstance(graph.values.get(n), Tensor))


def _constants_are_not_computed(graph: Graph) -> Iterator[str]:
    """a constant is neither an input of the graph nor computed by a node"""
    names = [*graph.inputs, *(name for node in graph.nodes for name in node.outputs)]
    return (f"'{name}'" for name in names if isinstance(graph.values.get(name), Constant))


def _execution_order(graph: Graph) -> Iterator[str]:
    """a node reads only what was computed before it"""
    ready = set(graph.inputs) | {name for name, value in graph.values.items() if isinstance(value, Constant)}
    for node in graph.nodes:
        yield from (f"{node.op} reads '{name}'" for name in node.inputs if name not in ready)
        ready.update(node.outputs)


def _shapes_are_positive(graph: Graph) -> Iterator[str]:
    """every dimension of a run-time value is at least 1"""
    for value in graph.values.values():
        if isinstance(value, Tensor) and any(size < 1 for size in value.shape):
            yield f"'{value.name}' {value.shape}"


def _constants_have_their_shape(graph: Graph) -> Iterator[str]:
    """the elements of a constant have its shape and type"""
    for value in graph.values.values():
        if isinstance(value, Constant) and (
            value.values.shape != value.shape or value.values.dtype != value.dtype.numpy
        ):
            yield f"'{value.name}' {value.shape} holds {value.values.shape} {value.values.dtype}"


def _narrow_elements_fit(graph: Graph) -> Iterator[str]:
    """the elements of a constant of less than 8 bits lie in its type"""
    for value in graph.values.values():
        if isinstance(value, Constant) and value.dtype.bits < 8 and value.values.size:
            least, greatest = int(value.values.min()), int(value.values.max())
            if least < value.dtype.minimum or greatest > value.dtype.maximum:
                yield f"'{value.name}' {value.dtype.name} holds {least} to {greatest}"


def _quantization_is_sound(graph: Graph) -> Iterator[str]:
    """scales are positive and finite, zero points lie in the type, and there is one of each per channel"""
    for value in graph.values.values():
        q = value.quantization
        if q is None:
            continue
        if not all(math.isfinite(s) and s > 0 for s in q.scales) or len(q.scales) != len(q.zero_points):
            yield f"'{value.name}'"
        elif value.dtype.is_integer and not all(value.dtype.minimum <= z <= value.dtype.maximum for z in q.zero_points):
            yield f"'{value.name}' has zero points outside {value.dtype.name}"
        elif len(q.scales) > 1 and (
            q.axis is None or q.axis >= len(value.shape) or value.shape[q.axis] != len(q.scales)
        ):
            yield f"'{value.name}' has {len(q.scales)} scales along axis {q.axis} of {value.shape}"


def _computed_types_have_a_c_type(graph: Graph) -> Iterator[str]:
    """float16 and types of less than 8 bits are for constants alone"""
    for value in graph.values.values():
        if isinstance(value, Tensor) and (value.dtype == FLOAT16 or value.dtype.bits < 8):
            yield f"'{value.name}' is {value.dtype.name}"


RULES: tuple[Callable[[Graph], Iterator[str]], ...] = (
    _names_agree,
    _operands_exist,
    _computed_once,
    _constants_are_not_computed,
    _execution_order,
    _shapes_are_positive,
    _constants_have_their_shape,
    _narrow_elements_fit,
    _computed_types_have_a_c_type,
    _quantization_is_sound,
)


def violations(graph: Graph) -> list[str]:
    """Every broken rule with the place where it is broken; empty for a legal graph."""
    return [f"{rule.__doc__}: {place}" for rule in RULES for place in rule(graph)]


def verify(graph: Graph) -> Graph:
    """The same graph; raises IllegalGraph with every broken rule."""
    found = violations(graph)
    if found:
        raise IllegalGraph(f"graph '{graph.name}' is not legal: " + "; ".join(found))
    return graph
