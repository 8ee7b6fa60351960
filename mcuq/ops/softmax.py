"""SOFTMAX over the last dimension."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mcuq.arithmetic import Arithmetic
from mcuq.arithmetic.multiplier import input_radius, quantize_multiplier
from mcuq.arithmetic.tflm import (
    INT32_MAX,
    doubling_high_multiply,
    rounding_divide_by_power_of_two,
    wrap_int32,
)
from mcuq.arithmetic.transcendental import exp_on_negative_values, one_over_one_plus_x
from mcuq.ir import INT16, DType, Value
from mcuq.ops.card import Array, Call, Card, Limit, OutputQuantization
from mcuq.ops.int16_curves import evaluate_int16_softmax
from mcuq.ops.requirements import INTEGER_INPUT_AND_OUTPUT, quantization_of

SCALED_DIFF_INTEGER_BITS = 5
ACCUMULATION_INTEGER_BITS = 12


@dataclass(frozen=True, slots=True)
class Softmax:
    """exp(beta * x) / sum."""

    beta: float = 1.0


def _infer(attrs: Softmax, operands: tuple[Value, ...]) -> tuple[tuple[tuple[int, ...], DType], ...]:
    if not operands[0].shape:
        raise ValueError("SOFTMAX needs at least one dimension")
    return ((operands[0].shape, operands[0].dtype),)


def exponential_table(attrs: Softmax, x: Value) -> Array:
    """exp(-beta * scale * d) in Q0 for d = 0, 1, ... as int32, at most 256; past its end TFLM takes 0 (softmax.h)."""
    bits = 31 - SCALED_DIFF_INTEGER_BITS
    real = min(attrs.beta * quantization_of(x).scale * (1 << bits), (1 << 31) - 1.0)
    if real >= 1 << 30:  # one step of the input is worth exp(-16) and less: only the maximum itself counts
        return np.array([INT32_MAX], np.int32)
    multiplier, shift = quantize_multiplier(real)
    greatest = min(255, input_radius(SCALED_DIFF_INTEGER_BITS, shift))
    differences = -np.arange(greatest + 1, dtype=np.int64)
    scaled = doubling_high_multiply(wrap_int32(differences << max(shift, 0)), multiplier)
    return exp_on_negative_values(scaled, SCALED_DIFF_INTEGER_BITS).astype(np.int32)


def _evaluate(call: Call) -> tuple[Array, ...]:
    x = call.arrays[0].astype(np.float32) * np.float32(call.attrs.beta)
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return ((e / e.sum(axis=-1, keepdims=True)).astype(np.float32),)


def _reciprocals(sums: Array) -> tuple[Array, Array]:
    """`(scale, bits)` of 1/sum, elementwise gemmlowp GetReciprocal."""
    lengths = np.array([int(v).bit_length() for v in sums.ravel()], np.int64).reshape(sums.shape)
    headroom = 32 - lengths
    fraction = ((sums << headroom) & 0xFFFFFFFF) - (1 << 31)
    return one_over_one_plus_x(fraction), ACCUMULATION_INTEGER_BITS - headroom


def _evaluate_integer(call: Call, arithmetic: Arithmetic) -> tuple[Array, ...]:
    y = call.results[0]
    if y.dtype == INT16:
        return evaluate_int16_softmax(call)
    table = exponential_table(call.attrs, call.operands[0]).astype(np.int64)
    table = np.concatenate([table, np.zeros(256 - len(table), np.int64)])
    x = call.arrays[0].astype(np.int64)
    exponentials = table[x.max(axis=-1, keepdims=True) - x]
    sums = rounding_divide_by_power_of_two(exponentials, ACCUMULATION_INTEGER_BITS).sum(-1, keepdims=True)
    scale, bits = _reciprocals(sums)
    products = doubling_high_multiply(exponentials, scale)
    outputs = rounding_divide_by_power_of_two(products, bits + 31 - 8) + y.dtype.minimum
    return (np.clip(outputs, y.dtype.minimum, y.dtype.maximum).astype(y.dtype.numpy),)


def _output_is_fixed(call: Call) -> bool:
    q = call.results[0].quantization
    wanted = ((1 / 32768,), (0,)) if call.results[0].dtype == INT16 else ((1 / 256,), (-128,))
    return q is None or (q.scales, q.zero_points) == wanted


def _input_scale_is_sound(call: Call) -> bool:
    q = call.operands[0].quantization
    if q is None:
        return True
    real = call.attrs.beta * q.scales[0] * (1 << (31 - SCALED_DIFF_INTEGER_BITS))
    greatest = 1 << 27 if call.operands[0].dtype == INT16 else math.inf
    return math.isfinite(real) and 1 < real < greatest


CARD = Card(
    name="SOFTMAX",
    attrs=Softmax,
    infer=_infer,
    evaluate=_evaluate,
    evaluate_integer=_evaluate_integer,
    limits=(
        INTEGER_INPUT_AND_OUTPUT,
        Limit("the output has scale 1/256 and zero point -128 (int16: 1/32768 and 0)", _output_is_fixed),
        Limit("beta times the input scale is more than 2^-26 (and less than 2 for int16)", _input_scale_is_sound),
        Limit("the last dimension has at most 4096 elements", lambda call: call.operands[0].shape[-1] <= 4096),
    ),
    output_quantization=OutputQuantization.FIXED,
    fixed_output=(1 / 256, -128),
)
