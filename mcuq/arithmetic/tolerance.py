"""How far a device may part from the reference where numbers are float: which elements differ, and by how much.

Float sums depend on their order, and compilers may fuse a product and a sum; so floats are compared relative to the
range of a value, the greatest magnitude that the reference has in it. Integers that depend on floats may be a step or
two off.
"""

from __future__ import annotations

import numpy as np

from mcuq.arithmetic.arithmetic import Array

STEPS = 2  # that an integer which depends on floats may always be off


def _range(expected: Array) -> float:
    """The greatest finite magnitude, or 1 where all is zero."""
    if expected.dtype.kind != "f":
        return float(2 ** (8 * expected.dtype.itemsize))
    finite = np.abs(expected[np.isfinite(expected)].astype(np.float64))
    return float(finite.max(initial=0.0)) or 1.0


def _distances(got: Array, expected: Array) -> Array:
    """|got - expected|, 0 where both are the same infinity or both not a number."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(got.astype(np.float64) - expected.astype(np.float64))
    same = (got == expected) | ((got != got) & (expected != expected))
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))


def differing(got: Array, expected: Array, tolerance: float) -> Array:
    """Which elements of one sample differ: in any bit where the tolerance is 0, else by more than it allows."""
    if tolerance == 0:
        got, expected = np.ascontiguousarray(got), np.ascontiguousarray(expected)
        bytes_differ = (got.view(np.uint8) != expected.view(np.uint8)).reshape(*got.shape, -1)
        return np.asarray(bytes_differ.any(axis=-1))
    allowed = tolerance * _range(expected)
    if expected.dtype.kind != "f":
        allowed = max(allowed, STEPS)
    return np.asarray(_distances(got, expected) > allowed)


def relative_error(got: Array, expected: Array) -> float:
    """The greatest error of one sample, relative to the range of its values."""
    return float(_distances(got, expected).max(initial=0.0) / _range(expected))
