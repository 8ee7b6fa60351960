"""LOGISTIC, TANH and SOFTMAX of int16: the cards' exact meaning where activations are int16."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mcuq.arithmetic.arithmetic import Integers
from mcuq.arithmetic.int16_tables import (
    INT16_MAX,
    INT16_MIN,
    curve_factor,
    exp_table,
    look_up,
    one_over_one_plus_table,
)
from mcuq.arithmetic.multiplier import quantize_multiplier
from mcuq.arithmetic.tflm import multiply_by_quantized_multiplier
from mcuq.ir import Value
from mcuq.ops.card import Array, Call
from mcuq.ops.requirements import quantization_of

LOGISTIC_EXPONENTS = (-12,)  # of input scales that TFLM takes as exact powers of two
TANH_EXPONENTS = (-12, -11)
EXP_RANGE = 10.0  # of the table of exp


def evaluate_int16_curve(
    call: Call, curve: Callable[[Integers, int, int], Integers], exponents: tuple[int, ...]
) -> tuple[Array, ...]:
    """`curve` of `int16_tables`, elementwise."""
    factor = curve_factor(quantization_of(call.operands[0]).scale, exponents)
    return (curve(call.arrays[0].astype(np.int64), *factor).astype(np.int16),)


def difference_multiplier(beta: float, x: Value) -> tuple[int, int]:
    """`(multiplier, shift)` from differences of inputs to steps of 10/65535, in double (softmax_common.cc)."""
    return quantize_multiplier(quantization_of(x).scale * beta / (EXP_RANGE / 65535.0))


def evaluate_int16_softmax(call: Call) -> tuple[Array, ...]:
    """Exponentials from a table, their sum's reciprocal from another (reference/softmax.h, SoftmaxInt16)."""
    x = call.arrays[0].astype(np.int64)
    differences = x - x.max(axis=-1, keepdims=True)
    scaled = multiply_by_quantized_multiplier(differences, *difference_multiplier(call.attrs.beta, call.operands[0]))
    exponentials = look_up(np.clip(scaled + INT16_MAX, INT16_MIN, INT16_MAX), exp_table())
    sums = exponentials.sum(axis=-1, keepdims=True)
    zeros = 32 - np.frexp(sums.astype(np.float64))[1].astype(np.int64)  # leading zero bits of a uint32
    shifted = ((sums << (zeros - 1)) + (1 << 13)) >> 14
    reciprocals = look_up(np.clip(shifted - (1 << 15) - (1 << 16), INT16_MIN, INT16_MAX), one_over_one_plus_table())
    right = 31 - zeros
    results = (exponentials * reciprocals + (np.int64(1) << (right - 1))) >> right
    return (np.clip(results, 0, INT16_MAX).astype(np.int16),)
