"""A model file to Graph, whatever its format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mcuq.errors import InvalidModel
from mcuq.importers.container import is_container, load_container
from mcuq.importers.keras import is_saved_model, load_keras_archive, load_keras_h5, load_saved_model
from mcuq.importers.tflite import load_tflite
from mcuq.ir import Graph

MAX_FILE_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Format:
    """A file format: how its bytes are recognised, which suffixes files have, how a graph is read."""

    name: str
    suffixes: tuple[str, ...]
    recognises: Callable[[bytes], bool]
    load: Callable[[bytes, str], Graph]


FORMATS: tuple[Format, ...] = (
    Format("TFLite", (".tflite", ".lite"), lambda data: data[4:8] == b"TFL3", load_tflite),
    Format("mcuq", (".mcuq",), is_container, lambda data, name: load_container(data)),
    Format("Keras HDF5", (".h5", ".hdf5"), lambda data: data[:8] == b"\x89HDF\r\n\x1a\n", load_keras_h5),
    Format("Keras", (".keras",), lambda data: data[:4] == b"PK\x03\x04" and b"config.json" in data, load_keras_archive),
)


def _read(path: Path) -> bytes:
    """The file's bytes; an error for what cannot be a model file."""
    if not path.exists():
        raise InvalidModel(f"there is no file '{path}'")
    if path.is_dir():
        raise InvalidModel(f"'{path}' is a directory without a SavedModel; name the model file in it")
    if not path.is_file():
        raise InvalidModel(f"'{path}' is not a regular file")
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise InvalidModel(f"'{path}' is empty")
    if size_bytes > MAX_FILE_BYTES:
        raise InvalidModel(f"'{path}' has {size_bytes} bytes; models of at most {MAX_FILE_BYTES} are read")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidModel(f"'{path}' cannot be read: {error.strerror}") from None


def _format_of(path: Path, data: bytes) -> Format:
    """By content; where that says nothing, by suffix, so that a damaged file is called damaged and not unknown."""
    for known in FORMATS:
        if known.recognises(data):
            return known
    for known in FORMATS:
        if path.suffix.lower() in known.suffixes:
            return known
    suffixes = ", ".join(suffix for known in FORMATS for suffix in known.suffixes)
    raise InvalidModel(f"'{path}' is not a model that mcuq can read ({suffixes})")


def load_model(path: Path) -> Graph:
    """The model in the file (or SavedModel folder) as a graph, called after the file (a .mcuq file keeps its own name).

    Raises InvalidModel when there is no sound model in it, UnsupportedModel when mcuq cannot read such models.
    """
    if is_saved_model(path):
        return load_saved_model(path, path.resolve().name)
    data = _read(path)
    chosen = _format_of(path, data)
    try:
        return chosen.load(data, path.stem)
    except InvalidModel as error:
        raise InvalidModel(f"'{path}': {error}") from None
