"""What field monitors watch in a generated model, and what they said."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mcuq.ir import DTYPES

_TYPES = {dtype.name: dtype for dtype in DTYPES}

BINS = 16
"""Of an input's histogram; the same number as MCUQ_MONITOR_BINS."""


@dataclass(frozen=True, slots=True)
class Watched:
    """An input (`step` is -1), or the output of a step: real = scale * (stored - zero_point).

    `is_fixed`: the op fixes the range, as that of a SOFTMAX, whose ends are numbers like any other.
    """

    value: str
    layers: tuple[str, ...]
    step: int
    dtype: str
    elements: int
    scale: float
    zero_point: int
    is_fixed: bool = False

    @property
    def least(self) -> int:
        """The least number of the type."""
        return _TYPES[self.dtype].minimum

    @property
    def greatest(self) -> int:
        """The greatest number of the type."""
        return _TYPES[self.dtype].maximum

    @property
    def counts_low(self) -> bool:
        """Whether the least number is a sign of saturation: after a ReLU it stands for 0."""
        return self.zero_point != self.least and not self.is_fixed

    def real(self, stored: float) -> float:
        """The real number that a stored one stands for."""
        return self.scale * (stored - self.zero_point)

    @property
    def ends(self) -> tuple[float, float]:
        """The range that the type has, in real numbers."""
        return self.real(self.least), self.real(self.greatest)


@dataclass(frozen=True, slots=True)
class MonitorMap:
    """What the counters of one generated model mean, in the order in which they lie in `<name>_monitors_t`."""

    name: str
    model_hash: str
    inputs: tuple[Watched, ...]
    values: tuple[Watched, ...]


@dataclass(frozen=True, slots=True)
class InputReading:
    """How many elements of an input lay in each sixteenth of its type."""

    watched: Watched
    bins: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ValueReading:
    """Elements at the least and greatest number of the type; the least and greatest seen, None before any."""

    watched: Watched
    low: int
    high: int
    minimum: int | None
    maximum: int | None

    @property
    def used(self) -> tuple[float, float] | None:
        """The range that was seen, in real numbers."""
        if self.minimum is None or self.maximum is None:
            return None
        return self.watched.real(self.minimum), self.watched.real(self.maximum)

    def shares(self, inferences: int) -> tuple[float | None, float | None]:
        """Shares of elements at the low and at the high end; None where an end is a number like any other."""
        elements = max(1, inferences * self.watched.elements)
        low = min(1.0, self.low / elements) if self.watched.counts_low else None
        return low, None if self.watched.is_fixed else min(1.0, self.high / elements)


@dataclass(frozen=True, slots=True)
class MonitorReading:
    """What a device in the field counted over `inferences`."""

    name: str
    model_hash: str
    inferences: int
    inputs: tuple[InputReading, ...]
    values: tuple[ValueReading, ...]


@dataclass(frozen=True, slots=True)
class InputDrift:
    """An input of the field beside the data: population stability index, means and deviations in real numbers."""

    value: str
    stability_index: float
    field_mean: float
    field_deviation: float
    data_mean: float
    data_deviation: float
    has_moved: bool


@dataclass(frozen=True, slots=True)
class FieldLayer:
    """A step in the field: shares of elements at the ends of its range, what was used of it, and its new range.

    `used`, `before` and `after` are (low, high) in real numbers; `after` is None where the new model has no such value.
    """

    layers: tuple[str, ...]
    value: str
    low_share: float
    high_share: float
    used: tuple[float, float] | None
    before: tuple[float, float]
    after: tuple[float, float] | None
    is_fixed: bool = False


@dataclass(frozen=True, slots=True)
class FieldScore:
    """A model on some samples: `agreement` and `sqnr_db` are against the float model on the same ones."""

    accuracy: float | None
    agreement: float
    sqnr_db: float


@dataclass(frozen=True, slots=True)
class Recalibration:
    """A model calibrated anew for what the field showed, beside the one that is deployed.

    Each is measured on the data, and on the data moved to where the field's inputs lie.
    """

    recipe: str
    samples: int
    inputs: tuple[InputDrift, ...]
    layers: tuple[FieldLayer, ...]
    before_on_data: FieldScore
    after_on_data: FieldScore
    before_in_field: FieldScore
    after_in_field: FieldScore

    @property
    def improves(self) -> bool:
        """Whether it is better in the field: by accuracy where that tells them apart, else by noise.

        Accuracies tell apart where they differ by more than 1.96 standard errors of the difference of two shares.
        """
        before, after = self.before_in_field, self.after_in_field
        if before.accuracy is not None and after.accuracy is not None:
            middle = (before.accuracy + after.accuracy) / 2.0
            error = math.sqrt(2.0 * middle * (1.0 - middle) / max(1, self.samples))
            if abs(after.accuracy - before.accuracy) > 1.96 * error:
                return after.accuracy > before.accuracy
        return after.sqnr_db > before.sqnr_db
