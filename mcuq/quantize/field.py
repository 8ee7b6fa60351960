"""What the field does to a model: how far its inputs have moved from the data, and data moved as far.

The population stability index is the sum over bins of (p - q) ln(p / q): the symmetric Kullback-Leibler divergence of
two histograms. Below 0.1 they count as the same, above 0.25 as different (the usual bounds in credit scoring, where the
index comes from).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import InputDrift, InputReading, Watched
from mcuq.artifacts.monitors import BINS

Array = npt.NDArray[Any]

SAME, DIFFERENT = 0.1, 0.25
_LEAST_SHARE = 1e-4  # of an empty bin, whose logarithm would be infinite


def bins_of(reals: Array, watched: Watched) -> Array:
    """How many elements of real values lie in each sixteenth of the type's numbers, once they are stored."""
    stored = np.clip(np.rint(reals / watched.scale) + watched.zero_point, watched.least, watched.greatest)
    width = (watched.greatest - watched.least + 1) // BINS
    return np.bincount(((stored - watched.least) // width).astype(np.int64).ravel(), minlength=BINS)


def stability_index(field: Array, data: Array) -> float:
    """The population stability index of two histograms."""
    p, q = (np.maximum(counts / max(1, counts.sum()), _LEAST_SHARE) for counts in (field, data))
    return float(((p - q) * np.log(p / q)).sum())


def drift_of(reading: InputReading, reals: Array) -> InputDrift:
    """An input in the field beside the data: the index, mean and deviation of both by the middles of their bins."""
    counts = np.asarray(reading.bins, np.float64)
    data = bins_of(reals, reading.watched).astype(np.float64)
    mean, deviation = _moments(counts, reading.watched)
    data_mean, data_deviation = _moments(data, reading.watched)
    index = stability_index(counts, data)
    return InputDrift(reading.watched.value, index, mean, deviation, data_mean, data_deviation, index > SAME)


def moved(reals: Array, drift: InputDrift) -> Array:
    """The data with the mean and the deviation of the field; as they are where nothing has moved."""
    if not drift.has_moved or drift.data_deviation == 0:
        return reals
    scaled = (reals - drift.data_mean) * (drift.field_deviation / drift.data_deviation) + drift.field_mean
    return np.asarray(scaled, reals.dtype)


def _moments(counts: Array, watched: Watched) -> tuple[float, float]:
    width = (watched.greatest - watched.least + 1) / BINS
    middles = watched.scale * (watched.least + (np.arange(BINS) + 0.5) * width - 0.5 - watched.zero_point)
    total = max(1.0, counts.sum())
    mean = float((counts * middles).sum() / total)
    return mean, float(np.sqrt((counts * (middles - mean) ** 2).sum() / total))
