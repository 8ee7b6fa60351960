"""Running the float graph over calibration data: one pass, any amount, constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq import interpreter
from mcuq.errors import InvalidData, QuantizationFailed
from mcuq.ir import Graph
from mcuq.quantize.layers import layer_name
from mcuq.quantize.observers import Observer

Array = npt.NDArray[Any]
Progress = Callable[[str, int, int], None]

BATCH = 32


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What one pass over the data leaves: an observer a value, held samples in the graph's input order.

    `samples` is how many passed, `answers` the arg-max of the first output for each.
    """

    observers: Mapping[str, Observer]
    held: tuple[Array, ...]
    samples: int
    input_facts: tuple[InputFacts, ...]
    answers: Array


@dataclass(frozen=True, slots=True)
class InputFacts:
    """What one graph input looked like: its extremes, and the greatest spread of one element over the samples."""

    name: str
    low: float
    high: float
    spread: float


@dataclass(slots=True)
class Reservoir:
    """A uniform sample of `size` samples from a stream of unknown length (Vitter's algorithm R)."""

    size: int
    generator: np.random.Generator
    seen: int = 0
    kept: list[tuple[Array, ...]] = field(default_factory=list)

    def offer(self, batch: Sequence[Array]) -> None:
        """Maybe keep some of these samples."""
        for sample in range(len(batch[0])):
            place = self.seen if self.seen < self.size else int(self.generator.integers(self.seen + 1))
            self.seen += 1
            if place < self.size:
                row = tuple(np.array(array[sample]) for array in batch)
                if place < len(self.kept):
                    self.kept[place] = row
                else:
                    self.kept.append(row)

    def arrays(self) -> tuple[Array, ...]:
        """What is kept, each [samples, *shape]."""
        return tuple(np.stack(parts) for parts in zip(*self.kept, strict=True))


def checked_batch(graph: Graph, batch: Sequence[Array]) -> tuple[Array, ...]:
    """The batch as float32 arrays [samples, *shape]; raises InvalidData naming the input when it does not fit."""
    if isinstance(batch, np.ndarray):
        batch = (batch,)
    if len(batch) != len(graph.inputs):
        raise InvalidData(f"a calibration batch holds {len(batch)} arrays, the model has {len(graph.inputs)} inputs")
    return tuple(_checked(graph, name, np.asarray(array)) for name, array in zip(graph.inputs, batch, strict=True))


def _checked(graph: Graph, name: str, array: Array) -> Array:
    shape = graph.tensor(name).shape
    for candidate in (shape, shape[1:]):
        if array.ndim == len(candidate) + 1 and array.shape[1:] == candidate:
            values = array.reshape((len(array), *shape)).astype(np.float32)
            if not np.isfinite(values).all():
                raise InvalidData(f"calibration data of input '{name}' hold NaN or infinite values; clean them first")
            return values
    hint = ""
    if len(shape) == 4 and array.ndim in (4, 5) and array.shape[-3:] == (shape[3], *shape[1:3]):
        hint = "; they look channels first, mcuq and TFLite want channels last: transpose to [samples, H, W, C]"
    wanted = ", ".join(map(str, shape[1:]))
    raise InvalidData(
        f"calibration data of input '{name}' have shape {array.shape}, wanted is [samples, {wanted}]" + hint
    )


def first_samples(
    graph: Graph, batches: Iterable[Sequence[Array]], count: int
) -> tuple[tuple[Array, ...], Iterable[Sequence[Array]]]:
    """The first `count` samples, and the whole stream again; raises InvalidData when there are none."""
    stream, taken, have = iter(batches), [], 0
    for batch in stream:
        taken.append(checked_batch(graph, batch))
        have += len(taken[-1][0])
        if have >= count:
            break
    if not have:
        raise InvalidData("there are no calibration samples; 200 to 500 are enough")
    held = tuple(np.concatenate(parts)[:count] for parts in zip(*taken, strict=True))
    return held, chain(taken, stream)


def _observe(graph: Graph, inputs: Sequence[Array], observers: Mapping[str, Observer]) -> Array:
    """Show every value of one chunk to its observer; the arg-max of the first output comes back."""
    for name, array in zip(graph.inputs, inputs, strict=True):
        if name in observers:
            observers[name].update(array)
    answers: Array = np.zeros(0, np.int64)
    for node, results in interpreter.evaluate(graph, inputs):
        for name, result in zip(node.outputs, results, strict=True):
            if not np.isfinite(result).all():
                raise QuantizationFailed(
                    f"layer '{layer_name(node)}': its output is NaN or infinite on calibration data; "
                    "look for overflowing weights or inputs that are scaled otherwise than in training"
                )
            if name in observers:
                observers[name].update(result)
            if name == graph.outputs[0]:
                answers = result.reshape(len(result), -1).argmax(axis=1)
    return answers


class _Extremes:
    """Extremes of one input and of each of its elements."""

    def __init__(self) -> None:
        self.low: Array | None = None
        self.high: Array | None = None

    def update(self, array: Array) -> None:
        low, high = array.min(axis=0), array.max(axis=0)
        self.low = low if self.low is None else np.minimum(self.low, low)
        self.high = high if self.high is None else np.maximum(self.high, high)

    def facts(self, name: str) -> InputFacts:
        if self.low is None or self.high is None:
            raise InvalidData("there are no calibration samples")
        return InputFacts(name, float(self.low.min()), float(self.high.max()), float((self.high - self.low).max()))


def calibrate(
    graph: Graph,
    batches: Iterable[Sequence[Array]],
    observers: Mapping[str, Observer],
    *,
    hold: int,
    seed: int = 0,
    progress: Progress | None = None,
) -> Calibrated:
    """One pass of the float graph over `batches` (an array an input, [samples, *shape]); `hold` samples are kept.

    Raises InvalidData for batches that do not fit and QuantizationFailed naming the layer that diverges.
    """
    reservoir = Reservoir(hold, np.random.default_rng(seed))
    extremes = {name: _Extremes() for name in graph.inputs}
    answers: list[Array] = []
    for given in batches:
        batch = checked_batch(graph, given)
        reservoir.offer(batch)
        for name, array in zip(graph.inputs, batch, strict=True):
            if len(array):
                extremes[name].update(array)
        for start in range(0, len(batch[0]), BATCH):
            answers.append(_observe(graph, [array[start : start + BATCH] for array in batch], observers))
            if progress is not None:
                progress("calibrating", reservoir.seen, 0)
    if not reservoir.seen:
        raise InvalidData("there are no calibration samples; 200 to 500 are enough")
    facts = tuple(extremes[name].facts(name) for name in graph.inputs)
    return Calibrated(observers, reservoir.arrays(), reservoir.seen, facts, np.concatenate(answers))
