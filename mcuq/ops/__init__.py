"""What operations mean: one card an op, listed in OPS."""

from mcuq.ops.card import Call, Card, Limit, NoAttrs, OutputQuantization
from mcuq.ops.cards import OPS, card_of, is_known
from mcuq.ops.check import Refusal, broken_limits, call_of, call_on, refusals

__all__ = [
    "OPS",
    "Call",
    "Card",
    "Limit",
    "NoAttrs",
    "OutputQuantization",
    "Refusal",
    "broken_limits",
    "call_of",
    "call_on",
    "card_of",
    "is_known",
    "refusals",
]
