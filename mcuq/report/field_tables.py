"""What the field showed, as tables."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from mcuq.artifacts import FieldScore, MonitorReading, Recalibration, ValueReading
from mcuq.report.figures import NOT_KNOWN, layers_text, percent_text, printable
from mcuq.report.tables import new_pairs, new_table

SATURATED = 0.001
"""A share of elements at the end of a range above which it is told in colour."""


def inputs_of_field_table(reading: MonitorReading) -> Table:
    """Where the inputs lay: their histograms as bars."""
    table = new_table("input", "elements>", "from>", "to>", "histogram")
    for counted in reading.inputs:
        w, total = counted.watched, sum(counted.bins)
        most = max(1, *counted.bins)
        bars = "".join(" ▁▂▃▄▅▆▇█"[-(-8 * count // most)] for count in counted.bins)
        table.add_row(Text(printable(w.value)), f"{total:,}", *(f"{end:.4g}" for end in w.ends), bars)
    return table


def steps_of_field_table(reading: MonitorReading) -> Table:
    """Each step: shares at both ends of its range, and what was used of it."""
    table = new_table("step>", "layer", "at low end>", "at high end>", "range", "used", "share used>")
    for value in reading.values:
        w = value.watched
        low, high = (Text("-") if share is None else _share(share) for share in value.shares(reading.inferences))
        names = Text(layers_text(w.layers))
        table.add_row(str(w.step), names, low, high, _range(w.ends), _range(value.used), _share_used(value))
    return table


def _share(share: float) -> Text:
    return Text(percent_text(share, 3), style="yellow" if share > SATURATED else "")


def _range(ends: tuple[float, float] | None) -> str:
    return NOT_KNOWN if ends is None else f"{ends[0]:.4g} to {ends[1]:.4g}"


def _share_used(value: ValueReading) -> str:
    w = value.watched
    if value.minimum is None or value.maximum is None:
        return NOT_KNOWN
    return percent_text((value.maximum - value.minimum) / (w.greatest - w.least), 0)


def recalibration_tables(found: Recalibration) -> tuple[Table, ...]:
    """Inputs beside the data, layers with old and new ranges, and both models on both sets of samples."""
    inputs = new_table("input", "stability index>", "mean of the field>", "of the data>", "deviation>", "of the data>")
    for drift in found.inputs:
        index = Text(f"{drift.stability_index:.3f}", style="yellow" if drift.has_moved else "")
        means = (drift.field_mean, drift.data_mean, drift.field_deviation, drift.data_deviation)
        inputs.add_row(Text(printable(drift.value)), index, *(f"{number:.4g}" for number in means))
    layers = new_table("layer", "at low end>", "at high end>", "used in the field", "range", "new range")
    for layer in found.layers:
        if layer.is_fixed:
            continue
        used, before, after = map(_range, (layer.used, layer.before, layer.after))
        shares = (_share(layer.low_share), _share(layer.high_share))
        layers.add_row(Text(layers_text(layer.layers)), *shares, used, before, after)
    return inputs, layers, _scores(found)


def _scores(found: Recalibration) -> Table:
    table = new_table("on", "model", "accuracy>", "agreement with float>", "SQNR>")
    rows = (
        ("the data", "deployed", found.before_on_data),
        ("the data", "proposed", found.after_on_data),
        ("the data as in the field", "deployed", found.before_in_field),
        ("the data as in the field", "proposed", found.after_in_field),
    )
    for where, model, score in rows:
        table.add_row(where, model, *_score(score))
    return table


def _score(score: FieldScore) -> tuple[str, str, str]:
    return percent_text(score.accuracy), percent_text(score.agreement), f"{score.sqnr_db:.1f} dB"


def summary_of_field(reading: MonitorReading) -> Table:
    """Which model, and how many inferences were counted."""
    table = new_pairs()
    table.add_row("model", f"{printable(reading.name)} ({reading.model_hash[:16]})")
    table.add_row("counted", f"{reading.inferences:,} inferences")
    return table
