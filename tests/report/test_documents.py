"""The JSON documents have the promised fields, share their names, and are JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mcuq.artifacts import Difference, Inspection, Measurement, Refused
from mcuq.report import inspection_to_json, measurement_to_json, refused_to_json
from mcuq.report.documents import steps_document

PROMISED = {
    *("model", "board", "link", "compiler", "samples", "accuracy", "bit_exact", "first_difference"),
    *("instructions", "cycles", "latency_ms"),
    *("arena_bytes", "static_ram_bytes", "stack_bytes", "ram_bytes", "flash_bytes", "steps"),
}
STEP = ["layers", "kernel", "macs", "instructions", "cycles", "scratch_bytes"]


def through_json(document: dict[str, Any]) -> Any:
    """The document as strict JSON reads it back."""
    return json.loads(json.dumps(document, allow_nan=False))


def test_a_measurement_has_every_promised_field(measurement: Measurement) -> None:
    """All fields are there, and nothing is lost on the way through JSON."""
    document = measurement_to_json(measurement)
    assert set(document) >= PROMISED
    assert through_json(document) == document


def test_a_measurement_says_what_was_measured(measurement: Measurement) -> None:
    """Sums, nulls, spreads and steps carry the measurement's own numbers."""
    document = measurement_to_json(measurement)
    assert document["ram_bytes"] == 2048 + 600 + 352
    assert document["flash_bytes"] == {"total": 10_000, "constants": 4_000, "code": 6_000}
    assert document["instructions"] == {"min": 1000, "median": 1500.5, "p95": None, "max": 2000, "jitter": None}
    assert document["cycles"] is None
    assert list(document["steps"][0]) == STEP
    assert document["steps"][0]["layers"] == ["net/conv", "net/relu"]


def test_a_difference_is_told_in_full(measurement: Measurement) -> None:
    """Where, what was expected, what came, and by how much it is off."""
    assert measurement_to_json(measurement)["first_difference"] == {
        "sample": 3,
        "step": 1,
        "layers": ["dense"],
        "value": "dense/out",
        "element": [0, 7],
        "expected": 5,
        "got": 4,
        "difference": -1,
        "differing": 2,
    }


def test_what_a_link_cannot_give_is_null(measurement: Measurement) -> None:
    """A missing part makes the sum null too, never too small."""
    document = measurement_to_json(replace(measurement, stack_bytes=None, flash_total_bytes=None))
    assert (document["stack_bytes"], document["ram_bytes"]) == (None, None)
    assert document["flash_bytes"] == {"total": None, "constants": 4_000, "code": None}


def test_nan_of_a_float_model_is_null(measurement: Measurement) -> None:
    """A difference against NaN can be written as JSON."""
    broken = Difference(0, 0, (), "v", (0,), float("nan"), float("inf"), 1)
    document = through_json(measurement_to_json(replace(measurement, first_difference=broken)))
    assert document["first_difference"]["expected"] is None
    assert document["first_difference"]["difference"] is None


def test_an_inspection_uses_the_same_names(inspection: Inspection) -> None:
    """Arena, flash and steps are called as in a measurement."""
    document = inspection_to_json(inspection)
    assert through_json(document) == document
    assert inspection.plan is not None
    assert document["arena_bytes"] == inspection.plan.arena_bytes
    assert document["flash_bytes"]["total"] is None
    assert document["fits"] is True
    assert set(STEP) <= set(document["steps"][0])
    assert sum(step["macs"] for step in document["steps"]) == document["macs"]
    assert sum(step["constant_bytes"] for step in document["steps"]) == document["flash_bytes"]["constants"]


@pytest.mark.parametrize("board", [None, "cortex-m4"])
def test_a_refused_model_has_the_same_document(inspection: Inspection, board: str | None) -> None:
    """A reader finds the same fields whether the model is supported or not."""
    document = refused_to_json("m", board, [Refused("CAST", ("a", "b"), "mcuq does not do this op")])
    assert set(document) == set(inspection_to_json(inspection))
    assert document["unsupported"] == [{"op": "CAST", "layers": ["a", "b"], "reason": "mcuq does not do this op"}]


def test_planned_steps_have_no_counts(inspection: Inspection) -> None:
    """Before a run, instructions and cycles are null."""
    assert inspection.schedule is not None
    steps = steps_document(inspection.schedule)
    assert len(steps) == len(inspection.schedule.steps)
    assert {step["instructions"] for step in steps} == {None}
