"""Latency as a distribution, the deadline gate, and how energy is told."""

from __future__ import annotations

import statistics
from dataclasses import replace

import pytest

from mcuq.artifacts import EnergyEstimate, Measurement
from mcuq.project import Gates
from mcuq.report import failed_gates, measurement_to_json
from mcuq.report.tables import verdict_table
from mcuq.report.verdict import spread
from tests.report.test_tables import text_of


def test_percentile_and_jitter_are_those_of_the_runs() -> None:
    """The 95th percentile is the nearest rank, the jitter the standard deviation of all runs."""
    runs = [float(number) for number in range(1, 101)]
    found = spread(runs)
    assert found is not None
    assert (found.min, found.median, found.p95, found.max) == (1, 50.5, 95, 100)
    assert found.jitter == pytest.approx(statistics.pstdev(runs))
    single = spread([3.0])
    assert single is not None
    assert (single.p95, single.jitter) == (3.0, 0.0)


def test_one_late_run_fails_the_deadline(measurement: Measurement) -> None:
    """However fast the others are; runs at the deadline are in time; no latency at all is a failure, too."""
    runs = (1.0, 1.0, 1.0, 7.5)
    timed = replace(measurement, latencies_ms=runs, latency_ms=spread(runs))
    (sentence,) = failed_gates(timed, Gates(deadline_ms=5.0))
    assert sentence == "--deadline-ms: 1 of 4 runs took longer than 5 ms, up to 7.5 ms"
    assert failed_gates(timed, Gates(deadline_ms=7.5)) == ()
    (missing,) = failed_gates(replace(measurement, latencies_ms=()), Gates(deadline_ms=5.0))
    assert "n/a" in missing


def test_energy_and_jitter_stand_in_the_verdict(measurement: Measurement) -> None:
    """The estimate names microcontroller, spread and source, in the table and in JSON."""
    runs = (1.0, 2.0, 3.0)
    energy = EnergyEstimate("s", "MCU at 1.8 V", 34.5678, 7.0, "a benchmark")
    timed = replace(measurement, latencies_ms=runs, latency_ms=spread(runs), energy=energy)
    text = text_of(verdict_table(timed))
    assert "p95 3 ms, jitter 0.8165 ms over 3 runs" in text
    assert "34.57 µJ estimated for MCU at 1.8 V (±7 %; a benchmark)" in text
    document = measurement_to_json(timed)
    assert document["latency_ms"]["p95"] == 3.0
    assert document["energy"]["microjoules"] == 34.5678
