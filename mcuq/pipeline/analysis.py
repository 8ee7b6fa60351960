"""Which layers hurt: measured one by one, alone and left out, and with every promising fix tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq import interpreter
from mcuq.arithmetic.noise import sqnr_db
from mcuq.artifacts import Analysis, Fix, Histogram, LayerAnalysis, Quality, Samples
from mcuq.importers.data import Data, Preprocessing, calibration_batches, load_samples
from mcuq.ir import Constant, Graph, Node
from mcuq.ops import call_of, card_of
from mcuq.pipeline.evaluation import real_inputs, robustness, size_of, stored_inputs, with_logits
from mcuq.pipeline.quantization import held_out, quantization_report, quantize, split_of
from mcuq.quantize import Recipe, load_recipe
from mcuq.quantize.calibrate import Calibrated, calibrate
from mcuq.quantize.figures import LayerFigures
from mcuq.quantize.layers import roles_of
from mcuq.quantize.plan import plan
from mcuq.quantize.quantizer import convert_calibrated, observers_for, prepare
from mcuq.quantize.variants import Variant, fixes, nodes_to_analyse, only, quick, settled, without
from mcuq.report.scores import agreement_of, finite_db, real_values, scores_of

Array = npt.NDArray[Any]
Progress = Callable[[str, int, int], None]

NOTHING = Preprocessing()
SAMPLES = 64  # on which variants are compared
HELD = 64  # that refinement of a variant sees
WORST = 3  # layers for which fixes are tried
BINS = 64


@dataclass(frozen=True, slots=True)
class _Bench:
    """The float graph, what calibrates variants, and the samples and float answers that they are measured by."""

    graph: Graph
    batches: tuple[tuple[Array, ...], ...]
    samples: Samples
    outputs: Array
    logits: Array
    values: dict[str, Array]


def analyze(
    graph: Graph,
    data: Data,
    recipe: str | Path | Recipe = "int8",
    *,
    evaluation: Data | None = None,
    samples: int = 200,
    first: bool = False,
    seed: int = 0,
    analysis_samples: int = SAMPLES,
    max_fixes: int = 8,
    perturb: bool = False,
    preprocessing: Preprocessing = NOTHING,
    progress: Progress | None = None,
) -> Analysis:
    """Quantize as `quantize` does, then measure every layer and every fix on `analysis_samples` evaluation samples.

    Raises what `quantize` raises.
    """
    chosen = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    stored = load_samples(data, graph, None, preprocessing)
    split = split_of(stored.count, samples, seed=seed, first=first)
    calibration = stored.take(split.calibration)
    measured = evaluation if evaluation is not None else held_out(data, split, preprocessing)
    quantized = quantize(graph, calibration, chosen, samples=calibration.count, seed=seed, progress=progress)
    comparison, warnings = quantization_report(quantized, graph, measured, preprocessing=preprocessing)
    evaluated = load_samples(measured, graph, None, preprocessing)
    bench = _bench(graph, chosen, calibration, evaluated, analysis_samples)
    chosen = settled(chosen, bench.graph, quantized.report.layers)
    baseline = _quality(bench, quantized.graph)
    rough = quick(chosen)
    unrefined = _quality(bench, _variant(bench, rough, _calibrated(bench, rough)))
    layers = _layers(bench, rough, quantized.report.layers, progress)
    tried = _fixes(bench, chosen, layers, max_fixes, progress)
    points = robustness(quantized.graph, measured, graph, preprocessing=preprocessing) if perturb else ()
    return Analysis(
        model=graph.name,
        recipe=chosen.name,
        samples=bench.samples.count,
        comparison=comparison,
        baseline=baseline,
        unrefined=unrefined,
        layers=layers,
        fixes=tried,
        robustness=points,
        warnings=warnings,
    )


def _bench(graph: Graph, recipe: Recipe, calibration: Samples, evaluation: Samples, count: int) -> _Bench:
    """The graph as the quantizer prepares it, which computes the same, and what variants are measured by."""
    batches = tuple(calibration_batches(calibration, graph))
    graph = prepare(graph, batches, recipe)[0]
    # Spread over all samples, because files are often sorted by class.
    places = np.unique(np.linspace(0, evaluation.count - 1, min(count, evaluation.count)).astype(int))
    samples = evaluation.take(places)
    watched = with_logits(graph)
    values = interpreter.run_all(watched, samples.inputs)
    return _Bench(graph, batches, samples, values[graph.outputs[0]], values[watched.outputs[-1]], values)


def _quality(bench: _Bench, graph: Graph) -> Quality:
    """How near a quantized graph is to the float one on the bench's samples, by the interpreter."""
    watched = with_logits(graph)
    inputs = stored_inputs(graph, real_inputs(bench.graph, bench.samples), bench.samples).inputs
    stored = interpreter.run(watched, inputs)
    reals = [real_values(array, watched.tensor(name)) for array, name in zip(stored, watched.outputs, strict=True)]
    real_input = bench.samples.inputs[0]
    scores = scores_of(bench.graph, real_input, reals[0], bench.samples.labels)
    return Quality(
        sqnr_db=finite_db(sqnr_db(bench.logits.ravel(), reals[-1].ravel())),
        agreement=agreement_of(bench.graph, real_input, reals[0], bench.outputs),
        accuracy=scores.accuracy,
        auc=scores.auc,
    )


