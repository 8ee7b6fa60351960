"""Ranges of real numbers, and the scale and zero point that an activation gets from one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mcuq.ir import INT8, INT16, DType, Quantization

# A tensor that was never anything but zero, or next to it, still needs a scale; any is as good.
_NOTHING = 1e-20
_SCALE_OF_NOTHING = 1.0 / 128


@dataclass(frozen=True, slots=True)
class Range:
    """The real numbers that quantized values must reach."""

    low: float
    high: float

    def union(self, other: Range) -> Range:
        """The least range that holds both."""
        return Range(min(self.low, other.low), max(self.high, other.high))

    def with_zero(self) -> Range:
        """The same, reaching zero: padding and RELU need it to be exact."""
        return Range(min(self.low, 0.0), max(self.high, 0.0))

    @property
    def magnitude(self) -> float:
        """The greatest absolute value."""
        return max(abs(self.low), abs(self.high))


@dataclass(frozen=True, slots=True)
class Format:
    """How integer activations are written: their type, where zero lies, and whether scales are powers of two.

    Symmetric means zero point 0: with powers of two, Qm.n in the strict sense.
    """

    dtype: DType = INT8
    symmetric: bool = False
    power_of_two: bool = False


def as_float32(value: float) -> float:
    """The nearest float32, because that is what files hold and multipliers derive from."""
    return float(np.float32(value))


def power_of_two_above(scale: float) -> float:
    """The least power of two that is not smaller."""
    return 2.0 ** math.ceil(math.log2(scale) - 1e-9)


def step_of(limits: Range, form: Format) -> float:
    """The least scale that reaches `limits` before it becomes a power of two."""
    limits = limits.with_zero()
    if form.symmetric or form.dtype == INT16:
        return limits.magnitude / form.dtype.maximum
    return (limits.high - limits.low) / (form.dtype.maximum - form.dtype.minimum)


def quantization_of_range(limits: Range, form: Format) -> Quantization:
    """Scale and zero point that reach `limits`; int16 is symmetric, as TFLite's 16x8 spec wants it."""
    limits = limits.with_zero()
    if not limits.magnitude > _NOTHING:
        return Quantization((_SCALE_OF_NOTHING,), (0,))
    step = step_of(limits, form)
    scale = power_of_two_above(step) if form.power_of_two else as_float32(step)
    if form.symmetric or form.dtype == INT16:
        return Quantization((scale,), (0,))
    return Quantization((scale,), (zero_point_for(limits.low, scale, form),))


def zero_point_for(low: float, scale: float, form: Format) -> int:
    """The zero point that puts `low` on the least code."""
    zero_point = round(form.dtype.minimum - low / scale)
    return min(max(zero_point, form.dtype.minimum), form.dtype.maximum)
