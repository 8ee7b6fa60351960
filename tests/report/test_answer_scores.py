"""Scores of answers: top-k, confusion, classes and ranking are what a count by hand says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcuq.ir import Graph
from mcuq.ops import NoAttrs
from mcuq.report.answer_scores import answer_scores
from tests.networks import Builder


def classifier() -> Graph:
    """Any graph that does not give back its input."""
    b = Builder(np.random.default_rng(0))
    return b.graph((b.node("RELU", (b.input((1, 6)),), NoAttrs()),))


@given(st.integers(3, 8), st.integers(1, 40), st.integers(0, 1000))
def test_counts(classes: int, samples: int, seed: int) -> None:
    """Every figure of a random classifier is what sorting and counting give, ties included."""
    rng = np.random.default_rng(seed)
    outputs = rng.integers(0, 4, (samples, classes)).astype(np.float32)
    labels = rng.integers(0, classes, samples)
    found = answer_scores(classifier(), outputs, outputs, outputs + 2, labels)
    assert found.mean_squared_error == 4
    order = np.argsort(-outputs, axis=1, kind="stable")
    assert dict(found.top_k) == pytest.approx(
        {k: float((order[:, :k] == labels[:, None]).any(axis=1).mean()) for k in (2, 3, 5) if k < classes}
    )
    confusion = np.array(found.confusion)
    assert confusion.sum() == samples
    assert np.trace(confusion) == (order[:, 0] == labels).sum()
    for of_class in found.classes:
        assert of_class.samples == (labels == of_class.label).sum()
        if of_class.samples:
            assert of_class.recall == pytest.approx(confusion[of_class.label, of_class.label] / of_class.samples)
        else:
            assert of_class.recall is None
    assert found.auc is None


def test_two_classes_have_a_curve() -> None:
    """Perfect ranking is 1, chance is about a half, whether one element or two say the class."""
    labels = np.array([0, 0, 1, 1])
    one = np.array([[0.1], [0.2], [0.8], [0.9]], np.float32)
    assert answer_scores(classifier(), one, one, one, labels).auc == 1
    two = np.concatenate([one, 1 - one], axis=1)
    assert answer_scores(classifier(), two, two, two, labels).auc == 0


def test_without_labels_only_the_distance_is_known() -> None:
    """No labels, no classes; labels that are none of the classes say nothing either."""
    outputs = np.ones((2, 3), np.float32)
    assert answer_scores(classifier(), outputs, outputs, outputs, None).classes == ()
    assert answer_scores(classifier(), outputs, outputs, outputs, np.array([0, 7])).confusion == ()
