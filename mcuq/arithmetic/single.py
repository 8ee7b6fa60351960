"""int8 with one rounding: a 64-bit product, halves up, as CMSIS-NN and TFLite compute if built for single rounding."""

from __future__ import annotations

import numpy as np

from mcuq.arithmetic.arithmetic import Arithmetic, Factor, Integers
from mcuq.arithmetic.tflm import wrap_int32


def multiply_rounding_once(x: Integers, multiplier: Factor, shift: Factor) -> Integers:
    """(x * multiplier + 2^(30 - shift)) >> (31 - shift) in 64 bits, shift in [-31, 30]; wraps to int32 as C does."""
    right = 31 - np.asarray(shift, np.int64)
    product = np.asarray(x, np.int64) * np.asarray(multiplier, np.int64)
    rounded: Integers = (product + np.left_shift(np.int64(1), right - 1)) >> right
    return wrap_int32(rounded)


SINGLE = Arithmetic(
    name="single",
    is_integer=True,
    requantize=multiply_rounding_once,
    c_requantize="mcuq_requantize_single",
)
