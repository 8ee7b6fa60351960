"""Which layers of an autoencoder need 8 bits: measured by `analyze`, beside first and last, on the ECG5000 network.

    python tests/benchmarks/autoencoder.py

Calibrated on the 200 normal beats that it was trained on, measured on 300 others (MCUQ_ZOO names the folder).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

if __package__ in (None, ""):  # run as a program
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mcuq import pipeline
from mcuq.artifacts import Analysis, LayerAnalysis
from mcuq.ir import Graph
from mcuq.quantize import Recipe, Rule, load_recipe
from tests.benchmarks.datasets import Dataset, ecg5000

MODEL = Path(__file__).resolve().parent / "models/ecg5000_float.tflite"
EIGHT_BITS = (("weight_bits", 8),)


@dataclass(frozen=True, slots=True)
class Row:
    """One variant on the 300 beats: area under the curve, SQNR of the reconstruction, agreement; bytes of weights."""

    variant: str
    auc: float
    sqnr_db: float
    agreement: float
    weight_bytes: int


def analysis(graph: Graph, data: Dataset) -> Analysis:
    """Every layer at 4 bits alone, on the calibration beats: labels and evaluation beats are not touched."""
    x = data.x_train
    return pipeline.analyze(graph, x, "int4", evaluation={"x": x}, samples=len(x), analysis_samples=len(x), max_fixes=0)


def by_sensitivity(found: Analysis) -> list[LayerAnalysis]:
    """Layers with weights, the one that hurts most when it alone has 4 bits first."""
    layers = [layer for layer in found.layers if layer.weight_bytes and layer.only is not None]
    return sorted(layers, key=lambda layer: layer.only.sqnr_db if layer.only else 0.0)


def with_8_bits(recipe: Recipe, layers: Sequence[LayerAnalysis]) -> Recipe:
    """The recipe with these layers' weights at 8 bits."""
    return replace(recipe, rules=tuple(Rule(layer=layer.layer, changes=EIGHT_BITS) for layer in layers))


def variants(found: Analysis) -> Iterator[tuple[str, Recipe]]:
    """What is compared, by name."""
    int4, order = load_recipe("int4"), by_sensitivity(found)
    yield "int8", load_recipe("int8")
    yield "int4, all layers", int4
    ends = tuple(Rule(position=place, changes=EIGHT_BITS) for place in ("first", "last"))
    yield "int4, first and last at 8 bits", replace(int4, rules=ends)
    for count in (1, 2, 3):
        yield f"int4, the {count} that measurably hurt most at 8 bits", with_8_bits(int4, order[:count])
    yield "int4, the 2 that hurt least at 8 bits", with_8_bits(int4, order[-2:])


def measured(graph: Graph, data: Dataset, name: str, recipe: Recipe) -> Row:
    """One variant on the held-out beats."""
    made = pipeline.quantize(graph, data.x_train, recipe, samples=len(data.x_train)).graph
    compared = pipeline.compare(made, graph, {"x": data.x_test, "y": data.y_test})
    auc = compared.model.auc
    assert auc is not None
    return Row(name, auc, compared.sqnr_db, compared.agreement, compared.model.size.weight_bytes)


def layers_table(found: Analysis) -> Table:
    """Every layer alone at 4 bits, the worst first."""
    made = Table(title="each layer alone at 4 bits", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for header in ("layer", "position", "SQNR of the reconstruction", "weights at 4 bits"):
        made.add_column(header, justify="left" if header == "layer" else "right", no_wrap=True)
    order = [layer.layer for layer in found.layers]
    for layer in by_sensitivity(found):
        assert layer.only is not None
        place = f"{order.index(layer.layer) + 1} of {len(order)}"
        made.add_row(layer.layer.partition(";")[0], place, f"{layer.only.sqnr_db:.1f} dB", f"{layer.weight_bytes:,}")
    return made


def variants_table(rows: Sequence[Row]) -> Table:
    """The variants beside each other."""
    made = Table(title="on the 300 held-out beats", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for header in ("variant", "AUC", "reconstruction SQNR", "agreement", "weight bytes"):
        made.add_column(header, justify="left" if header == "variant" else "right", no_wrap=True)
    for row in rows:
        figures = (f"{row.auc:.4f}", f"{row.sqnr_db:.1f} dB", f"{100 * row.agreement:.2f} %", f"{row.weight_bytes:,}")
        made.add_row(row.variant, *figures)
    return made


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--zoo", type=Path, default=os.environ.get("MCUQ_ZOO"), required="MCUQ_ZOO" not in os.environ)
    data, graph = ecg5000(Path(parser.parse_args().zoo)), pipeline.load(MODEL)
    found = analysis(graph, data)
    rows = [measured(graph, data, name, recipe) for name, recipe in variants(found)]
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(layers_table(found))
    console.print(variants_table(rows))


if __name__ == "__main__":
    main()
