"""Q format: every scale is a power of two, so requantisation is a rounding shift and no multiplier is stored."""

from __future__ import annotations

import math

import numpy as np

from mcuq.arithmetic.arithmetic import Arithmetic, Factor, Integers
from mcuq.arithmetic.tflm import wrap_int32

POWER_OF_TWO_MULTIPLIER = 1 << 30  # what `quantize_multiplier` gives for every power of two
ALL_BITS = 32  # a right shift that leaves 0 of every int32


def is_power_of_two(scale: float) -> bool:
    """Whether the scale is 2^n for a whole n, negative ones included."""
    return math.isfinite(scale) and scale > 0 and math.frexp(scale)[0] == 0.5


def right_shift(multiplier: Factor, shift: Factor) -> Integers:
    """The bits to shift right by, negative for left, of the factor multiplier / 2^31 * 2^shift.

    ValueError when the factor is neither a power of two nor so small that it counts as 0.
    """
    multiplier = np.asarray(multiplier, np.int64)
    if np.any((multiplier != POWER_OF_TWO_MULTIPLIER) & (multiplier != 0)):
        raise ValueError("a factor between scales is not a power of two")
    right: Integers = np.where(multiplier == 0, ALL_BITS, 1 - np.asarray(shift, np.int64))
    return right


def rounding_shift(x: Integers, multiplier: Factor, shift: Factor) -> Integers:
    """x * multiplier / 2^31 * 2^shift, halves up; a shift to the left wraps to int32 as C does."""
    right, x = right_shift(multiplier, shift), np.asarray(x, np.int64)
    twice = x >> np.maximum(right - 1, 0)
    rounded: Integers = np.where(right > 0, (twice + 1) >> 1, x << np.maximum(-right, 0))
    return wrap_int32(rounded)


SHIFT = Arithmetic(
    name="shift",
    is_integer=True,
    requantize=rounding_shift,
    c_requantize="mcuq_requantize_shift",
    stores_multipliers=False,
)
