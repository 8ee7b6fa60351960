"""TensorFlow Lite Micro's integer arithmetic: doubling high multiply, then a rounding shift (double rounding)."""

from __future__ import annotations

import numpy as np

from mcuq.arithmetic.arithmetic import Arithmetic, Factor, Integers

INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1


def wrap_int32(x: Integers) -> Integers:
    """`x` modulo 2^32 as signed 32-bit, as C's conversions wrap."""
    wrapped: Integers = ((np.asarray(x, np.int64) + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
    return wrapped


def doubling_high_multiply(a: Integers, b: Factor) -> Integers:
    """round(a * b / 2^31) for int32 values, halves up; only INT32_MIN squared saturates (gemmlowp fixedpoint.h)."""
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    return np.asarray(np.minimum((product + (1 << 30)) >> 31, INT32_MAX), np.int64)


def rounding_divide_by_power_of_two(x: Integers, exponent: Factor) -> Integers:
    """round(x / 2^exponent), halves away from zero, exponent in [0, 31] (gemmlowp fixedpoint.h)."""
    x, exponent = np.asarray(x, np.int64), np.asarray(exponent, np.int64)
    mask: Integers = np.left_shift(np.int64(1), exponent) - 1
    threshold: Integers = (mask >> 1) + (x < 0)
    rounded: Integers = (x >> exponent) + ((x & mask) > threshold)
    return rounded


def saturating_shift_left(x: Integers, bits: int) -> Integers:
    """x * 2^bits, clamped to int32."""
    return np.asarray(np.clip(np.asarray(x, np.int64) << bits, INT32_MIN, INT32_MAX), np.int64)


def multiply_by_quantized_multiplier(x: Integers, multiplier: Factor, shift: Factor) -> Integers:
    """x * multiplier / 2^31 * 2^shift with TFLM's two roundings (kernels/internal/common.cc, default build)."""
    shift = np.asarray(shift, np.int64)
    shifted = wrap_int32(np.asarray(x, np.int64) << np.maximum(shift, 0))
    high = doubling_high_multiply(shifted, multiplier)
    return rounding_divide_by_power_of_two(high, np.maximum(-shift, 0))


TFLM = Arithmetic(
    name="tflm",
    is_integer=True,
    requantize=multiply_by_quantized_multiplier,
    c_requantize="mcuq_requantize_tflm",
)
