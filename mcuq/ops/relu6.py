"""RELU6 as an op of its own: a clamp in the input's quantization (TFLM does not rescale here)."""

from __future__ import annotations

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.ops.activation import RELU6, clamp_float, quantize_real
from mcuq.ops.card import Array, Call, Card, Limit, NoAttrs, OutputQuantization
from mcuq.ops.requirements import INTEGER_INPUT_AND_OUTPUT, SAME_QUANTIZATION, quantization_of
from mcuq.ops.unary import infer_unary


def _evaluate(call: Call) -> tuple[Array, ...]:
    return (clamp_float(RELU6, call.arrays[0]),)


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    y = call.results[0]
    least = quantization_of(y).zero_point
    greatest = min(quantize_real(6.0, y), y.dtype.maximum)
    return (np.minimum(np.maximum(call.arrays[0], least), greatest).astype(y.dtype.numpy),)


def _six_fits(call: Call) -> bool:
    q = call.results[0].quantization
    return q is None or q.scales[0] * (1 << 30) > 6


CARD = Card(
    name="RELU6",
    attrs=NoAttrs,
    infer=infer_unary,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    limits=(INTEGER_INPUT_AND_OUTPUT, SAME_QUANTIZATION, Limit("6 is less than 2^30 steps of the scale", _six_fits)),
    output_quantization=OutputQuantization.SAME_AS_INPUT,
)