def _calibrated(bench: _Bench, recipe: Recipe) -> Calibrated:
    observers = observers_for(bench.graph, plan(bench.graph, recipe), recipe)
    return calibrate(bench.graph, bench.batches, observers, hold=HELD)


def _variant(bench: _Bench, recipe: Recipe, calibrated: Calibrated) -> Graph:
    return convert_calibrated(bench.graph, plan(bench.graph, recipe), calibrated, recipe)[0]


def _layers(
    bench: _Bench, recipe: Recipe, figures: Sequence[LayerFigures], progress: Progress | None
) -> tuple[LayerAnalysis, ...]:
    graph = bench.graph
    calibrated, made = _calibrated(bench, recipe), plan(graph, recipe)
    judged = nodes_to_analyse(graph)
    found = []
    for node, line in zip(graph.nodes, figures, strict=True):
        alone = left_out = None
        if node in judged:
            alone = _quality(bench, _variant(bench, only(recipe, node, made.scheme_of(node)), calibrated))
            left_out = _quality(bench, _variant(bench, without(recipe, node), calibrated))
        found.append(_layer(bench, node, line, alone, left_out))
        if progress is not None:
            progress(f"measuring {line.layer}", len(found), len(figures))
    return tuple(found)


def _layer(
    bench: _Bench, node: Node, line: LayerFigures, alone: Quality | None, left_out: Quality | None
) -> LayerAnalysis:
    roles = roles_of(node)
    weights = bench.graph[node.inputs[roles.weights]] if roles is not None else None
    limits = _limits(line)
    return LayerAnalysis(
        layer=line.layer,
        op=line.op,
        arithmetic=line.arithmetic,
        weight_bits=line.weight_bits,
        weight_bytes=line.weight_bytes,
        macs=card_of(node.op).macs(call_of(node, bench.graph)),
        sqnr_db=finite_db(line.sqnr_db),
        cosine=line.cosine,
        saturation=line.saturation,
        range_use=line.range_use,
        range_low=limits[0] if limits else None,
        range_high=limits[1] if limits else None,
        only=alone,
        without=left_out,
        outputs=_histogram(bench.values[node.outputs[0]]),
        weights=_histogram(weights.values) if isinstance(weights, Constant) else None,
    )


def _limits(line: LayerFigures) -> tuple[float, float] | None:
    """The least and the greatest real value that the layer's output can hold."""
    if line.scale is None or line.zero_point is None:
        return None
    bits = 16 if line.arithmetic == "int16x8" else 8
    least, greatest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return line.scale * (least - line.zero_point), line.scale * (greatest - line.zero_point)


def _histogram(values: Array) -> Histogram:
    counts, edges = np.histogram(values.astype(np.float64), bins=BINS)
    return Histogram(float(edges[0]), float(edges[-1]), tuple(int(count) for count in counts))


def _fixes(
    bench: _Bench, recipe: Recipe, layers: Sequence[LayerAnalysis], most: int, progress: Progress | None
) -> tuple[Fix, ...]:
    """Every fix tried and measured under the same conditions, best first."""
    if most < 1:
        return ()
    order = sorted(
        (index for index, layer in enumerate(layers) if layer.only is not None), key=lambda i: _sqnr(layers[i].only)
    )
    worst = [bench.graph.nodes[index] for index in order[:WORST]]
    calibrated = _calibrated(bench, recipe)
    as_it_is = _quality(bench, _variant(bench, recipe, calibrated))
    variants = list(fixes(recipe, plan(bench.graph, recipe), worst))[:most]
    found = []
    for index, variant in enumerate(variants):
        found.append(_tried(bench, variant, calibrated, as_it_is))
        if progress is not None:
            progress(f"trying {variant.what}", index + 1, len(variants))
    return tuple(sorted(found, key=lambda fix: -fix.gain_db))


def _sqnr(quality: Quality | None) -> float:
    return -np.inf if quality is None else quality.sqnr_db


def _tried(bench: _Bench, variant: Variant, calibrated: Calibrated, as_it_is: Quality) -> Fix:
    own = _calibrated(bench, variant.recipe) if variant.new_observers else calibrated
    graph = _variant(bench, variant.recipe, own)
    quality, size = _quality(bench, graph), size_of(graph)
    gain_db = quality.sqnr_db - as_it_is.sqnr_db
    return Fix(variant.what, variant.lines, quality, gain_db, size.weight_bytes, size.arena_bytes)
