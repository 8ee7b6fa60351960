"""What evaluation found: how good a model is, and how near it stays to a reference on the same samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The samples whose confidence lies between `low` and `high`: how many, how confident, how often right."""

    low: float
    high: float
    samples: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """Whether a model is right as often as it says: expected calibration error, negative log-likelihood, diagram."""

    expected_calibration_error: float
    negative_log_likelihood: float
    bins: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """What a model takes: weights, all constants in flash, the exact arena, multiply-accumulates.

    All but the weights are None where no kernel computes the model.
    """

    weight_bytes: int
    constant_bytes: int | None
    arena_bytes: int | None
    macs: int | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One model on one set of samples.

    `outputs` are the real values of every output, [samples, *shape], `logits` what the last SOFTMAX or LOGISTIC reads
    (None without one). `accuracy` needs labels; `auc` (of a model that reconstructs its input) needs labels 0 and 1.
    `note` says why the interpreter ran where C could not.
    """

    model: str
    engine: str
    samples: int
    inferences_per_s: float
    accuracy: float | None
    auc: float | None
    reliability: Reliability | None
    size: Size
    outputs: tuple[npt.NDArray[Any], ...] = field(compare=False, repr=False)
    logits: npt.NDArray[Any] | None = field(compare=False, repr=False)
    note: str | None = None


@dataclass(frozen=True, slots=True)
class OutputNoise:
    """Signal to quantization noise of one output against the reference's."""

    name: str
    sqnr_db: float


@dataclass(frozen=True, slots=True)
class Drop:
    """What the model loses in accuracy, in percentage points, on paired samples.

    `broken` samples only the reference gets right, `mended` only the model; `mcnemar_p` is how likely such a split of
    the two is by chance alone.
    """

    points: float
    interval: Interval
    broken: int
    mended: int
    mcnemar_p: float


@dataclass(frozen=True, slots=True)
class RobustnessPoint:
    """Accuracy and agreement with the undisturbed answers at one level of one perturbation; `reference_*` its own."""

    perturbation: str
    level: float
    unit: str
    accuracy: float | None
    stability: float
    reference_accuracy: float | None
    reference_stability: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A model beside its reference on the same samples.

    `agreement` is the share of samples with the same class (for a model that reconstructs its input: on the same side
    of the reference's median error). `sqnr_db` is that of the logits where there are some, else of all outputs.
    """

    model: Evaluation
    reference: Evaluation
    agreement: float
    sqnr_db: float
    outputs: tuple[OutputNoise, ...]
    drop: Drop | None
    auc_drop: float | None
