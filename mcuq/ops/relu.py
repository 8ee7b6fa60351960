"""RELU as an op of its own: rescales, then clamps at zero."""

from __future__ import annotations

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.ops.activation import RELU, clamp_float, clamp_integer
from mcuq.ops.card import Array, Call, Card, NoAttrs
from mcuq.ops.requirements import INTEGER_INPUT_AND_OUTPUT, factors_fit, quantization_of
from mcuq.ops.unary import infer_unary, relu_multiplier


def _evaluate(call: Call) -> tuple[Array, ...]:
    return (clamp_float(RELU, call.arrays[0]),)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    x, y = call.operands[0], call.results[0]
    multiplier, shift = relu_multiplier(x, y)
    centred = call.arrays[0].astype(np.int64) - quantization_of(x).zero_point
    scaled = arithmetic.requantize(centred, multiplier, shift) + quantization_of(y).zero_point
    return (clamp_integer(RELU, scaled, y),)


CARD = Card(
    name="RELU",
    attrs=NoAttrs,
    infer=infer_unary,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    limits=(INTEGER_INPUT_AND_OUTPUT, factors_fit(lambda call: relu_multiplier(call.operands[0], call.results[0]))),
)
