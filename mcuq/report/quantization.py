"""What quantization did to every layer, as a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from mcuq.artifacts import Comparison, RobustnessPoint
from mcuq.report.evaluation_documents import comparison_to_json
from mcuq.report.evaluation_tables import decibel_text
from mcuq.report.figures import NOT_KNOWN, common_scope, count_text, percent_text, printable
from mcuq.report.scores import finite_db
from mcuq.report.tables import new_table

Document = dict[str, Any]


def quantized_layers_table(report: Any) -> Table:
    """One row a layer of a `quantize.Report`: how near it stays to the float one, errors before it included."""
    table = new_table(
        "layer", "op", "arithmetic", "weights>", "bytes>", "SQNR>", "cosine>", "saturated>", "range used>"
    )
    scope = common_scope([line.layer for line in report.layers])
    for line in report.layers:
        is_integer = line.scale is not None
        table.add_row(
            Text(printable(line.layer.removeprefix(scope))),
            line.op,
            line.arithmetic,
            "-" if line.weight_bits is None else f"{line.weight_bits} bits",
            count_text(line.weight_bytes) if line.weight_bytes else "-",
            decibel_text(finite_db(line.sqnr_db)),
            f"{line.cosine:.4f}",
            percent_text(line.saturation, 1) if is_integer else NOT_KNOWN,
            percent_text(line.range_use, 0) if is_integer else NOT_KNOWN,
        )
    return table


def quantization_to_json(
    report: Any,
    comparison: Comparison,
    warnings: Sequence[str],
    output: str | None,
    held_out: bool,
    robustness: Sequence[RobustnessPoint] = (),
) -> Document:
    """The comparison with the float model, and what a `quantize.Report` says; 200 dB stands for equal."""
    return {
        **comparison_to_json(comparison, robustness),
        "recipe": report.recipe,
        "seed": report.seed,
        "calibration_samples": report.samples,
        "held_out": held_out,
        "output": output,
        "warnings": list(warnings),
        "calibration_s": report.calibration_s,
        "refinement_s": report.refinement_s,
        "layers": [_layer(line) for line in report.layers],
    }


def _layer(line: Any) -> Document:
    document = asdict(line)
    for key, value in document.items():
        if isinstance(value, float) and not math.isfinite(value):
            document[key] = finite_db(value)
    return document
