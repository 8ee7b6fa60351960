"""Which part of a distribution to keep: ranges of least squared error and of least divergence."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.quantize.histogram import Histogram
from mcuq.quantize.ranges import Range

Array = npt.NDArray[Any]

SHARES = np.concatenate([np.linspace(0.1, 0.8, 29), np.linspace(0.81, 1.0, 20)])
MIN_DIVERGENCE_SHARES = np.linspace(0.2, 1.0, 65)


def _moments(histogram: Histogram) -> tuple[Array, Array]:
    """Edges of the bins and cumulated count, sum and sum of squares up to each edge [3, bins + 1]."""
    counts, centres = histogram.counts.astype(np.float64), histogram.centres
    parts = np.stack([counts, counts * centres, counts * centres**2])
    cumulated = np.concatenate([np.zeros((3, 1)), np.cumsum(parts, axis=1)], axis=1)
    return (np.arange(2 * histogram.half + 1) - histogram.half) * histogram.width, cumulated


def _at(edges: Array, cumulated: Array, places: Array) -> Array:
    """The cumulated moments at `places`, each [3, len(places)]."""
    return np.stack([np.interp(places, edges, row) for row in cumulated])


def _clip_errors(total: Array, at: Array, places: Array, above: bool) -> Array:
    count, first, second = (total[:, None] - at) if above else at
    return np.asarray(np.maximum(second - 2 * places * first + places**2 * count, 0))


def least_error(histogram: Histogram, levels: int, symmetric: bool) -> Range:
    """The range whose rounding noise (step^2 / 12 for what is not zero) and clipping error are least in sum."""
    low, high = min(histogram.low, 0.0), max(histogram.high, 0.0)
    if not high > low:
        return Range(low, high)
    edges, cumulated = _moments(histogram)
    total = cumulated[:, -1]
    lows, highs = (SHARES if low < 0 else np.ones(1)) * low, (SHARES if high > 0 else np.ones(1)) * high
    if symmetric:
        highs = SHARES * max(high, -low)
        lows = -highs
    at_low, at_high = _at(edges, cumulated, lows), _at(edges, cumulated, highs)
    below, above = _clip_errors(total, at_low, lows, False), _clip_errors(total, at_high, highs, True)
    if symmetric:
        noise = ((highs - lows) / levels) ** 2 / 12 * (at_high[0] - at_low[0])
        best = int(np.argmin(noise + below + above))
        return Range(float(lows[best]), float(highs[best]))
    steps = (highs[None, :] - lows[:, None]) / levels
    noise = steps**2 / 12 * (at_high[0][None, :] - at_low[0][:, None])
    errors = noise + below[:, None] + above[None, :]
    row, column = np.unravel_index(int(np.argmin(errors)), errors.shape)
    return Range(float(lows[row]), float(highs[column]))


def _divergence(counts: Array, centres: Array, limits: Range, levels: int) -> float:
    """KL divergence from the clipped distribution to the same one seen through `levels` values."""
    clipped = np.clip(centres, limits.low, limits.high)
    step = (limits.high - limits.low) / levels
    index = np.minimum(((clipped - limits.low) / step).astype(np.int64), levels - 1)
    inside = (centres >= limits.low) & (centres <= limits.high)
    seen = inside & (counts > 0)
    # What lies outside is put on the outermost bins of the reference, but not of what quantization sees.
    reference = np.where(inside, counts, 0.0)
    places = np.flatnonzero(inside)
    reference[places[0]] += counts[: places[0]].sum()
    reference[places[-1]] += counts[places[-1] + 1 :].sum()
    sums = np.bincount(index[seen], weights=counts[seen], minlength=levels)
    members = np.bincount(index[seen], minlength=levels)
    spread = np.where(seen, sums[index] / np.maximum(members[index], 1), 0.0)
    p, q = reference / reference.sum(), np.maximum(spread / max(spread.sum(), 1e-30), 1e-12)
    used = p > 0
    return float((p[used] * np.log(p[used] / q[used])).sum())


def least_divergence(histogram: Histogram, levels: int) -> Range:
    """The share of the whole range whose quantized distribution diverges least; zeros take no part."""
    low, high = min(histogram.low, 0.0), max(histogram.high, 0.0)
    if not high > low or not histogram.counts.any():
        return Range(low, high)
    counts, centres = histogram.counts.astype(np.float64), histogram.centres
    candidates = [Range(low * share, high * share) for share in MIN_DIVERGENCE_SHARES]
    reachable = [limits for limits in candidates if ((centres >= limits.low) & (centres <= limits.high)).sum() > levels]
    if not reachable:
        return Range(low, high)
    return min(reachable, key=lambda limits: _divergence(counts, centres, limits, levels))
