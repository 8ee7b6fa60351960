"""One step that computes several layers row by row: its stages, the rows that it keeps, and what overlaps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mcuq.artifacts import Overlap, PackedConstant, RowBuffer, Stage, Stream
from mcuq.ir import Graph, Node, Value
from mcuq.schedule.chains import RowNode, fill_of, row_node, source_of
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.row_order import RowOrder, RowStage, row_order

KERNEL_NAME = "stream/rows"
MAX_EVENT_KINDS = 256
CYCLES_PER_EVENT = 60
CODE_BYTES_PER_EVENT = 40
CYCLES_PER_MOVED_BYTE = 0.7

# The kernel and its way to compute one row; None where there is none.
RowWays = Callable[[RowNode], tuple[Kernel, Work] | None]


def _aligned(offset: int) -> int:
    return -(-offset // 4) * 4


def _row_bytes(value: Value) -> int:
    return value.dtype.bytes_of(value.shape[2] * value.shape[3])


def _stage(row: RowNode, kernel: Kernel, work: Work, graph: Graph) -> Stage:
    reader = row.readers[0]
    fill = fill_of(graph[reader.value])
    return Stage(
        kernel=kernel.name,
        node=row.whole,
        inputs=tuple(name for name in row.whole.inputs if not graph.is_constant(name)),
        shape=work.shape,
        parameters=work.parameters,
        constants=work.constants,
        scratch_bytes=work.scratch_bytes,
        stride=reader.stride,
        pad=reader.pad,
        extent=reader.extent,
        fill=fill or 0,
        overlaps=work.overlaps,
    )


def _buffers(order: RowOrder, graph: Graph) -> tuple[tuple[RowBuffer, ...], int]:
    """The buffers one behind the other, and where they end."""
    found, end = [], 0
    for value, rows in order.rows.items():
        row_bytes = _row_bytes(graph[value])
        found.append(RowBuffer(value, end, rows, row_bytes, order.before[value], fill_of(graph[value]) or 0))
        end = _aligned(end + rows * row_bytes)
    return tuple(found), end


def _margin_bytes(order: RowOrder, work: Work, x: Value, y: Value) -> int:
    """The least distance by which the chain's output must start below its input.

    When row r is written, the rows of the input that are still to be read must lie behind its end; those that are read
    meanwhile must lie behind it too, or as the last layer's own kernel allows.
    """
    own = next((o.margin_bytes for o in work.overlaps if (o.input, o.output) == (x.name, y.name)), None)
    in_row, out_row = _row_bytes(x), _row_bytes(y)
    margins = []
    for row, (later, meanwhile) in enumerate(order.reach):
        end = (row + 1) * out_row
        if later < x.shape[1]:
            margins.append(end - later * in_row)
        if meanwhile is not None:
            margins.append((end if own is None else row * out_row + own) - meanwhile * in_row)
    return max(margins, default=-x.dtype.bytes_of(x.elements))


def _pads(order: RowOrder) -> set[str]:
    return {event.value for event in order.events if event.kind == "pad"}


def _edge_bytes(stages: Sequence[Stage], order: RowOrder, source: Value) -> int:
    """The copied window of the layers that read the input beyond its edge."""
    edges = {event.value for event in order.events if event.kind == "edge"}
    return max((stage.extent * _row_bytes(source) for stage in stages if stage.output in edges), default=0)


def _cycles(rows: Sequence[RowNode], works: Sequence[Work], order: RowOrder, graph: Graph) -> int:
    computed = sum(row.rows * work.cycles for row, work in zip(rows, works, strict=True))
    moved = sum(e.kept * _row_bytes(graph[e.value]) for e in order.events if e.kind == "move")
    return int(computed + CYCLES_PER_EVENT * len(order.events) + CYCLES_PER_MOVED_BYTE * moved)


def _code_bytes(works: Sequence[Work], made: Stream) -> int:
    """The stages' functions, and the step's own."""
    kinds = {(stage.kernel, stage.shape): work.code_bytes for stage, work in zip(made.stages, works, strict=True)}
    return sum(kinds.values()) + CODE_BYTES_PER_EVENT * len(made.distinct_events)


def row_nodes(nodes: Sequence[Node], graph: Graph) -> tuple[RowNode, ...]:
    """Each node as it computes one row."""
    return tuple(row_node(node, graph) for node in nodes)


def stream(nodes: tuple[Node, ...], graph: Graph, ways: Mapping[str, tuple[Kernel, Work]]) -> Work | None:
    """The step of a chain, or None where it cannot be; `ways` maps each node's output to what computes a row of it."""
    source = source_of(nodes, graph)
    assert source is not None
    rows = row_nodes(nodes, graph)
    order = row_order([RowStage(r.node.outputs[0], r.rows, r.readers) for r in rows], source, graph[source].shape[1])
    works = [ways[row.node.outputs[0]][1] for row in rows]
    stages = tuple(
        _stage(row, ways[row.node.outputs[0]][0], work, graph) for row, work in zip(rows, works, strict=True)
    )
    padded = _pads(order) | ({source} if any(event.kind == "edge" for event in order.events) else set())
    if any(fill_of(graph[value]) is None for value in padded):
        return None
    buffers, end = _buffers(order, graph)
    edge_bytes = _edge_bytes(stages, order, graph[source])
    stage_offset = _aligned(end + edge_bytes)
    made = Stream(stages, buffers, order.events, end, stage_offset)
    if len(made.distinct_events) > MAX_EVENT_KINDS:
        return None
    kinds = {event: number for number, event in enumerate(made.distinct_events)}
    table = PackedConstant("order", "uint8_t", np.array([kinds[event] for event in order.events], np.uint8))
    x, y = graph[source], graph[nodes[-1].outputs[0]]
    return Work(
        shape=None,
        parameters=None,
        constants=(table,),
        scratch_bytes=stage_offset + max((work.scratch_bytes for work in works), default=0),
        overlaps=(Overlap(source, y.name, _margin_bytes(order, works[-1], x, y)),),
        cycles=_cycles(rows, works, order, graph),
        code_bytes=_code_bytes(works, made),
        nodes=nodes,
        stream=made,
    )
