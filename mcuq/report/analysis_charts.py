"""The pictures of an analysis as coordinates: histograms with the range that was chosen, reliability, robustness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcuq.artifacts import Analysis, Histogram, LayerAnalysis, Reliability, RobustnessPoint

HISTOGRAM_WIDTH, HISTOGRAM_HEIGHT = 170.0, 44.0
PLOT_SIZE = 240.0


@dataclass(frozen=True, slots=True)
class HistogramChart:
    """`bars` are (x, y, width, height), heights of the cube root of the counts, so that tails show; `limits` are x."""

    bars: tuple[tuple[float, float, float, float], ...]
    limits: tuple[float, ...]
    title: str


@dataclass(frozen=True, slots=True)
class SensitivityBar:
    """Two lengths in percent of the longest: noise with only this layer quantized, noise saved by leaving it out."""

    label: str
    only: float
    only_db: float
    without: float
    without_db: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A line of x,y pairs in a square plot."""

    name: str
    line: str
    css: str


@dataclass(frozen=True, slots=True)
class RobustnessChart:
    """One perturbation: accuracy (or stability without labels) over level, quantized and float."""

    title: str
    curves: tuple[Curve, ...]
    ticks: tuple[tuple[float, str], ...]


def histogram_chart(histogram: Histogram, layer: LayerAnalysis | None) -> HistogramChart:
    """The histogram; with a layer, where its integer range begins and ends."""
    low, high = histogram.low, histogram.high
    limits = [] if layer is None or layer.range_low is None or layer.range_high is None else [layer.range_low]
    limits += [layer.range_high] if layer is not None and layer.range_high is not None else []
    left, right = min([low, *limits]), max([high, *limits])
    span = (right - left) or 1.0
    heights = [count ** (1 / 3) for count in histogram.counts]
    tallest = max(heights, default=0.0) or 1.0
    step = HISTOGRAM_WIDTH * (high - low) / span / len(histogram.counts)
    start = HISTOGRAM_WIDTH * (low - left) / span
    bars = tuple(
        (start + k * step, HISTOGRAM_HEIGHT * (1 - height / tallest), step, HISTOGRAM_HEIGHT * height / tallest)
        for k, height in enumerate(heights)
        if height
    )
    marks = tuple(HISTOGRAM_WIDTH * (limit - left) / span for limit in limits)
    said = f"; the integers reach from {limits[0]:.4g} to {limits[-1]:.4g}" if limits else ""
    return HistogramChart(bars, marks, f"{low:.4g} to {high:.4g}{said}")


def sensitivity_bars(analysis: Analysis) -> tuple[SensitivityBar, ...]:
    """One bar a layer whose quantization is a choice, in order; longer is worse alone, better when left out."""
    judged = [(layer, layer.only, layer.without) for layer in analysis.layers]
    rows = [(layer.layer, only.sqnr_db, left.sqnr_db) for layer, only, left in judged if only and left]
    if not rows:
        return ()
    # Noise adds up as power: lengths are shares of the noise of the worst layer, and of what leaving one out saves.
    noise = [10 ** (-only / 10) for _, only, _ in rows]
    all_noise = 10 ** (-analysis.unrefined.sqnr_db / 10)
    saved = [max(0.0, 1 - 10 ** (-without / 10) / all_noise) for _, _, without in rows]
    longest, most = max(noise) or 1.0, max(saved) or 1.0
    return tuple(
        SensitivityBar(name, 100 * n / longest, only, 100 * s / most, without)
        for (name, only, without), n, s in zip(rows, noise, saved, strict=True)
    )


def reliability_line(reliability: Reliability) -> str:
    """Accuracy over confidence as x,y pairs."""
    return " ".join(
        f"{PLOT_SIZE * part.confidence:.1f},{PLOT_SIZE * (1 - part.accuracy):.1f}" for part in reliability.bins
    )


def robustness_charts(
    points: Sequence[RobustnessPoint], undisturbed: tuple[float | None, float | None]
) -> list[RobustnessChart]:
    """One chart a perturbation; `undisturbed` are the accuracies at level 0."""
    charts = []
    for name in dict.fromkeys(point.perturbation for point in points):
        chosen = [point for point in points if point.perturbation == name]
        highest = max(point.level for point in chosen)
        own = [(p.level, p.stability if p.accuracy is None else p.accuracy) for p in chosen]
        other = [
            (p.level, p.reference_stability if p.reference_accuracy is None else p.reference_accuracy) for p in chosen
        ]
        curves = [Curve("quantized", _line(own, undisturbed[0], highest), "own")]
        if all(value is not None for _, value in other):
            curves.append(Curve("float", _line(other, undisturbed[1], highest), "other"))
        ticks = tuple((PLOT_SIZE * point.level / highest, f"{point.level:g}") for point in chosen)
        charts.append(RobustnessChart(f"{name}, {chosen[0].unit}", tuple(curves), ticks))
    return charts


def _line(points: Sequence[tuple[float, float | None]], start: float | None, highest: float) -> str:
    whole = [(0.0, 1.0 if start is None else start), *points]
    return " ".join(
        f"{PLOT_SIZE * level / highest:.1f},{PLOT_SIZE * (1 - value):.1f}"
        for level, value in whole
        if value is not None
    )
