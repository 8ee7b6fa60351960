"""What answers say beyond accuracy: top-k, confusion, each class, ranking, distance to the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import AnswerScores, ClassScores
from mcuq.ir import Graph
from mcuq.report.head import is_reconstruction
from mcuq.report.scores import classes_of, errors_of
from mcuq.report.statistics import area_under_curve

Array = npt.NDArray[Any]

TOP = (2, 3, 5)
MOST_CLASSES = 100  # of a confusion matrix


def answer_scores(
    graph: Graph, real_input: Array, outputs: Array, expected: Array, labels: Array | None
) -> AnswerScores:
    """The scores of the first output's real values [samples, ...], against the reference's and labels [samples].

    Top-k counts elements that are greater than the label's, and as many of the equal ones as come before it, so that
    top-1 is the accuracy. The area under the ROC curve is of two classes, or of reconstruction errors where the model
    gives back its input.
    """
    apart = outputs.astype(np.float64) - expected
    error = float(np.square(apart).mean()) if apart.size else 0.0
    if labels is None:
        return AnswerScores(error)
    labels = labels.reshape(-1).astype(np.int64)
    flat = outputs.reshape(len(outputs), -1).astype(np.float64)
    if is_reconstruction(graph):
        is_binary = bool(np.isin(labels, (0, 1)).all())
        auc = area_under_curve(errors_of(real_input, outputs), labels == 1) if is_binary else None
        return AnswerScores(error, auc=auc)
    count = max(2, flat.shape[1])
    if count > MOST_CLASSES or labels.min(initial=0) < 0 or labels.max(initial=0) >= count:
        return AnswerScores(error)
    answers = classes_of(outputs)
    confusion = np.zeros((count, count), np.int64)
    np.add.at(confusion, (labels, answers), 1)
    return AnswerScores(
        mean_squared_error=error,
        top_k=tuple((k, float((_rank(flat, labels) < k).mean())) for k in TOP if k < count) if count > 2 else (),
        confusion=tuple(tuple(int(n) for n in row) for row in confusion),
        classes=tuple(_class_scores(confusion, label) for label in range(count)),
        auc=area_under_curve(flat[:, -1] - (flat[:, 0] if flat.shape[1] == 2 else 0), labels == 1)
        if count == 2
        else None,
    )


def _rank(flat: Array, labels: Array) -> Array:
    """How many elements come before the label's, by value and then by place."""
    own = np.take_along_axis(flat, labels[:, None], axis=1)
    before = np.arange(flat.shape[1])[None] < labels[:, None]
    return np.asarray(((flat > own) | ((flat == own) & before)).sum(axis=1))


def _class_scores(confusion: Array, label: int) -> ClassScores:
    right, of_class, answered = confusion[label, label], confusion[label].sum(), confusion[:, label].sum()
    return ClassScores(
        label=label,
        samples=int(of_class),
        recall=float(right / of_class) if of_class else None,
        precision=float(right / answered) if answered else None,
    )
