"""SOFTMAX for any core: exponentials from a table, one reciprocal a row."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.artifacts import PackedConstant
from mcuq.ir import Graph, Node
from mcuq.ops.softmax import exponential_table
from mcuq.schedule.kernel import Kernel, Work, in_place, only


@dataclass(frozen=True, slots=True)
class SoftmaxShape:
    """`rows` rows of `depth` elements; `entries` exponentials in the table."""

    rows: int
    depth: int
    entries: int


@dataclass(frozen=True, slots=True)
class SoftmaxParameters:
    """Only the table."""


def plan(node: Node, graph: Graph) -> Work:
    """The step of one softmax."""
    x = graph[node.inputs[0]]
    table = exponential_table(node.attrs, x)
    depth = x.shape[-1]
    return Work(
        SoftmaxShape(x.elements // depth, depth, len(table)),
        SoftmaxParameters(),
        (PackedConstant("table", "int32_t", table),),
        overlaps=in_place(node, graph),
        cycles=(x.elements // depth) * (45 * depth + 250),
        code_bytes=460,
    )


KERNEL = Kernel("softmax/portable", ("SOFTMAX",), "mcuq_softmax_parameters", only(plan))
