"""Calibrate, plan, convert, refine: from a float graph and data to an integer graph and an honest report."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.errors import QuantizationFailed
from mcuq.ir import INT16, Constant, Graph, verify
from mcuq.quantize.calibrate import Calibrated, Progress, calibrate, first_samples
from mcuq.quantize.convert import Conversion
from mcuq.quantize.equalize import equalize
from mcuq.quantize.figures import LayerFigures
from mcuq.quantize.layerwise import convert_layerwise
from mcuq.quantize.layers import layer_name
from mcuq.quantize.observers import OBSERVERS, Observer
from mcuq.quantize.plan import Plan, check_is_float, format_of, has_fixed_scale, plan
from mcuq.quantize.ranges import Range
from mcuq.quantize.recipe import Recipe, Scheme
from mcuq.quantize.suspicion import data_warnings, range_warnings

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Report:
    """What quantization did: a line a layer, what looked wrong, how long it took, how many samples it saw."""

    recipe: str
    samples: int
    seed: int
    layers: tuple[LayerFigures, ...]
    warnings: tuple[str, ...]
    calibration_s: float
    refinement_s: float
    weight_bytes: int


@dataclass(frozen=True, slots=True)
class Quantized:
    """The quantized graph and its report."""

    graph: Graph
    report: Report


def observers_for(graph: Graph, made: Plan, recipe: Recipe) -> dict[str, Observer]:
    """One observer for every value that is written as an integer and whose scale is free."""
    fixed = {name for node in graph.nodes if has_fixed_scale(node) for name in node.outputs}
    return {
        name: OBSERVERS[scheme.observer](recipe.calibration)
        for name, scheme in made.schemes.items()
        if name not in fixed
    }


def check_weights(graph: Graph) -> None:
    """Raises QuantizationFailed naming the layer whose constants are NaN or infinite."""
    for node in graph.nodes:
        for value in graph.operands(node):
            if isinstance(value, Constant) and not value.dtype.is_integer and not np.isfinite(value.values).all():
                raise QuantizationFailed(
                    f"layer '{layer_name(node)}': constant '{value.name}' holds NaN or infinite values; "
                    "the training diverged or the file is damaged"
                )


def convert_calibrated(
    graph: Graph, made: Plan, calibrated: Calibrated, recipe: Recipe, progress: Progress | None = None
) -> tuple[Graph, tuple[LayerFigures, ...], tuple[str, ...]]:
    """The converted graph, a line a layer and warnings, from one finished calibration pass."""
    known: dict[tuple[str, int, bool], Range] = {}

    def range_of(name: str, scheme: Scheme) -> Range:
        form = format_of(scheme)
        if form is None or name not in calibrated.observers:
            return Range(0.0, 0.0)
        symmetric = form.symmetric or form.power_of_two or form.dtype == INT16
        key = (name, form.dtype.bits, symmetric)
        if key not in known:
            known[key] = calibrated.observers[name].range((1 << form.dtype.bits) - 1, symmetric)
        return known[key]

    conversion = Conversion(graph, made, recipe, range_of)
    result, figures = convert_layerwise(conversion, calibrated.held, progress)
    verify(result)
    return result, figures, tuple(conversion.warnings)


def weight_bytes_of(graph: Graph, figures: Sequence[LayerFigures]) -> int:
    """Bytes of all weights, packed, biases left out."""
    return sum(line.weight_bytes for line in figures)


def quantize(
    graph: Graph,
    calibration: Iterable[Sequence[Array]],
    recipe: Recipe,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Quantized:
    """A float graph as the recipe wants it, calibrated on batches of one array an input, each [samples, *shape].

    The graph should be prepared (activations fused, batch norm folded). Raises QuantizationFailed naming the layer,
    InvalidData for batches that do not fit.
    """
    check_is_float(graph)
    check_weights(graph)
    start = time.perf_counter()
    made = plan(graph, recipe)
    if recipe.refine.equalize > 0 and any(scheme.is_integer for scheme in made.schemes.values()):
        first, calibration = first_samples(graph, calibration, recipe.refine.samples)
        graph = equalize(graph, first, recipe.refine.equalize)
    calibrated = calibrate(
        graph, calibration, observers_for(graph, made, recipe), hold=recipe.refine.samples, seed=seed, progress=progress
    )
    middle = time.perf_counter()
    result, figures, converted = convert_calibrated(graph, made, calibrated, recipe, progress)
    warnings = (*data_warnings(graph, calibrated), *range_warnings(figures), *converted)
    seconds = middle - start, time.perf_counter() - middle
    return Quantized(
        result,
        Report(recipe.name, calibrated.samples, seed, figures, warnings, *seconds, weight_bytes_of(result, figures)),
    )
