"""Data of any kind as Samples in a model's own types, or as the batches that calibration wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import Samples
from mcuq.errors import InvalidData
from mcuq.importers.data import audio, images
from mcuq.importers.data.batches import collected, read_batches
from mcuq.importers.data.folder import has_files
from mcuq.importers.data.preprocessing import NOTHING, Preprocessing
from mcuq.importers.samples import Arrays, Memory, open_archive, samples_of
from mcuq.ir import Graph

Array = npt.NDArray[Any]

# A path (.npz, or a folder of images or .wav files), several paths, named arrays, one array, or batches.
# Or what gives the samples for a graph, in its types.
Data: TypeAlias = str | Path | Mapping[str, Any] | Array | Samples | Iterable[Any] | Callable[[Graph], Samples]

BATCH = 32


def load_samples(data: Data, graph: Graph, limit: int | None = None, preprocessing: Preprocessing = NOTHING) -> Samples:
    """The first `limit` samples of `data` (all without a limit), ready to be fed to `graph`; raises InvalidData.

    An .npz file (or a mapping) holds inputs under `x`, `inputs`, `images` or the input's own name, with several inputs
    under `x0`, `x1`, ... or their names; labels under `y` or `labels`. Several paths are taken one after the other.
    """
    if callable(data):
        data = data(graph)
    if isinstance(data, Samples):
        return data if limit is None else data.take(slice(0, limit))
    if isinstance(data, list | tuple) and data and all(isinstance(part, str | Path) for part in data):
        joined = Samples.joined(tuple(load_samples(part, graph, None, preprocessing) for part in data))
        return joined if limit is None else joined.take(slice(0, limit))
    return samples_of(_arrays(data, graph, preprocessing), graph, limit)


def calibration_batches(
    data: Data, graph: Graph, preprocessing: Preprocessing = NOTHING
) -> Iterator[tuple[Array, ...]]:
    """Batches of one array [samples, *shape] an input; generators stream by, the rest is cut into batches."""
    stream: Any = data
    if is_stream(data):
        for inputs, _ in read_batches(stream, graph, preprocessing):
            yield inputs
        return
    samples = load_samples(data, graph, None, preprocessing)
    for start in range(0, samples.count, BATCH):
        yield tuple(array[start : start + BATCH] for array in samples.inputs)


def is_stream(data: Any) -> bool:
    """Whether the data are batches that pass by once."""
    if isinstance(data, str | Path | Mapping | np.ndarray | Samples) or callable(data):
        return False
    return not (isinstance(data, list | tuple) and data and isinstance(data[0], str | Path))


def _arrays(data: Any, graph: Graph, preprocessing: Preprocessing) -> Arrays:
    if isinstance(data, str | Path):
        return _from_path(Path(data), graph, preprocessing)
    if isinstance(data, np.ndarray):
        data = {"x": data}
    if isinstance(data, Mapping):
        return Memory("the arrays", {str(key): np.asarray(value) for key, value in data.items()}, preprocessing.real)
    return Memory("the batches", collected(data, graph, preprocessing), None)


def _from_path(path: Path, graph: Graph, preprocessing: Preprocessing) -> Arrays:
    if not path.is_dir():
        return open_archive(path, preprocessing.real)
    kinds = (has_files(path, images.SUFFIXES), has_files(path, audio.SUFFIXES))
    if all(kinds) or not any(kinds):
        found = "both images and .wav files" if all(kinds) else "neither images nor .wav files"
        raise InvalidData(f"'{path}' holds {found}; name an .npz file, or a folder with files of one kind")
    arrays = images.load_images(path, graph, preprocessing) if kinds[0] else audio.load_audio(path, graph)
    return Memory(str(path), arrays, preprocessing.real or Preprocessing(scale=1.0).real)
