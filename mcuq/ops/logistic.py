"""LOGISTIC: 1 / (1 + exp(-x))."""

from __future__ import annotations

import numpy as np

from mcuq.arithmetic import Arithmetic, int16_tables
from mcuq.arithmetic.transcendental import logistic
from mcuq.ir import INT16
from mcuq.ops.card import Array, Call, Card, NoAttrs, OutputQuantization
from mcuq.ops.int16_curves import LOGISTIC_EXPONENTS, evaluate_int16_curve
from mcuq.ops.unary import CURVE_LIMITS, evaluate_curve, infer_unary, output_is


def _evaluate(call: Call) -> tuple[Array, ...]:
    x = call.arrays[0].astype(np.float32)
    return ((1 / (1 + np.exp(-np.clip(x, -80, 80)))).astype(np.float32),)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    if call.operands[0].dtype == INT16:
        return evaluate_int16_curve(call, int16_tables.logistic, LOGISTIC_EXPONENTS)
    return evaluate_curve(call, logistic, 8, call.results[0])


CARD = Card(
    name="LOGISTIC",
    attrs=NoAttrs,
    infer=infer_unary,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    limits=(*CURVE_LIMITS, output_is(1 / 256, -128)),
    output_quantization=OutputQuantization.FIXED,
    fixed_output=(1 / 256, -128),
)
