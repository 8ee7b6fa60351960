"""Quantizing rows of floats at run time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mcuq.arithmetic.hybrid import asymmetric, symmetric

rows = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 3), st.integers(1, 20)),
    elements=st.floats(-(2.0**60), 2.0**60, width=32, allow_subnormal=False),
)


@given(x=rows)
def test_symmetric_spans_both_sides(x: np.ndarray) -> None:
    """No element is off by more than half a step, the greatest magnitude gets 127 and zero stays zero."""
    q, scale, zero_point = symmetric(x)
    assert not zero_point.any()
    assert np.abs(q).max() <= 127
    assert not q[x == 0].any()
    for codes, step, row in zip(q, scale, x, strict=True):
        if np.abs(row).max() >= 1e-30:
            assert np.abs(codes).max() == 127
            assert np.abs(codes * np.float64(step) - row).max() <= 0.5001 * step


@given(x=rows)
def test_asymmetric_holds_zero(x: np.ndarray) -> None:
    """No element is off by more than a step, the range is used, and zero is exactly the zero point."""
    q, scale, zero_point = asymmetric(x)
    assert q.min() >= -128
    assert q.max() <= 127
    assert np.array_equal(np.where(x == 0, q - zero_point, 0), np.zeros_like(q))
    for codes, step, zero, row in zip(q, scale, zero_point, x, strict=True):
        if max(row.max(), 0) - min(row.min(), 0) >= 1e-30:
            assert np.abs((codes - zero) * np.float64(step) - row).max() <= 1.0001 * step


@pytest.mark.parametrize("quantize", [symmetric, asymmetric])
def test_rows_are_their_own(quantize: object) -> None:
    """Each row has its own scale: a large one does not blur a small one."""
    assert callable(quantize)
    q, scale, _ = quantize(np.array([[3.0, -1.0], [3000.0, -1000.0]], np.float32))
    assert np.array_equal(q[0], q[1])
    assert scale[1, 0] == pytest.approx(1000 * scale[0, 0])
