"""TFLite's 16x8 scheme: int16 activations with zero point 0, int8 weights, 64-bit sums.

Elementwise ops requantise as TFLM does for int8; sums of products have a form of their own, with a multiplier of 16
bits (MultiplyByQuantizedMultiplier for int64 in kernels/internal/common.cc).
"""

from __future__ import annotations

import numpy as np

from mcuq.arithmetic.arithmetic import Arithmetic, Factor, Integers
from mcuq.arithmetic.tflm import multiply_by_quantized_multiplier, wrap_int32

GREATEST_SHIFT = 7
SUM_LIMIT = 1 << 47  # sums lie in [-SUM_LIMIT, SUM_LIMIT)


def reduced_multiplier(multiplier: Factor) -> Integers:
    """A 31-bit multiplier rounded to 15 bits, at most 0x7FFF."""
    multiplier = np.asarray(multiplier, np.int64)
    reduced: Integers = np.where(multiplier < 0x7FFF0000, (multiplier + (1 << 15)) >> 16, 0x7FFF)
    return reduced


def requantize_sums(x: Integers, multiplier: Factor, shift: Factor) -> Integers:
    """round(x * reduced / 2^15 * 2^shift), halves up, |x| < 2^47, shift in [-31, 7]; wraps to int32 as C does."""
    right = 15 - np.asarray(shift, np.int64)
    product = np.asarray(x, np.int64) * reduced_multiplier(multiplier)
    rounded: Integers = (product + np.left_shift(np.int64(1), right - 1)) >> right
    return wrap_int32(rounded)


INT16X8 = Arithmetic(
    name="int16x8",
    is_integer=True,
    requantize=multiply_by_quantized_multiplier,
    c_requantize="mcuq_requantize_tflm",
    requantize_sums=requantize_sums,
)
