"""How soon a request is sent again: as soon as answers have been taking, never sooner than adapters need."""

from __future__ import annotations

import pytest

from mcuq.run.patience import QUICK_S, RoundTrip


def test_without_an_answer_the_most_is_waited() -> None:
    """Nothing is known yet."""
    assert RoundTrip().silence_s(1.0) == 1.0


def test_the_first_answer_counts_three_times() -> None:
    """Its deviation is taken as half of it: 0.2 + 4 * 0.1."""
    trip = RoundTrip()
    trip.observe(0.2)
    assert trip.silence_s(1.0) == pytest.approx(0.6)
    assert trip.silence_s(0.5) == 0.5


def test_mean_and_deviation_follow_the_answers() -> None:
    """An eighth of the way, and a quarter: RFC 6298, section 2, by hand."""
    trip = RoundTrip()
    trip.observe(0.2)
    trip.observe(0.4)
    deviation_s = 0.1 + (0.2 - 0.1) / 4
    assert trip.silence_s(9.0) == pytest.approx(0.2 + 0.2 / 8 + 4 * deviation_s)


def test_quick_answers_do_not_make_it_hasty() -> None:
    """Below what adapters hold back it never goes, and on a slow line not below the time of a request."""
    trip = RoundTrip()
    for _ in range(50):
        trip.observe(0.001)
    assert trip.silence_s(1.0) == QUICK_S
    trip.least_s = 0.3
    assert trip.silence_s(1.0) == 0.3


def test_a_device_that_gets_slower_is_waited_for() -> None:
    """After some answers of 0.3 s that is what is expected."""
    trip = RoundTrip()
    for seconds in [0.001] * 50 + [0.3] * 5:
        trip.observe(seconds)
    assert 0.3 < trip.silence_s(1.0) < 1.0
