"""From answers and traces to the figures of a Measurement."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.arithmetic.tolerance import differing, relative_error
from mcuq.artifacts import Spread
from mcuq.ir import Tensor

Array = npt.NDArray[Any]


def predicted_classes(outputs: Array, tensor: Tensor) -> Array:
    """The class of each sample: the greatest element, or for a single element whether its real value is 0.5 or more."""
    flat = outputs.reshape(outputs.shape[0], -1)
    if flat.shape[1] > 1:
        return np.asarray(flat.argmax(axis=1))
    q = tensor.quantization
    real = flat[:, 0].astype(np.float64)
    return np.asarray((real if q is None else (real - q.zero_point) * q.scale) >= 0.5).astype(np.int64)


def accuracy(outputs: Array, tensor: Tensor, labels: Array) -> float:
    """The share of samples whose class is the label."""
    return float((predicted_classes(outputs, tensor) == labels.reshape(-1)).mean())


def equal_samples(outputs: Sequence[Array], reference: Sequence[Array], tolerances: Sequence[float]) -> Array:
    """For each sample, whether every output equals the reference: bit for bit where its tolerance is 0."""
    equal = np.ones(outputs[0].shape[0], bool)
    for got, expected, tolerance in zip(outputs, reference, tolerances, strict=True):
        samples = zip(got.reshape(len(got), -1), expected.reshape(len(got), -1), strict=True)
        equal &= np.array([not differing(mine, theirs, tolerance).any() for mine, theirs in samples])
    return equal


def greatest_error(outputs: Sequence[Array], reference: Sequence[Array]) -> float:
    """The greatest error of any output of any sample, relative to the range of that output in that sample."""
    pairs = (pair for arrays in zip(outputs, reference, strict=True) for pair in zip(*arrays, strict=True))
    return max((relative_error(np.atleast_1d(mine), np.atleast_1d(theirs)) for mine, theirs in pairs), default=0.0)


def spread(figures: Sequence[float | None]) -> Spread | None:
    """Minimum, median, 95th percentile (nearest rank), maximum, deviation; None where a figure is missing."""
    known = [figure for figure in figures if figure is not None]
    if not known or len(known) < len(figures):
        return None
    rank = math.ceil(0.95 * len(known)) - 1
    middle, p95 = statistics.median(known), sorted(known)[rank]
    return Spread(min(known), middle, max(known), p95, statistics.pstdev(known))
