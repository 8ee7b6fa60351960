"""Asking the cards: does the graph stay within what mcuq does, and are its shapes what the ops give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.ir import Constant, Graph, Node
from mcuq.ops.card import Call
from mcuq.ops.cards import card_of, is_known

_NOTHING = np.zeros(0, np.int8)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why a node is not supported."""

    op: str
    layers: tuple[str, ...]
    reason: str


def call_of(node: Node, graph: Graph) -> Call:
    """The node as its card sees it; constants bring their arrays, run-time operands an empty one."""
    operands = graph.operands(node)
    arrays = tuple(value.values[None] if isinstance(value, Constant) else _NOTHING for value in operands)
    return Call(node.attrs, operands, graph.results(node), arrays)


def refusals(graph: Graph) -> tuple[Refusal, ...]:
    """Every limit that a node breaks, in execution order; empty when all is supported."""
    found: list[Refusal] = []
    for node in graph.nodes:
        if not is_known(node.op):
            found.append(Refusal(node.op, node.origin, "mcuq does not know this op"))
            continue
        card, call = card_of(node.op), call_of(node, graph)
        broken = [limit.sentence for limit in card.limits if not limit.holds(call)]
        found += [Refusal(node.op, node.origin, f"supported only where {sentence}") for sentence in broken]
        if card.folds:
            found.append(Refusal(node.op, node.origin, "supported only where it can be computed before run time"))
    return tuple(found)
