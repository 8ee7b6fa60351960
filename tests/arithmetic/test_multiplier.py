"""Factors as multiplier and shift, and TFLM's two roundings, checked with exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcuq.arithmetic import ARITHMETICS, FLOAT, TFLM, arithmetic_named
from mcuq.arithmetic.multiplier import quantize_multiplier, round_half_away
from mcuq.arithmetic.tflm import INT32_MAX, INT32_MIN, wrap_int32

int32s = st.one_of(st.integers(INT32_MIN, INT32_MAX), st.sampled_from((INT32_MIN, -1, 0, 1, INT32_MAX)))


@given(st.floats(2.0**-30, 2.0**29))
def test_multiplier_is_normalised_and_close(real: float) -> None:
    """The multiplier uses its 31 bits, and multiplier / 2^31 * 2^shift is the factor within half a unit."""
    multiplier, shift = quantize_multiplier(real)
    assert 1 << 30 <= multiplier <= INT32_MAX
    represented = Fraction(multiplier) * Fraction(2) ** (shift - 31)
    assert abs(represented - Fraction(real)) <= Fraction(2) ** (shift - 32)


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.0, (0, 0)),
        (1.0, (1 << 30, 1)),
        (0.5, (1 << 30, 0)),
        (1 - 2.0**-40, (1 << 30, 1)),  # rounds up to 2^31, which is halved
        (2.0**-31, (1 << 30, -30)),
        (2.0**-33, (0, 0)),  # too small for any 32-bit number to matter
        (2.0**29, (1 << 30, 30)),
    ],
)
def test_multipliers_at_the_edges(real: float, expected: tuple[int, int]) -> None:
    """Zero, powers of two, a fraction that rounds up to one, and the ends of the range of shifts."""
    assert quantize_multiplier(real) == expected


@pytest.mark.parametrize("real", [-0.1, float("nan"), float("inf"), 2.0**30])
def test_impossible_factors_are_refused(real: float) -> None:
    """Negative, infinite and too large factors are errors, not wrong numbers."""
    with pytest.raises(ValueError, match="requantisation factor"):
        quantize_multiplier(real)


def rounded_twice(x: int, multiplier: int, shift: int) -> int:
    """What TFLM says, with exact fractions: halves up, then halves away from zero."""
    left, right = max(shift, 0), max(-shift, 0)
    shifted = int(wrap_int32(np.int64(x) << left))
    high = (Fraction(shifted * multiplier, 1 << 31) + Fraction(1, 2)).__floor__()
    exact = Fraction(high, 1 << right)
    magnitude = (abs(exact) + Fraction(1, 2)).__floor__()
    return magnitude if exact >= 0 else -magnitude


@given(int32s, st.integers(1 << 30, INT32_MAX), st.integers(-31, 30))
def test_tflm_rounds_twice(x: int, multiplier: int, shift: int) -> None:
    """The requantisation equals its definition in exact fractions."""
    got = int(TFLM.requantize(np.array([x], np.int64), multiplier, shift)[0])
    assert got == rounded_twice(x, multiplier, shift)


def test_shifts_and_multipliers_may_differ_between_channels() -> None:
    """Arrays of multipliers and shifts are taken along the last axis."""
    x = np.full((3, 2), 1000, np.int64)
    got = TFLM.requantize(x, np.array([1 << 30, 1 << 30]), np.array([0, -1]))
    np.testing.assert_array_equal(got, [[500, 250]] * 3)


@given(st.floats(-1e6, 1e6))
def test_round_half_away(value: float) -> None:
    """The nearest whole number; halves go away from zero."""
    rounded = round_half_away(value)
    assert abs(Fraction(rounded) - Fraction(value)) <= Fraction(1, 2)
    assert round_half_away(-value) == -rounded


@pytest.mark.parametrize(("value", "expected"), [(0.5, 1), (-0.5, -1), (2.5, 3), (-2.5, -3), (0.49, 0)])
def test_halves(value: float, expected: int) -> None:
    """Halves go away from zero, unlike Python's round."""
    assert round_half_away(value) == expected


def test_float_does_not_requantise() -> None:
    """Asking float arithmetic for a requantisation is an error of the caller."""
    with pytest.raises(TypeError, match="does not requantise"):
        FLOAT.requantize(np.zeros(1, np.int64), 1, 0)


def test_arithmetics_are_found_by_name() -> None:
    """Each arithmetic of the list has a name of its own; an unknown one is refused with the list."""
    assert [arithmetic_named(a.name) for a in ARITHMETICS] == list(ARITHMETICS)
    with pytest.raises(ValueError, match="there are tflm"):
        arithmetic_named("gemm")
