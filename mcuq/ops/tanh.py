"""TANH: the hyperbolic tangent."""

from __future__ import annotations

import numpy as np

from mcuq.arithmetic import Arithmetic, int16_tables
from mcuq.arithmetic.transcendental import tanh
from mcuq.ir import INT16
from mcuq.ops.card import Array, Call, Card, NoAttrs, OutputQuantization
from mcuq.ops.int16_curves import TANH_EXPONENTS, evaluate_int16_curve
from mcuq.ops.unary import CURVE_LIMITS, evaluate_curve, infer_unary, output_is


def _evaluate(call: Call) -> tuple[Array, ...]:
    return (np.tanh(call.arrays[0].astype(np.float32)),)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    if call.operands[0].dtype == INT16:
        return evaluate_int16_curve(call, int16_tables.tanh, TANH_EXPONENTS)
    return evaluate_curve(call, tanh, 7, call.results[0])


CARD = Card(
    name="TANH",
    attrs=NoAttrs,
    infer=infer_unary,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    limits=(*CURVE_LIMITS, output_is(1 / 128, 0)),
    output_quantization=OutputQuantization.FIXED,
    fixed_output=(1 / 128, 0),
)
