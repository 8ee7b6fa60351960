"""Hybrid arithmetic: floats are quantized to int8 at run time, products are summed in integers, results are float.

The scheme of TFLite's dynamic-range models. Every step is one IEEE operation in float32, so that C on any core gives
the same quantized bytes. TFLite derives scales in double (kernels/internal/reference/portable_tensor_utils.cc), so a
value near a half may come out one step apart.
"""

from __future__ import annotations

import numpy as np

from mcuq.arithmetic.arithmetic import Arithmetic, Array, Factor, Integers

_ONE, _ZERO = np.float32(1), np.float32(0)
_LEAST = np.float32(1e-30)  # inputs that all are smaller count as zero, so that no scale is subnormal


def _refuse(x: Integers, multiplier: Factor, shift: Factor) -> Integers:
    raise TypeError("hybrid arithmetic does not requantise")


def _round(values: Array) -> Array:
    """The nearest integers, halves away from zero."""
    wide = values.astype(np.float64)
    return np.asarray(np.sign(wide) * np.floor(np.abs(wide) + 0.5), np.int64)


def symmetric(rows: Array) -> tuple[Integers, Array, Integers]:
    """`(q, scale, zero_point)` a row of float32 [..., N]: |row| spans [-127, 127], the zero point is 0."""
    greatest = np.abs(rows).max(axis=-1, keepdims=True).astype(np.float32)
    scale = np.where(greatest >= _LEAST, greatest / np.float32(127), _ONE).astype(np.float32)
    q = np.clip(_round(rows.astype(np.float32) * (_ONE / scale)), -127, 127)
    return q, scale, np.zeros_like(scale, np.int64)


def asymmetric(rows: Array) -> tuple[Integers, Array, Integers]:
    """`(q, scale, zero_point)` a row of float32 [..., N]: the row, widened to hold 0, spans [-128, 127]."""
    least = np.minimum(rows.min(axis=-1, keepdims=True), _ZERO).astype(np.float32)
    greatest = np.maximum(rows.max(axis=-1, keepdims=True), _ZERO).astype(np.float32)
    span = greatest - least
    scale = np.where(span >= _LEAST, span / np.float32(255), _ONE).astype(np.float32)
    inverse = _ONE / scale
    zero_point = np.clip(-128 - _round(least * inverse), -128, 127)
    q = np.clip(_round(rows.astype(np.float32) * inverse) + zero_point, -128, 127)
    return q, scale, zero_point


HYBRID = Arithmetic(name="hybrid", is_integer=False, requantize=_refuse, c_requantize="", tolerance=1e-2)
