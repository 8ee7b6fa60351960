"""A graph as text: one line a node, for people, logs and golden tests."""

from __future__ import annotations

from mcuq.ir.graph import Graph
from mcuq.ir.tensor import Value


def value_to_text(value: Value) -> str:
    """`int8[1,49,10,1] (0.5847, 83)`: type, shape and, where there is one, the quantization."""
    shape = ",".join(map(str, value.shape))
    q = value.quantization
    if q is None:
        return f"{value.dtype.name}[{shape}]"
    if q.is_per_tensor:
        return f"{value.dtype.name}[{shape}] ({q.scale:.6g}, {q.zero_point})"
    return f"{value.dtype.name}[{shape}] ({len(q.scales)} scales, axis {q.axis})"


def graph_to_text(graph: Graph) -> str:
    """The whole graph: inputs, nodes in execution order, outputs."""
    lines = [f"graph {graph.name}"]
    lines += [f"  input  {name!r}: {value_to_text(graph[name])}" for name in graph.inputs]
    for node in graph.nodes:
        reads = ", ".join(repr(name) for name in node.inputs)
        writes = ", ".join(f"{name!r}: {value_to_text(graph[name])}" for name in node.outputs)
        lines.append(f"  {writes} = {node.op}({reads}) {node.attrs} [{node.arithmetic}]")
    lines += [f"  output {name!r}" for name in graph.outputs]
    return "\n".join(lines) + "\n"
