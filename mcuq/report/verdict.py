"""From answers and traces to the figures of a Measurement."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

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


def equal_samples(outputs: Sequence[Array], reference: Sequence[Array]) -> Array:
    """For each sample, whether every byte of every output equals the reference."""
    equal = np.ones(outputs[0].shape[0], bool)
    for got, expected in zip(outputs, reference, strict=True):
        pairs = (np.ascontiguousarray(a).view(np.uint8).reshape(a.shape[0], -1) for a in (got, expected))
        first, second = pairs
        equal &= (first == second).all(axis=1)
    return equal


def spread(figures: Sequence[float | None]) -> Spread | None:
    """Minimum, median, maximum; None where a figure is missing."""
    known = [figure for figure in figures if figure is not None]
    if not known or len(known) < len(figures):
        return None
    return Spread(min(known), statistics.median(known), max(known))
