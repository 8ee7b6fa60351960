"""Asking the cards: does the graph stay within what mcuq does, and are its shapes what the ops give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcuq.ir import Constant, Graph, Node, Tensor, Value
from mcuq.ops.card import Call
from mcuq.ops.cards import card_of, is_known
from mcuq.ops.schemes import scheme_limits

_NOTHING = np.zeros(0, np.int8)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why a node is not supported."""

    op: str
    layers: tuple[str, ...]
    reason: str


def call_on(attrs: Any, operands: tuple[Value, ...], results: tuple[Tensor, ...]) -> Call:
    """An op as its card sees it before run time; constants bring their arrays, run-time operands an empty one."""
    arrays = tuple(value.values[None] if isinstance(value, Constant) else _NOTHING for value in operands)
    return Call(attrs, operands, results, arrays)


def call_of(node: Node, graph: Graph) -> Call:
    """The node as its card sees it before run time."""
    return call_on(node.attrs, graph.operands(node), graph.results(node))


def broken_limits(op: str, call: Call, arithmetic: str = "") -> tuple[str, ...]:
    """Why mcuq does not do this call in that arithmetic, one reason a limit; empty when it does."""
    limits = (*card_of(op).limits, *scheme_limits(arithmetic))
    broken = (limit.sentence for limit in limits if not limit.holds(call))
    return tuple(f"supported only where {sentence}" for sentence in broken)


def refusals(graph: Graph) -> tuple[Refusal, ...]:
    """Every limit that a node breaks, in execution order; empty when all is supported."""
    found: list[Refusal] = []
    for node in graph.nodes:
        if not is_known(node.op):
            found.append(Refusal(node.op, node.origin, "mcuq does not know this op"))
            continue
        reasons = broken_limits(node.op, call_of(node, graph), node.arithmetic)
        found += [Refusal(node.op, node.origin, reason) for reason in reasons]
        if card_of(node.op).folds:
            found.append(Refusal(node.op, node.origin, "supported only where it can be computed before run time"))
    return tuple(found)
