"""Batches of any iterable (a generator, a tf.data pipeline, a list): inputs told apart from labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.errors import InvalidData
from mcuq.importers.data.preprocessing import Preprocessing
from mcuq.ir import Graph

Array = npt.NDArray[Any]


def read_batches(
    batches: Iterable[Any], graph: Graph, preprocessing: Preprocessing
) -> Iterator[tuple[tuple[Array, ...], Array | None]]:
    """Inputs [samples, *shape] and labels of each batch.

    A batch is an array (or tensor), a tuple of inputs, `(inputs, labels)`, or a mapping from the inputs' names.
    Raises InvalidData naming the batch.
    """
    for index, batch in enumerate(batches):
        place = f"calibration batch {index}"
        inputs, labels = _parts(batch, graph, place)
        if preprocessing.changes_values:
            inputs = tuple(preprocessing.apply(array, place) for array in inputs)
        yield inputs, labels


def collected(batches: Iterable[Any], graph: Graph, preprocessing: Preprocessing) -> dict[str, Array]:
    """All batches as the arrays x0, x1, ... and, where every batch has labels, y; raises InvalidData."""
    parts = tuple(read_batches(batches, graph, preprocessing))
    if not parts:
        raise InvalidData("the data are an iterable that gave no batch (a generator can be used only once)")
    arrays = {f"x{k}": np.concatenate([inputs[k] for inputs, _ in parts]) for k in range(len(graph.inputs))}
    labels = [part for _, part in parts if part is not None]
    if len(labels) == len(parts):
        arrays["y"] = np.concatenate(labels)
    return arrays


def _parts(batch: Any, graph: Graph, place: str) -> tuple[tuple[Array, ...], Array | None]:
    count = len(graph.inputs)
    labels = None
    if isinstance(batch, tuple | list) and (_is_nested(batch) or len(batch) == count + 1):
        inputs = batch[0] if _is_nested(batch) else batch[:-1]
        labels = None if len(batch) < 2 else np.asarray(batch[-1]).reshape(-1)
    else:
        inputs = batch
    if isinstance(inputs, Mapping):
        missing = [name for name in graph.inputs if name not in inputs]
        if missing:
            raise InvalidData(f"{place} lacks the input '{missing[0]}'; it has {', '.join(map(repr, inputs))}")
        inputs = tuple(inputs[name] for name in graph.inputs)
    elif not isinstance(inputs, tuple | list):
        inputs = (inputs,)
    arrays = tuple(np.asarray(array) for array in inputs)
    if len(arrays) != count or any(array.dtype.kind not in "fiu" for array in arrays):
        raise InvalidData(f"{place} holds {len(arrays)} inputs; the model has {count}, each an array of numbers")
    return arrays, labels


def _is_nested(batch: Any) -> bool:
    """Whether the first part is itself a tuple or a mapping of inputs."""
    return len(batch) in (1, 2) and isinstance(batch[0], tuple | list | Mapping)
