"""MUL: elementwise, broadcasting."""

from __future__ import annotations

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.arithmetic.multiplier import quantize_multiplier
from mcuq.ir import Value
from mcuq.ops.activation import clamp_float, clamp_integer
from mcuq.ops.binary import BINARY_LIMITS, Binary, aligned, infer_binary
from mcuq.ops.card import Array, Call, Card
from mcuq.ops.requirements import factors_fit, quantization_of


def product_multiplier(a: Value, b: Value, y: Value) -> tuple[int, int]:
    """`(multiplier, shift)` of a_scale * b_scale / out_scale, in double (mul.cc)."""
    first, second, output = (quantization_of(value).scale for value in (a, b, y))
    return quantize_multiplier(first * second / output)


def _evaluate(call: Call) -> tuple[Array, ...]:
    a, b = aligned(call)
    return (clamp_float(call.attrs.activation, a * b),)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    (a, b), y = call.operands, call.results[0]
    first, second = aligned(call)
    product = (first.astype(np.int64) - quantization_of(a).zero_point) * (
        second.astype(np.int64) - quantization_of(b).zero_point
    )
    multiplier, shift = product_multiplier(a, b, y)
    result = arithmetic.requantize(product, multiplier, shift) + quantization_of(y).zero_point
    return (clamp_integer(call.attrs.activation, result, y),)


def _multiplier(call: Call) -> object:
    return product_multiplier(call.operands[0], call.operands[1], call.results[0])


CARD = Card(
    name="MUL",
    attrs=Binary,
    infer=infer_binary,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    limits=(
        *BINARY_LIMITS,
        factors_fit(_multiplier),
    ),
)
