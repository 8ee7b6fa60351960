"""Statistics of answers: paired intervals, McNemar's test, calibration of predictions, area under a curve."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import Drop, Interval, Reliability, ReliabilityBin

Array = npt.NDArray[Any]

Z_95 = 1.959963984540054
BINS = 15
# Half a step of int8 probabilities: nothing smaller is told from 0, so the likelihoods of two models compare.
LEAST_PROBABILITY = 2.0**-9


def drop_of(is_right: Array, reference_is_right: Array) -> Drop:
    """The drop of a model against its reference, from whether each gets each sample right.

    The interval is Wald's for paired proportions with half a sample added to each of the four cells (Agresti and Min,
    Statistics in Medicine 24, 2005), which keeps its coverage where few samples differ.
    """
    broken = int((reference_is_right & ~is_right).sum())
    mended = int((is_right & ~reference_is_right).sum())
    samples = len(is_right)
    b, c, n = broken + 0.5, mended + 0.5, samples + 2.0
    centre, deviation = (b - c) / n, math.sqrt((b + c) - (b - c) ** 2 / n) / n
    interval = Interval(100 * (centre - Z_95 * deviation), 100 * (centre + Z_95 * deviation))
    return Drop(100 * (broken - mended) / samples, interval, broken, mended, mcnemar_p(broken, mended))


def mcnemar_p(broken: int, mended: int) -> float:
    """McNemar's exact two-sided test: how likely a split at least as uneven is when both are equally likely."""
    total, fewer = broken + mended, min(broken, mended)
    if total == 0:
        return 1.0
    tail = sum(math.comb(total, k) for k in range(fewer + 1))
    return min(1.0, math.exp(math.log(2) + math.log(tail) - total * math.log(2)))


def reliability_of(probabilities: Array, labels: Array) -> Reliability:
    """Calibration of probabilities [samples, classes] that sum to 1, in 15 equally wide bins of confidence."""
    samples = len(labels)
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == labels
    index = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    bins = []
    for k in range(BINS):
        chosen = index == k
        if chosen.any():
            mean, right = float(confidence[chosen].mean()), float(is_right[chosen].mean())
            bins.append(ReliabilityBin(k / BINS, (k + 1) / BINS, int(chosen.sum()), mean, right))
    error = sum(part.samples * abs(part.accuracy - part.confidence) for part in bins) / samples
    of_label = np.maximum(probabilities[np.arange(samples), labels], LEAST_PROBABILITY)
    return Reliability(float(error), float(-np.log(of_label).mean()), tuple(bins))


def area_under_curve(scores: Array, is_positive: Array) -> float | None:
    """The chance that a positive sample scores higher than another (ties count half); None when all are of one kind."""
    positive, negative = scores[is_positive], np.sort(scores[~is_positive])
    if not len(positive) or not len(negative):
        return None
    below = np.searchsorted(negative, positive, "left") + np.searchsorted(negative, positive, "right")
    return float(below.sum() / (2 * len(positive) * len(negative)))
