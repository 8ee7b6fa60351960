"""Which elements count as different where numbers are float, and how errors are measured."""

from __future__ import annotations

import numpy as np

from mcuq.arithmetic.tolerance import STEPS, differing, relative_error


def test_without_tolerance_every_bit_counts() -> None:
    """Zeros of both signs differ, and equal bits of what is not a number do not."""
    got, expected = np.array([0.0, np.nan, 1.0], np.float32), np.array([-0.0, np.nan, 1.0], np.float32)
    assert differing(got, expected, 0.0).tolist() == [True, False, False]


def test_floats_are_compared_relative_to_the_greatest() -> None:
    """An error counts when it exceeds the tolerance times the greatest magnitude of the sample."""
    expected = np.array([100.0, 0.5, 0.0], np.float32)
    assert differing(expected + np.float32(0.009), expected, 1e-4).tolist() == [False, False, False]
    assert differing(expected + np.float32(0.011), expected, 1e-4).tolist() == [True, True, True]


def test_integers_may_be_steps_off() -> None:
    """An integer that depends on floats may be two steps off, and no more, at a small tolerance."""
    expected = np.array([0, 0, -128, 127], np.int8)
    got = np.array([STEPS, STEPS + 1, 127, 127], np.int8)
    assert differing(got, expected, 1e-4).tolist() == [False, True, True, False]


def test_what_is_not_finite_must_be_the_same() -> None:
    """Infinities differ from every number and from each other; what is not a number equals itself alone."""
    expected = np.array([np.inf, np.inf, np.nan, np.nan, 1.0], np.float32)
    got = np.array([np.inf, -np.inf, np.nan, 1.0, np.nan], np.float32)
    assert differing(got, expected, 1e-4).tolist() == [False, True, False, True, True]
    assert relative_error(got, expected) == np.inf


def test_relative_error() -> None:
    """The greatest error over the greatest magnitude; plain where all is zero."""
    assert relative_error(np.array([8.0, 1.0]), np.array([8.0, 3.0])) == 0.25
    assert relative_error(np.array([0.5]), np.array([0.0])) == 0.5
