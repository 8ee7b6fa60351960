"""Observers see any amount of data in constant memory and give the range that their name promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcuq.ir import INT8, INT16
from mcuq.quantize.histogram import Histogram
from mcuq.quantize.observers import OBSERVERS, LeastError, MinMax, MovingAverage, Percentile
from mcuq.quantize.ranges import Format, Range, quantization_of_range
from mcuq.quantize.recipe import Calibration


def test_a_widening_histogram_loses_no_value() -> None:
    """Batches a million times larger than the first only make bins wider; zeros are counted apart."""
    histogram, rng = Histogram(256), np.random.default_rng(0)
    seen = []
    for scale in (1e-3, 1.0, 0.1, 1e3):
        batch = (rng.normal(size=1000) * scale).astype(np.float32)
        batch[:10] = 0
        histogram.update(batch)
        seen.append(batch)
    values = np.concatenate(seen)
    assert histogram.total == values.size
    assert histogram.zeros == 40
    assert len(histogram.counts) == 256
    assert abs((histogram.centres * histogram.counts).sum() - values.sum()) <= histogram.width * values.size
    edges = (np.arange(257) - 128) * histogram.width
    expected = np.histogram(values[values != 0], bins=edges)[0]
    assert np.abs(np.cumsum(expected) - np.cumsum(histogram.counts)).max() <= 4  # values on an edge


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=50))
@settings(max_examples=50, deadline=None)
def test_quantiles_stay_within_the_extremes(values: list[float]) -> None:
    """No share of the values lies outside of what was seen."""
    histogram = Histogram(256)
    histogram.update(np.array(values, np.float32))
    for place in histogram.quantiles((0.0, 0.5, 1.0)):
        assert min(values) <= place <= max(values)


@pytest.mark.parametrize("name", sorted(OBSERVERS))
def test_every_observer_reaches_ordinary_data(name: str) -> None:
    """For uniform data all of them agree with the extremes, nearly."""
    observer = OBSERVERS[name](Calibration())
    rng = np.random.default_rng(1)
    for _ in range(5):
        observer.update(rng.uniform(-1, 3, (20, 500)).astype(np.float32))
    limits = observer.range(255, False)
    assert limits.low == pytest.approx(-1, abs=0.15)
    assert limits.high == pytest.approx(3, abs=0.15)


def test_least_error_clips_a_lonely_outlier_and_min_max_does_not() -> None:
    """One value far out widens min-max; where codes are few, squared error rather loses it."""
    values = np.random.default_rng(2).normal(size=200_000).astype(np.float32)
    values[0] = 40
    squared, extremes = LeastError(4096), MinMax()
    squared.update(values)
    extremes.update(values)
    assert extremes.range(15, False).high == 40
    assert squared.range(15, False).high < 15


def test_least_error_is_near_the_best_range_by_trial() -> None:
    """The histogram's estimate finds a range whose real error is within 2 % of the best of a fine search."""
    values = np.random.default_rng(3).laplace(size=100_000).astype(np.float32)
    observer = LeastError(4096)
    observer.update(values)

    def error(high: float) -> float:
        step = 2 * high / 15
        return float(np.square(np.clip(np.rint(values / step), -7.5, 7.5) * step - values).mean())

    chosen = observer.range(15, True)
    assert chosen.low == -chosen.high
    assert error(chosen.high) <= 1.02 * min(error(high) for high in np.linspace(2, 12, 200))


def test_percentile_leaves_out_its_share() -> None:
    """1 % on each side lies outside of the 99th percentiles."""
    values = np.random.default_rng(4).normal(size=50_000).astype(np.float32)
    observer = Percentile(99.0, 4096)
    observer.update(values)
    limits = observer.range(255, False)
    assert limits.high == pytest.approx(np.percentile(values, 99), abs=0.02)
    assert limits.low == pytest.approx(np.percentile(values, 1), abs=0.02)


def test_a_moving_average_forgets() -> None:
    """The last samples weigh most, so the order of the data matters: documented, and why it is not the default."""
    up, down = MovingAverage(0.5), MovingAverage(0.5)
    samples = np.arange(1, 9, dtype=np.float32)[:, None]
    up.update(samples)
    down.update(samples[::-1])
    assert up.range(255, False).high > 6
    assert down.range(255, False).high < 3


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.booleans(), st.booleans(), st.sampled_from([INT8, INT16]))
@settings(max_examples=200, deadline=None)
def test_zero_is_exact_and_the_range_is_reached(a: float, b: float, symmetric: bool, two: bool, dtype: object) -> None:
    """Every range gets a positive scale that writes 0 exactly and loses at most a step at the ends."""
    form = Format(dtype, symmetric, two)  # type: ignore[arg-type]
    limits = Range(min(a, b), max(a, b))
    q = quantization_of_range(limits, form)
    assert q.scale > 0
    assert form.dtype.minimum <= q.zero_point <= form.dtype.maximum
    if two and limits.with_zero().magnitude > 1e-30:
        assert np.frexp(q.scale)[0] == 0.5
    if limits.with_zero().magnitude > 1e-3:
        assert (form.dtype.minimum - q.zero_point) * q.scale <= limits.low + q.scale * 1.01
        assert (form.dtype.maximum - q.zero_point) * q.scale >= limits.high - q.scale * 1.01
