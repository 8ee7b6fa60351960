"""A gate fails when its figure is on the wrong side or not known, and says which and why."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from mcuq.artifacts import Measurement, Spread
from mcuq.report import Gates, failed_gates
from mcuq.report.junit import junit


def test_no_gates_never_fail(measurement: Measurement) -> None:
    """Without gates even a wrong run passes."""
    assert failed_gates(measurement, Gates()) == ()


@pytest.mark.parametrize(
    "gates",
    [
        Gates(min_accuracy=0.9),
        Gates(max_drop=10),
        Gates(max_latency_ms=2.0),
        Gates(max_ram=3000),
        Gates(max_flash=10_000),
    ],
)
def test_a_gate_holds_at_its_limit(measurement: Measurement, gates: Gates) -> None:
    """The limit itself is allowed."""
    assert failed_gates(measurement, gates) == ()


@pytest.mark.parametrize(
    ("gates", "words"),
    [
        (Gates(min_accuracy=0.91), ["--min-accuracy", "0.9000", "0.91"]),
        (Gates(max_drop=9.9), ["--max-drop", "10 points", "9.9 points"]),
        (Gates(max_latency_ms=1.9), ["--max-latency-ms", "2 ms", "1.9 ms"]),
        (Gates(max_ram=2999), ["--max-ram", "3,000 bytes", "2,999 bytes"]),
        (Gates(max_flash=9_999), ["--max-flash", "10,000 bytes", "9,999 bytes"]),
        (Gates(bit_exact=True), ["--bit-exact", "differs"]),
    ],
)
def test_a_failed_gate_says_which_and_by_what(measurement: Measurement, gates: Gates, words: list[str]) -> None:
    """The sentence has the option, the figure and the limit."""
    (sentence,) = failed_gates(measurement, gates)
    for word in words:
        assert word in sentence


@pytest.mark.parametrize(
    ("gates", "words"),
    [
        (Gates(min_accuracy=0.0), ["--min-accuracy", "no labels"]),
        (Gates(max_drop=100), ["--max-drop", "no labels"]),
        (Gates(max_latency_ms=1e9), ["--max-latency-ms", "link 'host' cannot give it"]),
        (Gates(max_ram=1 << 40), ["--max-ram", "link 'host' cannot give it"]),
        (Gates(max_flash=1 << 40), ["--max-flash", "link 'host' cannot give it"]),
        (Gates(max_cycles=1 << 40), ["--max-cycles", "link 'host' cannot give it"]),
    ],
)
def test_a_gate_on_an_unknown_figure_fails(measurement: Measurement, gates: Gates, words: list[str]) -> None:
    """However lax the limit, a figure that is not there does not meet it."""
    unknown = replace(
        measurement, link="host", accuracy=None, latency_ms=None, static_ram_bytes=None, flash_total_bytes=None
    )
    (sentence,) = failed_gates(unknown, gates)
    for word in words:
        assert word in sentence


def test_every_failed_gate_is_listed(measurement: Measurement) -> None:
    """All of them at once, so that one run tells everything."""
    gates = Gates(min_accuracy=1.0, max_drop=0, max_latency_ms=0, max_ram=0, max_flash=0, bit_exact=True)
    assert len(failed_gates(measurement, gates)) == 6


def test_a_drop_is_not_a_rounding_error(measurement: Measurement) -> None:
    """0.3 - 0.2 is a drop of exactly 10 points, whatever floating point says."""
    near = replace(measurement, reference_accuracy=0.3, accuracy=0.2)
    assert failed_gates(near, Gates(max_drop=10)) == ()


def test_floats_cannot_be_bit_exact(measurement: Measurement) -> None:
    """A float model within tolerance still fails the gate, and the sentence says why."""
    floating = replace(measurement, first_difference=None, max_error=1e-7)
    (sentence,) = failed_gates(floating, Gates(bit_exact=True))
    assert "depend on floats" in sentence


def test_junit_has_one_test_a_gate(measurement: Measurement) -> None:
    """Each gate that is set is a test case, a limit of 0 included, and the failed ones carry their sentence."""
    root = ET.fromstring(junit(measurement, Gates(max_drop=0, max_ram=3000, bit_exact=True)))
    failed = {case.attrib["name"]: case.find("failure") is not None for case in root}
    assert failed == {"10 samples ran": False, "--max-drop": True, "--max-ram": False, "--bit-exact": True}
    assert root.attrib["tests"] == "4"
    assert root.attrib["failures"] == "2"
    assert "differs" in root.findall("testcase/failure")[1].attrib["message"]


def test_cycles_are_judged_by_their_greatest(measurement: Measurement) -> None:
    """One counted sample above the limit fails the gate."""
    counted = replace(measurement, cycles=Spread(90, 95, 101))
    (sentence,) = failed_gates(counted, Gates(max_cycles=100))
    assert sentence == "--max-cycles: cycles is 101, more than 100"
    assert failed_gates(counted, Gates(max_cycles=101)) == ()
