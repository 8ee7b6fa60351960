"""An analysis as terminal tables and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from mcuq.artifacts import Analysis, LayerAnalysis, Quality
from mcuq.report.evaluation_documents import comparison_to_json
from mcuq.report.evaluation_tables import decibel_text
from mcuq.report.figures import NOT_KNOWN, bytes_text, common_scope, count_text, percent_text, printable
from mcuq.report.tables import new_table

Document = dict[str, Any]


def analysis_table(analysis: Analysis) -> Table:
    """One row a layer: its errors, and what the model is like with only it, or all but it, quantized."""
    headers = ("layer", "arithmetic", "weights>", "SQNR>", "cosine>", "at the ends>", "range used>")
    table = new_table(*headers, "only it>", "agreement>", "all but it>", "agreement>")
    scope = common_scope([layer.layer for layer in analysis.layers])
    worst = _worst(analysis)
    for layer in analysis.layers:
        is_integer = layer.range_low is not None
        style = "bold red" if layer is worst else ""
        table.add_row(
            Text(printable(layer.layer.removeprefix(scope)), style=style),
            layer.arithmetic,
            "-" if layer.weight_bits is None else f"{layer.weight_bits} bits",
            decibel_text(layer.sqnr_db),
            f"{layer.cosine:.4f}",
            percent_text(layer.saturation, 1) if is_integer else NOT_KNOWN,
            percent_text(layer.range_use, 0) if is_integer else NOT_KNOWN,
            *_quality_texts(layer.only),
            *_quality_texts(layer.without),
        )
    return table


def fixes_table(analysis: Analysis) -> Table:
    """The fixes that were tried, best first."""
    score = "accuracy" if analysis.comparison.model.auc is None else "AUC"
    table = new_table("fix", "gain>", "SQNR>", "agreement>", f"{score}>", "weights>", "arena>", overflow="fold")
    for fix in analysis.fixes:
        table.add_row(
            Text(fix.what, style="green" if fix.gain_db > 0 else ""),
            f"{fix.gain_db:+.1f} dB",
            decibel_text(fix.quality.sqnr_db),
            percent_text(fix.quality.agreement, 1),
            percent_text(fix.quality.accuracy if fix.quality.auc is None else fix.quality.auc, 1),
            bytes_text(fix.weight_bytes),
            bytes_text(fix.arena_bytes),
        )
    return table


def conclusion_of(analysis: Analysis) -> str:
    """One sentence: the layer that hurts most, and the best fix where one helps."""
    worst = _worst(analysis)
    said = ""
    if worst is not None and worst.only is not None:
        said = f"quantized alone, '{printable(worst.layer)}' hurts most ({decibel_text(worst.only.sqnr_db)}); "
    best = analysis.fixes[0] if analysis.fixes else None
    if best is None:
        return f"{said}no fix was tried"
    if best.gain_db <= 0:
        return f"{said}none of the {len(analysis.fixes)} fixes that were tried helps"
    return f"{said}the best fix is {best.what} ({best.gain_db:+.1f} dB): {best.recipe}"


def analysis_to_json(analysis: Analysis) -> Document:
    """Everything; `comparison` has the fields of `mcuq eval --json`."""
    return {
        "model": analysis.model,
        "recipe": analysis.recipe,
        "analysis_samples": analysis.samples,
        "comparison": comparison_to_json(analysis.comparison, analysis.robustness),
        "baseline": asdict(analysis.baseline),
        "unrefined": asdict(analysis.unrefined),
        "layers": [asdict(layer) for layer in analysis.layers],
        "fixes": [asdict(fix) for fix in analysis.fixes],
        "warnings": list(analysis.warnings),
        "conclusion": conclusion_of(analysis),
    }


def macs_text(layer: LayerAnalysis) -> str:
    """Multiply-accumulates; nothing where there are none."""
    return count_text(layer.macs) if layer.macs else "-"


def _worst(analysis: Analysis) -> LayerAnalysis | None:
    judged = [layer for layer in analysis.layers if layer.only is not None]
    return min(judged, key=lambda layer: layer.only.sqnr_db if layer.only else 0.0, default=None)


def _quality_texts(quality: Quality | None) -> tuple[str, str]:
    if quality is None:
        return "-", "-"
    return decibel_text(quality.sqnr_db), percent_text(quality.agreement, 1)
