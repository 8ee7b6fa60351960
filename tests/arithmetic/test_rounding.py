"""How each integer scheme rounds, said once more in exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcuq.arithmetic import INT16X8, SHIFT, SINGLE, TFLM, arithmetic_named
from mcuq.arithmetic.int16x8 import SUM_LIMIT
from mcuq.arithmetic.multiplier import quantize_multiplier
from mcuq.arithmetic.shift import POWER_OF_TWO_MULTIPLIER, is_power_of_two

int32s = st.one_of(st.sampled_from((-(1 << 31), -1, 0, 1, (1 << 31) - 1)), st.integers(-(1 << 31), (1 << 31) - 1))
multipliers = st.one_of(st.sampled_from((1 << 30, (1 << 31) - 1)), st.integers(1 << 30, (1 << 31) - 1))
half = Fraction(1, 2)


def wrapped(value: int) -> int:
    """`value` as C's conversion to int32 leaves it."""
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def exactly(x: int, multiplier: int, shift: int) -> Fraction:
    """x * multiplier / 2^31 * 2^shift."""
    return Fraction(x * multiplier, 1 << 31) * Fraction(2) ** shift


@given(int32s, multipliers, st.integers(-31, 30))
def test_single_rounds_once_and_halves_up(x: int, multiplier: int, shift: int) -> None:
    """The nearest whole number of the exact product."""
    wanted = wrapped(math.floor(exactly(x, multiplier, shift) + half))
    assert int(SINGLE.requantize(np.int64(x), multiplier, shift)) == wanted


@given(int32s, st.integers(-31, 30))
def test_shift_rounds_halves_up(x: int, shift: int) -> None:
    """The same for powers of two, which need no multiplier."""
    wanted = wrapped(math.floor(exactly(x, POWER_OF_TWO_MULTIPLIER, shift) + half))
    assert int(SHIFT.requantize(np.int64(x), POWER_OF_TWO_MULTIPLIER, shift)) == wanted


@given(int32s, st.integers(-31, 30))
def test_single_and_shift_agree_on_powers_of_two(x: int, shift: int) -> None:
    """Q format is single rounding where scales are powers of two."""
    factor = (POWER_OF_TWO_MULTIPLIER, shift)
    assert SINGLE.requantize(np.int64(x), *factor) == SHIFT.requantize(np.int64(x), *factor)


@given(int32s)
def test_a_factor_of_zero_gives_zero_in_every_scheme(x: int) -> None:
    """Factors below 2^-32 are stored as 0."""
    for arithmetic in (TFLM, SINGLE, SHIFT, INT16X8):
        assert int(arithmetic.requantize(np.int64(x), *quantize_multiplier(2.0**-40))) == 0


def test_shift_refuses_other_factors() -> None:
    """A scale that is no power of two is a mistake, not a rounding."""
    with pytest.raises(ValueError, match="power of two"):
        SHIFT.requantize(np.int64(1), *quantize_multiplier(0.3))


@given(st.integers(-SUM_LIMIT, SUM_LIMIT - 1), multipliers, st.integers(-31, 7))
def test_int16x8_sums_round_once_with_a_short_multiplier(x: int, multiplier: int, shift: int) -> None:
    """The multiplier is rounded to 15 bits, then the product once, halves up."""
    short = min((multiplier + (1 << 15)) >> 16, 0x7FFF)
    wanted = wrapped(math.floor(Fraction(x * short, 1 << 15) * Fraction(2) ** shift + half))
    assert INT16X8.requantize_sums is not None
    assert int(INT16X8.requantize_sums(np.int64(x), multiplier, shift)) == wanted


@given(st.integers(-120, 120), st.floats(1, 2, exclude_min=True, exclude_max=True))
def test_powers_of_two_are_told_from_others(exponent: int, factor: float) -> None:
    """2^n is one for every n, anything between two of them is none."""
    assert is_power_of_two(2.0**exponent)
    assert not is_power_of_two(factor * 2.0**exponent)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan])
def test_what_is_no_scale_is_no_power_of_two(scale: float) -> None:
    """Zero, negative and infinite scales are none."""
    assert not is_power_of_two(scale)


def test_an_unknown_arithmetic_is_named() -> None:
    """The error lists those that there are."""
    with pytest.raises(ValueError, match="single, shift, int16x8"):
        arithmetic_named("octal")
