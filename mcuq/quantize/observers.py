"""Observers: what is remembered of a tensor while calibration data stream by, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mcuq.quantize.clipping import least_divergence, least_error
from mcuq.quantize.histogram import Histogram
from mcuq.quantize.ranges import Range
from mcuq.quantize.recipe import Calibration

Array = npt.NDArray[Any]


class Observer(Protocol):
    """Sees every value of one tensor, batch by batch; asked once for the range to quantize it with."""

    def update(self, values: Array) -> None:
        """Take in a batch of any shape; the first axis counts samples."""

    def range(self, levels: int, symmetric: bool) -> Range:
        """The range that `levels` quantized values should reach."""


class MinMax:
    """Everything that was seen."""

    def __init__(self) -> None:
        self.low, self.high = np.inf, -np.inf

    def update(self, values: Array) -> None:
        """Widen to these values."""
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))

    def range(self, levels: int, symmetric: bool) -> Range:
        """The least and the greatest."""
        return Range(self.low, self.high)


class MovingAverage:
    """The average of the samples' extremes, older ones weighing less; depends on the order of the data."""

    def __init__(self, momentum: float) -> None:
        self.momentum = momentum
        self.extremes: Array | None = None

    def update(self, values: Array) -> None:
        """Move towards each sample's extremes."""
        rows = values.reshape(len(values), -1)
        for extremes in np.stack([rows.min(axis=1), rows.max(axis=1)], axis=1).astype(np.float64):
            old = extremes if self.extremes is None else self.extremes
            self.extremes = self.momentum * old + (1 - self.momentum) * extremes

    def range(self, levels: int, symmetric: bool) -> Range:
        """The averages."""
        low, high = (0.0, 0.0) if self.extremes is None else map(float, self.extremes)
        return Range(low, high)


class Percentile:
    """What that share of all values lies below, and the like from below."""

    def __init__(self, percentile: float, bins: int) -> None:
        self.percentile = percentile
        self.histogram = Histogram(bins)

    def update(self, values: Array) -> None:
        """Count the values."""
        self.histogram.update(values)

    def range(self, levels: int, symmetric: bool) -> Range:
        """Both percentiles."""
        low, high = self.histogram.quantiles(((100 - self.percentile) / 100, self.percentile / 100))
        return Range(low, high)


class LeastError:
    """The range with the least mean squared error of rounding and clipping together."""

    def __init__(self, bins: int) -> None:
        self.histogram = Histogram(bins)

    def update(self, values: Array) -> None:
        """Count the values."""
        self.histogram.update(values)

    def range(self, levels: int, symmetric: bool) -> Range:
        """The best of a grid of ranges."""
        return least_error(self.histogram, levels, symmetric)


class Entropy:
    """The range whose quantized distribution tells least apart from the seen one (Kullback-Leibler divergence)."""

    def __init__(self, bins: int) -> None:
        self.histogram = Histogram(bins)

    def update(self, values: Array) -> None:
        """Count the values."""
        self.histogram.update(values)

    def range(self, levels: int, symmetric: bool) -> Range:
        """The best of a row of ranges."""
        return least_divergence(self.histogram, levels)


OBSERVERS: Mapping[str, Callable[[Calibration], Observer]] = {
    "min_max": lambda settings: MinMax(),
    "moving_average": lambda settings: MovingAverage(settings.momentum),
    "percentile": lambda settings: Percentile(settings.percentile, settings.bins),
    "mse": lambda settings: LeastError(settings.bins),
    "entropy": lambda settings: Entropy(settings.bins),
}
