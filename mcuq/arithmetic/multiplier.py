"""A real factor as a 31-bit integer and a shift, and the other numbers that TFLite derives from scales."""

from __future__ import annotations

import math


def quantize_multiplier(real: float) -> tuple[int, int]:
    """`(multiplier, shift)` with real = multiplier / 2^31 * 2^shift, multiplier in [2^30, 2^31) or 0.

    The same numbers as TFLite's QuantizeMultiplier (quantization_util.cc). Raises ValueError for a negative or
    non-finite factor and for factors of 2^30 and more, which no 32-bit accumulator survives.
    """
    if not math.isfinite(real) or real < 0:
        raise ValueError(f"a requantisation factor must be finite and not negative, not {real}")
    if real == 0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        raise ValueError(f"a requantisation factor of {real} is too large for 32-bit arithmetic")
    return multiplier, shift


def input_radius(integer_bits: int, left_shift: int, total_signed_bits: int = 31) -> int:
    """The greatest difference that still fits `integer_bits` after a left shift (TFLite's CalculateInputRadius)."""
    rescaled = ((1 << integer_bits) - 1) * (1 << (total_signed_bits - integer_bits))
    return math.floor(rescaled / 2.0**left_shift)


def round_half_away(value: float) -> int:
    """The nearest integer, halves away from zero, as C's round()."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))
