"""A histogram that widens: any number of values in constant memory, nothing known of them before."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Histogram:
    """Counts of values in equal bins about zero; zeros themselves are counted apart.

    Bin i covers [(i - bins/2) * width, (i + 1 - bins/2) * width); when a value lies outside, widths double and
    neighbours merge, so no count is lost.
    """

    def __init__(self, bins: int = 4096) -> None:
        self.half = bins // 4 * 2  # even, so that zero stays an edge when neighbours merge
        self.width = 0.0
        self.counts = np.zeros(2 * self.half, np.int64)
        self.zeros = 0
        self.low, self.high = np.inf, -np.inf

    def update(self, values: Array) -> None:
        """Count all values of an array of any shape."""
        flat = np.asarray(values, np.float32).ravel()
        self.low, self.high = min(self.low, float(flat.min())), max(self.high, float(flat.max()))
        nonzero = flat[flat != 0]
        self.zeros += flat.size - nonzero.size
        if nonzero.size:
            self._widen(max(abs(self.low), abs(self.high)))
            index = np.floor(nonzero * np.float32(1 / self.width)).astype(np.int32) + self.half
            self.counts += np.bincount(np.clip(index, 0, 2 * self.half - 1), minlength=2 * self.half)

    def _widen(self, magnitude: float) -> None:
        if self.width == 0:
            self.width = max(magnitude, 1e-30) / (self.half - 1)
        while magnitude >= self.width * self.half:
            merged = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts = np.zeros_like(self.counts)
            start = self.half // 2
            self.counts[start : start + self.half] = merged
            self.width *= 2

    @property
    def total(self) -> int:
        """How many values were counted, zeros included."""
        return int(self.counts.sum()) + self.zeros

    @property
    def centres(self) -> Array:
        """The middle of every bin."""
        return np.asarray((np.arange(2 * self.half) - self.half + 0.5) * self.width, np.float64)

    def quantiles(self, shares: tuple[float, ...]) -> tuple[float, ...]:
        """What that share of the values lies below, each; exact to one bin, within the extremes."""
        counts = self.counts.astype(np.float64)
        counts[self.half] += self.zeros
        below = np.cumsum(counts)
        edges = (np.arange(2 * self.half) - self.half + 1) * self.width
        found = [float(edges[min(np.searchsorted(below, share * below[-1]), len(edges) - 1)]) for share in shares]
        return tuple(min(max(value, self.low), self.high) for value in found)
