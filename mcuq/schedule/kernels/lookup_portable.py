"""Elementwise ops of one 8-bit operand, for any core: a table of 256 bytes says everything."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mcuq.arithmetic import arithmetic_named
from mcuq.artifacts import PackedConstant
from mcuq.ir import FLOAT32, Graph, Node
from mcuq.ops import Call, card_of
from mcuq.schedule.kernel import Kernel, Work, in_place, only


@dataclass(frozen=True, slots=True)
class LookupShape:
    """Nothing: the length is a parameter, so that all tables share one function."""


@dataclass(frozen=True, slots=True)
class LookupParameters:
    """How many elements there are."""

    elements: int


def table_of(node: Node, graph: Graph) -> PackedConstant:
    """The result for each of the 256 stored bytes, in the order of the bytes read as unsigned."""
    x, y = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    stored = np.arange(256, dtype=np.uint8).view(x.dtype.numpy)
    call = Call(node.attrs, (replace(x, shape=(256,)),), (replace(y, shape=(256,)),), (stored[None],))
    (results,) = card_of(node.op).evaluate_integer(call, arithmetic_named(node.arithmetic))
    return PackedConstant("table", "uint8_t", np.ascontiguousarray(results[0]).view(np.uint8))


def plan(node: Node, graph: Graph) -> Work:
    """The step of one elementwise op."""
    elements = graph[node.inputs[0]].elements
    return Work(
        LookupShape(),
        LookupParameters(elements),
        (table_of(node, graph),),
        overlaps=in_place(node, graph),
        cycles=6 * elements,
        code_bytes=40,
    )


def _refuses(node: Node, graph: Graph) -> str | None:
    return "its input is float" if graph[node.inputs[0]].dtype == FLOAT32 else None


KERNEL = Kernel(
    "lookup/portable", ("LOGISTIC", "TANH", "RELU", "RELU6", "QUANTIZE"), "mcuq_lookup_parameters", only(plan), _refuses
)
