"""What every importer checks before it lets a graph go: shapes, limits, the rules of `ir.verify`."""

from __future__ import annotations

from typing import Any

from mcuq.errors import InvalidModel, UnsupportedModel
from mcuq.ir import Graph, Tensor, Value
from mcuq.ir.verify import violations
from mcuq.ops import Refusal, broken_limits, call_on, card_of

MAX_LINES = 100


def _line(refusal: Refusal) -> str:
    layers = ", ".join(repr(layer[:60]) for layer in refusal.layers[:4])
    return f"  {refusal.op} {layers}: {refusal.reason}"


def unsupported(name: str, refusals: tuple[Refusal, ...]) -> UnsupportedModel:
    """The error that lists op, layer and reason of every refusal."""
    lines = [_line(refusal) for refusal in refusals[:MAX_LINES]]
    if len(refusals) > MAX_LINES:
        lines.append(f"  and {len(refusals) - MAX_LINES} more")
    return UnsupportedModel(f"mcuq does not support '{name}' yet:\n" + "\n".join(lines), refusals)


def check_call(
    place: str, op: str, attrs: Any, inputs: tuple[Value, ...], results: tuple[Tensor, ...], arithmetic: str = ""
) -> tuple[str, ...]:
    """The limits that the call breaks; InvalidModel when the results are not what the op gives for these inputs."""
    if any(0 in value.shape for value in inputs):
        raise InvalidModel(f"{place} reads a tensor without elements")
    try:
        inferred = card_of(op).infer(attrs, inputs)
    except ValueError as error:
        raise InvalidModel(f"{place}: {error}") from None
    if len(inferred) != len(results):
        raise InvalidModel(f"{place} has {len(results)} outputs instead of {len(inferred)}")
    for (shape, dtype), result in zip(inferred, results, strict=True):
        if (shape, dtype) != (result.shape, result.dtype):
            said, gives = f"{result.dtype.name}{list(result.shape)}", f"{dtype.name}{list(shape)}"
            raise InvalidModel(f"{place} gives {gives}, but the file says {said}")
    return broken_limits(op, call_on(attrs, inputs, results), arithmetic)


def check_graph(graph: Graph) -> Graph:
    """The same graph; InvalidModel when it breaks a rule, UnsupportedModel when it computes nothing from its inputs."""
    if len(set(graph.inputs)) != len(graph.inputs):
        raise InvalidModel("the file names a tensor twice among its inputs")
    broken = violations(graph)
    if broken:
        raise InvalidModel(f"the file is not a sound model: {'; '.join(broken[:3])[:500]}")
    if not graph.inputs or not graph.outputs:
        raise UnsupportedModel(f"the model has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs")
    for name in graph.outputs:
        if graph.is_constant(name) or name in graph.inputs:
            raise UnsupportedModel(f"output {name[:60]!r} is not computed, it is an input or a constant")
    return graph
