"""What an analysis found: every layer's errors and ranges, which layers hurt, and which fixes help by how much."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.artifacts.evaluation import Comparison, RobustnessPoint


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of equally wide bins from `low` to `high`."""

    low: float
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Quality:
    """How near a variant stays to the float model on the samples of the analysis.

    `accuracy` needs labels; `auc` has a model that reconstructs its input, with labels 0 and 1.
    """

    sqnr_db: float
    agreement: float
    accuracy: float | None
    auc: float | None = None


@dataclass(frozen=True, slots=True)
class LayerAnalysis:
    """One layer. `sqnr_db` and `cosine` of its output count the errors of the layers before it too.

    `range_low` and `range_high` are what its output can hold, None in float. `only`: nothing but this layer quantized;
    `without`: everything but it; None for a layer that hands its input's scale on.
    """

    layer: str
    op: str
    arithmetic: str
    weight_bits: int | None
    weight_bytes: int
    macs: int
    sqnr_db: float
    cosine: float
    saturation: float
    range_use: float
    range_low: float | None
    range_high: float | None
    only: Quality | None
    without: Quality | None
    outputs: Histogram
    weights: Histogram | None


@dataclass(frozen=True, slots=True)
class Fix:
    """A change of the recipe that was tried; gains are against the recipe as it is, sizes as they would be."""

    what: str
    recipe: str
    quality: Quality
    gain_db: float
    weight_bytes: int
    arena_bytes: int | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """`baseline` is the recipe as it is, `unrefined` with weights rounded to nearest, as layers are judged.

    `comparison` is on all evaluation samples, the rest on `samples` of them; `fixes` are ranked, best first.
    """

    model: str
    recipe: str
    samples: int
    comparison: Comparison
    baseline: Quality
    unrefined: Quality
    layers: tuple[LayerAnalysis, ...]
    fixes: tuple[Fix, ...]
    robustness: tuple[RobustnessPoint, ...]
    warnings: tuple[str, ...]
