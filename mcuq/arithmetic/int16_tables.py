"""exp, 1/(1+x), logistic and tanh of int16 values from tables with linear interpolation, bit for bit TFLM's.

Tables are made by formula: 513 entries of exp on [-10, 0] and of 1/(1+x) on [0, 1] (LUTPopulate in
kernels/internal/common.h), 256 of the logistic function in steps of 1/24.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from mcuq.arithmetic.arithmetic import Integers

STEPS = 512
INT16_MIN, INT16_MAX = -(1 << 15), (1 << 15) - 1
SIGMOID_STEPS_PER_UNIT = 24

Floats = npt.NDArray[np.float32]


def _round(values: Floats) -> Floats:
    """The nearest whole numbers, halves away from zero, as C's roundf."""
    rounded: Floats = np.copysign(np.floor(np.abs(values.astype(np.float64)) + 0.5), values).astype(np.float32)
    return rounded


def _interpolation_table(function: Callable[[Floats], Floats], low: float, high: float) -> Integers:
    """513 samples on [low, high] in units of 2^-15, each moved by half of the error in the middle of its interval.

    All in float32, as the original computes.
    """
    least, greatest = np.float32(low), np.float32(high)
    step = np.float32((greatest - least) / np.float32(STEPS))
    index = np.arange(STEPS, dtype=np.float32)
    scale = np.float32(1 << 15)
    value = function(least + index * step) * scale
    middle = function(least + index * step + step / np.float32(2)) * scale
    following = function(least + (index + np.float32(1)) * step) * scale
    interpolated = _round((following + _round(value)) / np.float32(2))
    bias = _round((interpolated - _round(middle)) / np.float32(2))
    entries = np.append(_round(value) - bias, _round(function(np.array([greatest])) * scale))
    return np.clip(entries, INT16_MIN, INT16_MAX).astype(np.int64)


def _exp(x: Floats) -> Floats:
    values: Floats = np.exp(x.astype(np.float64)).astype(np.float32)
    return values


def _one_over_one_plus(x: Floats) -> Floats:
    values: Floats = np.float32(1) / (np.float32(1) + x)
    return values


@cache
def exp_table() -> Integers:
    """exp(x) in units of 2^-15 for x = -10 .. 0."""
    return _interpolation_table(_exp, -10.0, 0.0)


@cache
def one_over_one_plus_table() -> Integers:
    """1/(1+x) in units of 2^-15 for x = 0 .. 1."""
    return _interpolation_table(_one_over_one_plus, 0.0, 1.0)


@cache
def sigmoid_table() -> Integers:
    """1/(1+exp(-i/24)) in units of 2^-16 for i = 0 .. 255; the last entry stands for 1.

    Each sample is raised by half of the error that interpolation would have in the middle of the next interval.
    """

    def curve(step: float) -> float:
        return 65536 / (1 + math.exp(-step / SIGMOID_STEPS_PER_UNIT))

    errors = [curve(i + 0.5) - (curve(i) + curve(i + 1)) / 2 for i in range(255)]
    entries = [math.floor(curve(i) + error / 2 + 0.5) for i, error in enumerate(errors)]
    return np.array([*entries, 65535], np.int64)


def look_up(x: Integers, table: Integers) -> Integers:
    """The table at int16 values `x`, -32768 being its first entry, interpolated in 128 steps between two entries."""
    index, rest = (x >> 7) + 256, x & 127
    base = table[index]
    return np.asarray(base + (((table[index + 1] - base) * rest + 64) >> 7), np.int64)


def curve_factor(scale: float, powers_of_two: tuple[int, ...]) -> tuple[int, int]:
    """`(multiplier, right_shift)` from int16 steps of `scale` to steps of 1/(3 * 4096).

    `powers_of_two` are the exponents of scales that are taken as exact, which TFLM does within 0.1 % of an octave.
    """
    logarithm = np.float32(np.log(np.float32(scale))) * np.float32(1 / math.log(2.0))
    nearest = math.floor(abs(float(logarithm)) + 0.5) * (1 if logarithm >= 0 else -1)
    if abs(float(logarithm) - nearest) < 1e-3 and nearest in powers_of_two:
        return 3 << (nearest + 12), 0
    factor, right = float(np.float32(scale)) * 4096.0 * 3.0, 0
    while factor <= 32767.0 / 2.0 and right <= 30:
        factor, right = factor * 2.0, right + 1
    return int(factor), right


def _sigmoid_argument(x: Integers, multiplier: int, right: int) -> Integers:
    half = 1 << (right - 1) if right > 0 else 0
    return np.asarray((x * multiplier + half) >> right, np.int64)


def logistic(x: Integers, multiplier: int, right: int) -> Integers:
    """1/(1+exp(-x)) in units of 2^-15 (integer_ops/logistic.h)."""
    argument = _sigmoid_argument(x, multiplier, right)
    index, rest = np.minimum(np.abs(argument) >> 9, 255), np.abs(argument) & 511
    low, table = np.minimum(index, 254), sigmoid_table()
    inside = (table[low] << 9) + rest * (table[low + 1] - table[low])
    value = np.where(index >= 255, 0x7FFF << 10, inside)
    rounded = np.where(argument >= 0, value + (1 << 9), (1 << 25) - value + (1 << 9) - 1)
    return np.asarray(rounded >> 10, np.int64)


def tanh(x: Integers, multiplier: int, right: int) -> Integers:
    """tanh(x) in units of 2^-15, as 2 / (1+exp(-2x)) - 1 (integer_ops/tanh.h)."""
    argument = _sigmoid_argument(x, multiplier, right)
    index, rest = np.minimum(np.abs(argument) >> 8, 255), np.abs(argument) & 255
    low, table = np.minimum(index, 254), sigmoid_table()
    inside = (table[low] << 8) + rest * (table[low + 1] - table[low])
    value = np.where(index >= 255, 0xFFFF << 8, inside)
    half = 1 << 23
    rounded = np.where(argument >= 0, value - half + (1 << 7), -value + half + (1 << 7) - 1)
    return np.asarray(rounded >> 8, np.int64)
