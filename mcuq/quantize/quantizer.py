"""Calibrate, plan, convert, refine: from a float graph and data to an integer graph and an honest report."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.errors import QuantizationFailed
from mcuq.ir import INT16, Constant, Graph, verify
from mcuq.quantize.calibrate import Calibrated, Progress, calibrate, first_samples
from mcuq.quantize.convert import Conversion
from mcuq.quantize.equalize import equalize, fit_powers_of_two
from mcuq.quantize.figures import LayerFigures
from mcuq.quantize.inputs import search_inputs
from mcuq.quantize.layers import layer_name
from mcuq.quantize.layerwise import convert_layerwise
from mcuq.quantize.mixed import with_mixed_widths
from mcuq.quantize.observers import OBSERVERS, Observer
from mcuq.quantize.plan import Plan, check_is_float, format_of, groups_of_scale, has_fixed_scale, plan
from mcuq.quantize.pooling import free_pool_scales
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
        symmetric = form.symmetric or form.dtype == INT16
        key = (name, form.dtype.bits, symmetric)
        if key not in known:
            known[key] = calibrated.observers[name].range((1 << form.dtype.bits) - 1, symmetric)
        return known[key]

    conversion = Conversion(graph, made, recipe, range_of, search_inputs(graph, made, calibrated.held, range_of))
    result, figures = convert_layerwise(conversion, calibrated.held, progress)
    verify(result)
    return result, figures, tuple(conversion.warnings)


def check_sound(graph: Graph) -> None:
    """Raises QuantizationFailed for what is no float model or holds NaN."""
    check_is_float(graph)
    check_weights(graph)


def prepare(
    graph: Graph, calibration: Iterable[Sequence[Array]], recipe: Recipe
) -> tuple[Graph, Iterable[Sequence[Array]]]:
    """The same float function in the form that suits integers, and the calibration data again; `quantize` starts so.

    Global pooling gets its own scale, channels are equalised, ranges fitted to powers of two, as the recipe says; a
    graph for float recipes stays as it is. Nodes keep their order and the names of their values.
    """
    made = plan(graph, recipe)
    if not any(scheme.is_integer for scheme in made.schemes.values()):
        return graph, calibration
    graph = free_pool_scales(graph, made)
    if recipe.refine.equalize == 0:
        return graph, calibration
    first, stream = first_samples(graph, calibration, recipe.refine.samples)
    graph = equalize(graph, first, recipe.refine.equalize)
    form = format_of(recipe.layers)
    if form is not None and form.power_of_two:
        make = OBSERVERS[recipe.layers.observer]
        graph = fit_powers_of_two(graph, first, lambda: make(recipe.calibration), form)
    return graph, stream


def quantize(
    graph: Graph,
    calibration: Iterable[Sequence[Array]],
    recipe: Recipe,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Quantized:
    """A float graph as the recipe wants it, calibrated on batches of one array an input, each [samples, *shape].

    The graph should be simplified (activations fused, batch norm folded). Raises QuantizationFailed naming the layer,
    InvalidData for batches that do not fit.
    """
    check_sound(graph)
    start = time.perf_counter()
    made = plan(graph, recipe)
    graph, stream = prepare(graph, calibration, recipe)
    made = replace(made, groups=groups_of_scale(graph))  # pooling may have got a scale of its own
    observers = observers_for(graph, made, recipe)
    calibrated = calibrate(graph, stream, observers, hold=recipe.refine.samples, seed=seed, progress=progress)
    middle = time.perf_counter()
    made = with_mixed_widths(graph, made, recipe, calibrated.held, progress)
    result, figures, converted = convert_calibrated(graph, made, calibrated, recipe, progress)
    warnings = (*data_warnings(graph, calibrated), *range_warnings(figures), *converted)
    return Quantized(
        result,
        Report(
            recipe=recipe.name,
            samples=calibrated.samples,
            seed=seed,
            layers=figures,
            warnings=warnings,
            calibration_s=middle - start,
            refinement_s=time.perf_counter() - middle,
            weight_bytes=sum(line.weight_bytes for line in figures),
        ),
    )
