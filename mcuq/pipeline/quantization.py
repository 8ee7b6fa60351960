"""A float model becomes fixed-point: calibrated, converted, saved where it can be read, and measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq import interpreter
from mcuq.artifacts import Comparison, Samples
from mcuq.errors import UnsupportedModel
from mcuq.exporters import export_tflite, save_graph
from mcuq.importers.data import Data, Preprocessing, calibration_batches, load_samples
from mcuq.importers.data.load import is_stream
from mcuq.ir import Graph, Tensor
from mcuq.pipeline.choosing import prepared
from mcuq.pipeline.evaluation import compare, real_inputs
from mcuq.quantize import Quantized, Recipe, load_recipe
from mcuq.quantize import quantize as quantize_graph
from mcuq.report.ranges import range_warnings

Array = npt.NDArray[Any]
Progress = Callable[[str, int, int], None]

NOTHING = Preprocessing()
CALIBRATION_SAMPLES = 200
RANGE_SAMPLES = 64


@dataclass(frozen=True, slots=True)
class Split:
    """Which samples of the data calibrate, and which are left to measure on; both numbers of samples, ascending."""

    calibration: Array
    rest: Array

    @property
    def is_held_out(self) -> bool:
        """Whether there are samples that did not calibrate."""
        return len(self.rest) > 0


def split_of(samples: int, count: int = CALIBRATION_SAMPLES, *, seed: int = 0, first: bool = False) -> Split:
    """`count` samples for calibration, drawn with `seed` because files are often sorted by class, or the first."""
    order = np.arange(samples) if first else np.random.default_rng(seed).permutation(samples)
    return Split(np.sort(order[:count]), np.sort(order[count:]))


def is_float(graph: Graph) -> bool:
    """Whether nothing in the graph is computed in integers yet, so that it can be quantized."""
    values = (value for value in graph.values.values() if isinstance(value, Tensor))
    return all(value.dtype.kind == "float" for value in values)


def quantize(
    graph: Graph,
    data: Data,
    recipe: str | Path | Recipe = "int8",
    *,
    samples: int = CALIBRATION_SAMPLES,
    first: bool = False,
    seed: int = 0,
    preprocessing: Preprocessing = NOTHING,
    progress: Progress | None = None,
) -> Quantized:
    """A float graph as the recipe (a name, a .toml file, a Recipe) wants it, calibrated on `samples` of the data.

    A generator or any other iterable of batches is used to its end, in constant memory. Raises QuantizationFailed
    naming the layer, InvalidData.
    """
    chosen = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    if is_stream(data):
        batches: Iterable[tuple[Array, ...]] = calibration_batches(data, graph, preprocessing)
    else:
        stored = load_samples(data, graph, None, preprocessing)
        taken = stored.take(split_of(stored.count, samples, seed=seed, first=first).calibration)
        batches = calibration_batches(taken, graph)
    quantized = quantize_graph(graph, batches, chosen, seed=seed, progress=progress)
    return replace(quantized, graph=prepared(quantized.graph, chosen.remove_dead_channels))


def held_out(data: Data, split: Split, preprocessing: Preprocessing = NOTHING) -> Callable[[Graph], Samples]:
    """The samples that did not calibrate (all of them where every one did), for whichever graph asks."""

    def load(graph: Graph) -> Samples:
        samples = load_samples(data, graph, None, preprocessing)
        return samples.take(split.rest) if split.is_held_out else samples

    return load


def quantization_report(
    quantized: Quantized,
    graph: Graph,
    data: Data,
    *,
    limit: int | None = None,
    preprocessing: Preprocessing = NOTHING,
    use_interpreter: bool = False,
    compiler: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Comparison, tuple[str, ...]]:
    """The quantized graph beside its float graph on `data`, and sentences about what looks wrong."""
    comparison = compare(
        quantized.graph,
        graph,
        data,
        limit=limit,
        preprocessing=preprocessing,
        use_interpreter=use_interpreter,
        compiler=compiler,
        progress=progress,
    )
    stored = load_samples(data, quantized.graph, limit, preprocessing)
    some = slice(None, None, max(1, stored.count // RANGE_SAMPLES))  # spread: data may be sorted by class
    stored = stored.take(some)
    reals = real_inputs(graph, load_samples(data, graph, limit, preprocessing).take(some))
    found = range_warnings(quantized.graph, interpreter.run_all(quantized.graph, stored.inputs), reals)
    warnings = (*quantized.report.warnings, *found)
    return comparison, tuple(dict.fromkeys(warnings))


def save(graph: Graph, path: Path | None, stem: Path) -> Path:
    """Write the graph: to `path`, or beside `stem` as .tflite where TFLite can say it and as .mcuq where it cannot.

    Raises UnsupportedModel when `path` ends in .tflite and TFLite cannot say it.
    """
    if path is not None:
        _write(path, export_tflite(graph) if path.suffix == ".tflite" else save_graph(graph))
        return path
    try:
        written, content = stem.with_name(f"{stem.name}.tflite"), export_tflite(graph)
    except UnsupportedModel:
        written, content = stem.with_name(f"{stem.name}.mcuq"), save_graph(graph)
    _write(written, content)
    return written


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = path.with_name(f".{path.name}.part")
    waiting.write_bytes(content)
    waiting.replace(path)
