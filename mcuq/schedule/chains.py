"""Runs of layers that can be computed row by row, and what each layer is when it computes one row.

A layer is streamed by its own kernel: of the node is made one whose image has as many rows as its window, and whose
output has one row. Padding above and below the image becomes rows of zero points, which give the same sums.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from mcuq.arithmetic import HYBRID, arithmetic_named
from mcuq.ir import Constant, Graph, Node, Tensor, Value
from mcuq.ops import conv_2d, depthwise_conv_2d
from mcuq.ops.window import Window
from mcuq.schedule.row_order import RowReader

MAX_LAYERS = 20
_BY_ELEMENT = ("ADD", "SUB", "MUL", "RELU", "RELU6", "LOGISTIC", "TANH", "QUANTIZE", "DEQUANTIZE")
_POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D")


@dataclass(frozen=True, slots=True)
class RowNode:
    """A layer that computes one output row: `node` in a `graph` of its own; values keep their names."""

    node: Node
    graph: Graph
    whole: Node
    readers: tuple[RowReader, ...]
    rows: int


def _is_image(value: Value) -> bool:
    return isinstance(value, Tensor) and len(value.shape) == 4 and value.shape[0] == 1


def _window_of(node: Node, graph: Graph) -> Window | None:
    """The window of a convolution or pooling; None where elements are computed one by one."""
    if node.op == "CONV_2D":
        return conv_2d.window_of(node.attrs, graph.constant(node.inputs[1]))
    if node.op == "DEPTHWISE_CONV_2D":
        return depthwise_conv_2d.window_of(node.attrs, graph.constant(node.inputs[1]))
    return node.attrs.window if node.op in _POOLS else None


def _fits_rows(value: Value, output: Tensor) -> bool:
    """Whether an operand has a row for each of the output, or is a constant that is the same for all rows."""
    if isinstance(value, Constant):
        return len(value.shape) < 3 or value.shape[-3] == 1
    return value.shape == output.shape


def _leaves_above_or_below(window: Window, x: Value, y: Value) -> bool:
    last = (y.shape[1] - 1) * window.stride[0] - window.padding.top + window.extent[0]
    return window.padding.top > 0 or last > x.shape[1]


def can_stream(node: Node, graph: Graph) -> bool:
    """Whether the layer can be computed row by row."""
    x, y = graph[node.inputs[0]], graph[node.outputs[0]]
    if len(node.outputs) != 1 or not _is_image(y) or arithmetic_named(node.arithmetic) is HYBRID:
        return False
    if node.op in _BY_ELEMENT:
        return all(_fits_rows(value, graph.tensor(y.name)) for value in graph.operands(node))
    if node.op not in (*_POOLS, "CONV_2D", "DEPTHWISE_CONV_2D") or not _is_image(x):
        return False
    if any(not graph.is_constant(name) for name in node.inputs[1:]):
        return False
    window = _window_of(node, graph)
    assert window is not None
    # Padding takes no part in a pooling, so rows of zero points would not do. One row alone is no chain of rows.
    return y.shape[1] > 1 and not (node.op in _POOLS and _leaves_above_or_below(window, x, y))


def fill_of(value: Value) -> int | None:
    """The byte that padding of a value consists of; None where that is not one byte over and over."""
    zero_point = 0 if value.quantization is None else value.quantization.zero_point
    return zero_point & 0xFF if value.dtype.bytes_of(1) == 1 else (0 if zero_point == 0 else None)


def _cut(value: Value, rows: int) -> Value:
    return replace(value, shape=(1, rows, *value.shape[2:])) if isinstance(value, Tensor) else value


def _without_rows_of_padding(node: Node) -> Node:
    attrs = node.attrs
    return replace(node, attrs=replace(attrs, padding=replace(attrs.padding, top=0, bottom=0)))


def row_node(node: Node, graph: Graph) -> RowNode:
    """The layer as it computes one row."""
    window = _window_of(node, graph)
    stride, pad, extent = (1, 0, 1) if window is None else (window.stride[0], window.padding.top, window.extent[0])
    one = node if window is None else _without_rows_of_padding(node)
    read = tuple(dict.fromkeys(name for name in node.inputs if not graph.is_constant(name)))
    values = {name: _cut(graph[name], extent) for name in node.inputs}
    values |= {name: _cut(graph[name], 1) for name in node.outputs}
    small = Graph(graph.name, values, (one,), read, node.outputs)
    readers = tuple(RowReader(name, stride, pad, extent) for name in read)
    return RowNode(one, small, node, readers, graph[node.outputs[0]].shape[1])


def source_of(nodes: tuple[Node, ...], graph: Graph) -> str | None:
    """The one run-time value that a run of nodes reads from outside; None where it is no image or there are several."""
    made = {name for node in nodes for name in node.outputs}
    read = dict.fromkeys(n for node in nodes for n in node.inputs if n not in made and not graph.is_constant(n))
    names = list(read)
    return names[0] if len(names) == 1 and _is_image(graph[names[0]]) else None


def _is_closed(nodes: tuple[Node, ...], graph: Graph) -> bool:
    """Whether nobody but the nodes reads what lies between them, and the last node's value is the only result."""
    inner = {name for node in nodes[:-1] for name in node.outputs}
    inside = {name for node in nodes for name in node.inputs}
    outside = {name for node in graph.nodes if node not in nodes for name in node.inputs} | set(graph.outputs)
    return inner <= inside and not inner & outside


def chains(graph: Graph, free_nodes: Collection[int]) -> Iterator[tuple[int, int]]:
    """`(first, last)` position of every run of at least two nodes that can be streamed as one step."""
    able = [p not in free_nodes and can_stream(node, graph) for p, node in enumerate(graph.nodes)]
    for first in range(len(graph.nodes)):
        for last in range(first, min(first + MAX_LAYERS, len(graph.nodes))):
            if not able[last]:
                break
            nodes = graph.nodes[first : last + 1]
            if last > first and source_of(nodes, graph) is not None and _is_closed(nodes, graph):
                yield first, last
