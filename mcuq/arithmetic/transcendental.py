"""exp, logistic, tanh and 1/(1+x) in 32-bit fixed point, bit for bit as gemmlowp's fixedpoint.h computes them.

"Qk" is a signed 32-bit number with k integer bits: value = raw / 2^(31-k).
"""

from __future__ import annotations

import numpy as np

from mcuq.arithmetic.arithmetic import Integers
from mcuq.arithmetic.tflm import (
    INT32_MAX,
    INT32_MIN,
    doubling_high_multiply,
    rounding_divide_by_power_of_two,
    saturating_shift_left,
)

_EXP_MINUS_EIGHTH = 1895147668  # exp(-1/8) in Q0
_ONE_THIRD = 715827883  # 1/3 in Q0
# exp(-2^k) in Q0 for k = -2 .. 4
_EXP_OF_POWERS = (
    (-2, 1672461947),
    (-1, 1302514674),
    (0, 790015084),
    (1, 290630308),
    (2, 39332535),
    (3, 720401),
    (4, 242),
)
_48_OVER_17 = 1515870810  # in Q2
_MINUS_32_OVER_17 = -1010580540  # in Q2


def _exp_between_minus_quarter_and_zero(a: Integers) -> Integers:
    """exp(a) in Q0 for a in [-1/4, 0) in Q0: a Taylor polynomial of degree 4 about -1/8."""
    x = np.asarray(a, np.int64) + (1 << 28)
    x2 = doubling_high_multiply(x, x)
    x3 = doubling_high_multiply(x2, x)
    x4 = doubling_high_multiply(x2, x2)
    quarter_x4 = rounding_divide_by_power_of_two(x4, 2)
    tail = doubling_high_multiply(quarter_x4 + x3, _ONE_THIRD) + x2
    half_tail = rounding_divide_by_power_of_two(tail, 1)
    product = doubling_high_multiply(np.int64(_EXP_MINUS_EIGHTH) + np.zeros_like(x), x + half_tail)
    return np.clip(_EXP_MINUS_EIGHTH + product, INT32_MIN, INT32_MAX)


def exp_on_negative_values(a: Integers, integer_bits: int) -> Integers:
    """exp(a) in Q0 for a <= 0 in Q`integer_bits` (at most 5)."""
    a = np.asarray(a, np.int64)
    fractional_bits = 31 - integer_bits
    quarter = 1 << (fractional_bits - 2)
    remainder = (a & (quarter - 1)) - quarter
    result = _exp_between_minus_quarter_and_zero(saturating_shift_left(remainder, integer_bits))
    multiples = remainder - a
    for exponent, factor in _EXP_OF_POWERS:
        if integer_bits > exponent:
            bit = 1 << (fractional_bits + exponent)
            result = np.where(multiples & bit, doubling_high_multiply(result, factor), result)
    return np.asarray(np.where(a == 0, INT32_MAX, result), np.int64)


def _newton_reciprocal(a: Integers) -> tuple[Integers, Integers]:
    """`(half_denominator, x)`: (1+a)/2 in Q0 and 2/(1+a) in Q2 by three Newton-Raphson steps, a in [0, 1] in Q0."""
    half_denominator = (np.asarray(a, np.int64) + INT32_MAX + 1) // 2
    x = _48_OVER_17 + doubling_high_multiply(half_denominator, _MINUS_32_OVER_17)
    for _ in range(3):
        error = (1 << 29) - doubling_high_multiply(half_denominator, x)
        x = x + saturating_shift_left(doubling_high_multiply(x, error), 2)
    return half_denominator, x


def one_over_one_plus_x(a: Integers) -> Integers:
    """1/(1+a) in Q0 for a in [0, 1] in Q0."""
    return saturating_shift_left(_newton_reciprocal(a)[1], 1)


def _one_minus_x_over_one_plus_x(a: Integers) -> Integers:
    """(1-a)/(1+a) in Q0 for a in [0, 1] in Q0."""
    return saturating_shift_left(_newton_reciprocal(a)[1] - (1 << 29), 2)


def logistic(a: Integers, integer_bits: int) -> Integers:
    """1/(1+exp(-a)) in Q0 for a in Q`integer_bits`."""
    a = np.asarray(a, np.int64)
    positive = one_over_one_plus_x(exp_on_negative_values(-np.abs(a), integer_bits))
    result = np.where(a > 0, positive, INT32_MAX - positive)
    return np.asarray(np.where(a == 0, 1 << 30, result), np.int64)


def tanh(a: Integers, integer_bits: int) -> Integers:
    """tanh(a) in Q0 for a in Q`integer_bits` (at most 4)."""
    a = np.asarray(a, np.int64)
    # The raw number of 2a in Q(k+1) is that of a in Qk.
    magnitude = _one_minus_x_over_one_plus_x(exp_on_negative_values(-np.abs(a), integer_bits + 1))
    result = np.where(a < 0, -magnitude, magnitude)
    return np.asarray(np.where(a == 0, 0, result), np.int64)


def reciprocal(x: int, integer_bits: int) -> tuple[int, int]:
    """`(scale, bits)` with 1/x = scale / 2^(31 + bits): x > 0 in Q`integer_bits` (gemmlowp's GetReciprocal)."""
    headroom = 32 - x.bit_length()
    fraction = ((x << headroom) & 0xFFFFFFFF) - (1 << 31)
    return int(one_over_one_plus_x(np.array([fraction], np.int64))[0]), integer_bits - headroom
