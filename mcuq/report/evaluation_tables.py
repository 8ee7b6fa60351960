"""Evaluations and comparisons as terminal tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from mcuq.artifacts import Comparison, Drop, Evaluation, Measurement, Reliability, RobustnessPoint
from mcuq.report.figures import NOT_KNOWN, bytes_text, count_text, percent_text, printable, spread_text
from mcuq.report.scores import EQUAL_DB
from mcuq.report.tables import new_pairs, new_table


def decibel_text(ratio_db: float | None) -> str:
    """`28.1 dB`; what is equal has no noise."""
    if ratio_db is None:
        return NOT_KNOWN
    return "equal" if ratio_db >= EQUAL_DB else f"{ratio_db:.1f} dB"


def evaluation_table(evaluation: Evaluation) -> Table:
    """One model alone."""
    e = evaluation
    table = new_pairs()
    table.add_row("model", Text(f"{printable(e.model)}, {_engine_text(e)}, {count_text(e.samples)} samples"))
    table.add_row(*_quality_row(e))
    _add_reliability(table, e.reliability, None)
    _add_sizes(table, e)
    if e.note:
        table.add_row("note", Text(e.note))
    return table


def comparison_table(comparison: Comparison) -> Table:
    """A model against its reference, with everything that says how sure the figures are."""
    c = comparison
    table = new_pairs()
    samples = f"{count_text(c.model.samples)} samples"
    table.add_row("model", Text(f"{printable(c.model.model)}, {_engine_text(c.model)}, {samples}"))
    table.add_row("reference", Text(f"{printable(c.reference.model)}, {_engine_text(c.reference)}"))
    label, text = _quality_row(c.model)
    table.add_row(label, f"{text}; the reference has {_quality_row(c.reference)[1]}")
    if c.drop:
        table.add_row("drop", drop_text(c.drop))
        table.add_row("disagreements", disagreements_text(c.drop))
    table.add_row("agreement", f"{percent_text(c.agreement)} of the samples get the reference's answer")
    table.add_row("SQNR", Text(_sqnr_text(c)))
    _add_reliability(table, c.model.reliability, c.reference.reliability)
    _add_sizes(table, c.model)
    for note in dict.fromkeys((c.model.note, c.reference.note)):
        if note:
            table.add_row("note", Text(note))
    return table


def drop_text(drop: Drop) -> str:
    """`0.25 points (95 %: -0.31 to 0.81)`."""
    return f"{drop.points:.2f} points (95 % interval {drop.interval.low:+.2f} to {drop.interval.high:+.2f})"


def disagreements_text(drop: Drop) -> str:
    """How many samples only one of the two gets right, and whether that may be chance."""
    said = "chance alone may do this" if drop.mcnemar_p >= 0.05 else "more than chance"
    return (
        f"{drop.broken} samples only the reference gets right, {drop.mended} only the model "
        f"(McNemar's exact test: p = {drop.mcnemar_p:.3g}, {said})"
    )


def robustness_table(points: Sequence[RobustnessPoint]) -> Table:
    """Accuracy at every level, the reference's beside it; stability is the share of answers that stay."""
    has_reference = any(point.reference_stability is not None for point in points)
    more = ("reference>", "its stability>") if has_reference else ()
    table = new_table("perturbation", "level>", "accuracy>", "stability>", *more)
    for point in points:
        figures = [percent_text(point.accuracy, 1), percent_text(point.stability, 1)]
        figures += [percent_text(point.reference_accuracy, 1), percent_text(point.reference_stability, 1)]
        cells = figures[: 4 if has_reference else 2]
        table.add_row(f"{point.perturbation} ({point.unit})", f"{point.level:g}", *cells)
    return table


def side_by_side_table(comparison: Comparison, more: Sequence[tuple[str, str, str]] = ()) -> Table:
    """Two models in two columns, and what is true of both together below."""
    a, b = comparison.model, comparison.reference
    table = new_table("", f"{printable(a.model)}>", f"{printable(b.model)}>")
    table.add_row(_quality_row(a)[0], *(percent_text(e.accuracy if e.auc is None else e.auc) for e in (a, b)))
    for name, figures in _size_rows(a, b):
        table.add_row(name, *figures)
    for row in more:
        table.add_row(*row)
    table.add_section()
    table.add_row("agreement", percent_text(comparison.agreement), "")
    table.add_row("SQNR of the first against the second", decibel_text(comparison.sqnr_db), "")
    if comparison.drop:
        low, high = comparison.drop.interval.low, comparison.drop.interval.high
        table.add_row("drop from the second to the first", f"{comparison.drop.points:.2f} points", "")
        table.add_row("its 95 % interval", f"{low:+.2f} to {high:+.2f}", "")
        table.add_row("McNemar's p", f"{comparison.drop.mcnemar_p:.3g}", "")
    return table


def measured_rows(a: Measurement, b: Measurement) -> tuple[tuple[str, str, str], ...]:
    """What both took on a board."""
    return (
        (f"on {a.board} ({a.link})", a.compiler, b.compiler),
        ("instructions", spread_text(a.instructions), spread_text(b.instructions)),
        ("cycles", spread_text(a.cycles), spread_text(b.cycles)),
        ("flash, all", bytes_text(a.flash_total_bytes), bytes_text(b.flash_total_bytes)),
        ("RAM, all", bytes_text(a.ram_bytes), bytes_text(b.ram_bytes)),
    )


def _size_rows(a: Evaluation, b: Evaluation) -> list[tuple[str, list[str]]]:
    pairs = (a.size, b.size)
    return [
        ("weights", [bytes_text(size.weight_bytes) for size in pairs]),
        ("flash, constants", [bytes_text(size.constant_bytes) for size in pairs]),
        ("RAM, arena", [bytes_text(size.arena_bytes) for size in pairs]),
        ("MACs", [count_text(size.macs) for size in pairs]),
    ]


def _engine_text(evaluation: Evaluation) -> str:
    return f"{evaluation.engine} at {evaluation.inferences_per_s:,.0f} inferences/s"


def _quality_row(evaluation: Evaluation) -> tuple[str, str]:
    e = evaluation
    if e.auc is not None:
        return "AUC", f"{e.auc:.4f}"
    if e.accuracy is None:
        return "accuracy", f"{NOT_KNOWN} (the data have no labels)"
    return "accuracy", f"{percent_text(e.accuracy)} ({round(e.accuracy * e.samples):,} of {e.samples:,})"


def _sqnr_text(comparison: Comparison) -> str:
    c = comparison
    has_logits = c.model.logits is not None and c.reference.logits is not None
    outputs = ", ".join(f"{printable(noise.name)} {decibel_text(noise.sqnr_db)}" for noise in c.outputs)
    return f"{decibel_text(c.sqnr_db)} of the {'logits' if has_logits else 'outputs'}; {outputs}"


def _add_reliability(table: Table, own: Reliability | None, other: Reliability | None) -> None:
    if own is None:
        return
    beside = f" (reference {100 * other.expected_calibration_error:.2f} %)" if other else ""
    table.add_row("calibration", f"expected calibration error {100 * own.expected_calibration_error:.2f} %{beside}")
    beside = f" (reference {other.negative_log_likelihood:.3f})" if other else ""
    table.add_row("likelihood", f"negative log-likelihood {own.negative_log_likelihood:.3f}{beside}")


def _add_sizes(table: Table, evaluation: Evaluation) -> None:
    size = evaluation.size
    table.add_row("weights", f"{bytes_text(size.weight_bytes)}; all constants {bytes_text(size.constant_bytes)}")
    table.add_row("arena", bytes_text(size.arena_bytes))
