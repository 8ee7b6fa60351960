"""ADD: elementwise, broadcasting."""

from __future__ import annotations

from mcuq.arithmetic import Arithmetic
from mcuq.ops.activation import clamp_float
from mcuq.ops.binary import SUM_LIMITS, Binary, aligned, evaluate_sum, infer_binary
from mcuq.ops.card import Array, Call, Card


def _evaluate(call: Call) -> tuple[Array, ...]:
    a, b = aligned(call)
    return (clamp_float(call.attrs.activation, a + b),)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    return evaluate_sum(call, arithmetic, 1)


CARD = Card(
    name="ADD",
    attrs=Binary,
    infer=infer_binary,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    limits=SUM_LIMITS,
)
