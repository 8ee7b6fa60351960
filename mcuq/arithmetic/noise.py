"""How near one array is to another: signal to quantization noise, and the cosine of the angle between them."""

from __future__ import annotations

import math

import numpy as np

from mcuq.arithmetic.arithmetic import Array


def sqnr_db(reference: Array, other: Array) -> float:
    """10 log10(sum reference^2 / sum (other - reference)^2); infinite when equal."""
    signal = float(np.square(reference, dtype=np.float64).sum())
    noise = float(np.square(other.astype(np.float64) - reference).sum())
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal > 0 and math.isfinite(noise) else -math.inf


def cosine(reference: Array, other: Array) -> float:
    """The cosine of the angle between both; 1 when both are zero."""
    a, b = reference.ravel().astype(np.float64), other.ravel().astype(np.float64)
    lengths = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / lengths if lengths > 0 else float(not a.any() and not b.any())
