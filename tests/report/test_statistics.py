"""Intervals, tests and calibration, against values that were worked out otherwise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mcuq.report.statistics import area_under_curve, drop_of, mcnemar_p, reliability_of


def right(samples: int, *wrong: int) -> np.ndarray:
    """Which samples are right: all but some."""
    is_right = np.ones(samples, bool)
    is_right[list(wrong)] = False
    return is_right


def test_a_drop_counts_both_ways() -> None:
    """Three broken and one mended of 200 are one point."""
    drop = drop_of(right(200, 0, 1, 2), right(200, 3))
    assert (drop.points, drop.broken, drop.mended) == (1.0, 3, 1)
    assert drop.interval.low < 1.0 < drop.interval.high


def test_the_interval_is_that_of_agresti_and_min() -> None:
    """Half a sample in each of four cells: worked out by hand for 30 and 10 of 200."""
    model, reference = right(200, *range(30)), right(200, *range(30, 40))
    drop = drop_of(model, reference)
    n, b, c = 202.0, 30.5, 10.5
    centre = (b - c) / n
    deviation = math.sqrt(b + c - (b - c) ** 2 / n) / n
    assert drop.interval.low == pytest.approx(100 * (centre - 1.959964 * deviation), rel=1e-5)
    assert drop.interval.high == pytest.approx(100 * (centre + 1.959964 * deviation), rel=1e-5)


def test_equal_models_still_have_an_interval() -> None:
    """No disagreement in 100 samples does not prove that there is none."""
    drop = drop_of(right(100), right(100))
    assert (drop.points, drop.mcnemar_p) == (0.0, 1.0)
    assert drop.interval.low < 0 < drop.interval.high


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """In 400 drawn experiments of 300 samples at least 92 % of the intervals hold the true drop."""
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        kind = generator.choice(4, 300, p=(0.85, 0.05, 0.02, 0.08))  # both right, broken, mended, both wrong
        drop = drop_of((kind == 0) | (kind == 2), (kind == 0) | (kind == 1))
        held += drop.interval.low <= 3.0 <= drop.interval.high
    assert held / 400 >= 0.92


@pytest.mark.parametrize(
    ("broken", "mended", "p"), [(0, 0, 1.0), (1, 1, 1.0), (6, 0, 0.03125), (8, 2, 0.109375), (2, 8, 0.109375)]
)
def test_mcnemar_is_exact(broken: int, mended: int, p: float) -> None:
    """The two-sided binomial test at one half."""
    assert mcnemar_p(broken, mended) == pytest.approx(p)


def test_mcnemar_takes_large_counts() -> None:
    """Thousands of disagreements overflow nothing."""
    assert mcnemar_p(3000, 3000) == pytest.approx(1.0)
    assert mcnemar_p(2000, 4000) < 1e-100


def test_perfect_confidence_has_no_calibration_error() -> None:
    """Always right and always sure."""
    found = reliability_of(np.eye(4), np.arange(4))
    assert (found.expected_calibration_error, found.negative_log_likelihood) == (0.0, 0.0)
    assert [part.samples for part in found.bins] == [4]


def test_overconfidence_is_its_distance_from_the_truth() -> None:
    """90 % sure and right half of the time is an error of 40 %."""
    probabilities = np.tile([0.9, 0.1], (100, 1))
    found = reliability_of(probabilities, np.arange(100) % 2)
    assert found.expected_calibration_error == pytest.approx(0.4)
    assert found.negative_log_likelihood == pytest.approx(-(math.log(0.9) + math.log(0.1)) / 2)


def test_a_probability_of_zero_costs_a_finite_amount() -> None:
    """int8 cannot say less than 1/256, so nothing counts as less than half of that."""
    assert reliability_of(np.array([[1.0, 0.0]]), np.array([1])).negative_log_likelihood == pytest.approx(
        9 * math.log(2)
    )


def test_the_area_under_a_curve_counts_pairs() -> None:
    """The chance that a positive sample scores higher; ties count half; one kind alone has none."""
    scores, positive = np.array([1.0, 2.0, 2.0, 3.0]), np.array([False, False, True, True])
    assert area_under_curve(scores, positive) == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    assert area_under_curve(-scores, positive) == pytest.approx(0.125)
    assert area_under_curve(scores, np.ones(4, bool)) is None
