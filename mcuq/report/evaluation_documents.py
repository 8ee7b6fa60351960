"""Evaluations and comparisons as JSON documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mcuq.artifacts import Comparison, Evaluation, Reliability, RobustnessPoint

Document = dict[str, Any]


def evaluation_to_json(evaluation: Evaluation, robustness: Sequence[RobustnessPoint] = ()) -> Document:
    """One model alone: what needs a reference is null."""
    e = evaluation
    return {
        "model": e.model,
        "reference": None,
        "engine": e.engine,
        "samples": e.samples,
        "accuracy": e.accuracy,
        "float_accuracy": None,
        "drop_points": None,
        "drop_interval_points": None,
        "broken": None,
        "mended": None,
        "mcnemar_p": None,
        "agreement": None,
        "sqnr_db": None,
        "outputs": [],
        "auc": e.auc,
        "float_auc": None,
        "reliability": _reliability(e.reliability),
        "float_reliability": None,
        **_sizes(e),
        "inferences_per_s": e.inferences_per_s,
        "robustness": [asdict(point) for point in robustness],
        "notes": [] if e.note is None else [e.note],
    }


def comparison_to_json(comparison: Comparison, robustness: Sequence[RobustnessPoint] = ()) -> Document:
    """A model against its reference; `float_*` are the reference's figures, `drop_points` percentage points."""
    c, drop = comparison, comparison.drop
    notes = [note for note in (c.model.note, c.reference.note) if note is not None]
    return {
        **evaluation_to_json(c.model, robustness),
        "reference": c.reference.model,
        "float_accuracy": c.reference.accuracy,
        "drop_points": drop.points if drop else None,
        "drop_interval_points": {"low": drop.interval.low, "high": drop.interval.high} if drop else None,
        "broken": drop.broken if drop else None,
        "mended": drop.mended if drop else None,
        "mcnemar_p": drop.mcnemar_p if drop else None,
        "agreement": c.agreement,
        "sqnr_db": c.sqnr_db,
        "outputs": [{"name": noise.name, "sqnr_db": noise.sqnr_db} for noise in c.outputs],
        "float_auc": c.reference.auc,
        "float_reliability": _reliability(c.reference.reliability),
        "reference_sizes": _sizes(c.reference),
        "notes": list(dict.fromkeys(notes)),
    }


def _sizes(evaluation: Evaluation) -> Document:
    size = evaluation.size
    return {
        "weight_bytes": size.weight_bytes,
        "constant_bytes": size.constant_bytes,
        "arena_bytes": size.arena_bytes,
        "macs": size.macs,
    }


def _reliability(reliability: Reliability | None) -> Document | None:
    return None if reliability is None else asdict(reliability)
