"""Keras files (.keras, .h5) to a Graph: the configuration is judged first, then Keras builds the model."""

from __future__ import annotations

import io
import json
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcuq.errors import InvalidModel, McuqError, ToolMissing, UnsupportedModel
from mcuq.importers.check import unsupported
from mcuq.importers.keras import framework
from mcuq.importers.keras.configuration import MODELS, cleaned, refusals_of
from mcuq.importers.keras.load import load_keras
from mcuq.ir import Graph

MAX_MEMBER_BYTES = 512 << 20
MAX_CONFIG_BYTES = 16 << 20
MAX_OBJECTS = 100_000


@dataclass(frozen=True, slots=True)
class _Saved:
    """What a file holds: the model's configuration, and weights in a file with a suffix that Keras goes by."""

    configuration: dict[str, Any]
    weights: bytes
    suffix: str
    of_keras_2: bool


def _parsed(text: str | bytes) -> dict[str, Any]:
    if len(text) > MAX_CONFIG_BYTES:
        raise InvalidModel(f"its configuration has {len(text)} bytes")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidModel("its configuration is damaged: it is not JSON") from None
    if not isinstance(found, dict) or not isinstance(found.get("class_name"), str):
        raise InvalidModel("its configuration is damaged: it names no model")
    return found


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        size_bytes = archive.getinfo(name).file_size
        if size_bytes > MAX_MEMBER_BYTES:
            raise InvalidModel(f"{name} has {size_bytes} bytes; at most {MAX_MEMBER_BYTES} are read")
        return archive.read(name)
    except KeyError:
        raise InvalidModel(f"the archive has no {name}; save the model with model.save('name.keras')") from None
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise InvalidModel(f"the archive is damaged at {name}: {error}") from None
    except Exception as error:  # zlib's and lzma's own errors share no other base
        raise InvalidModel(f"the archive is damaged at {name}: {error}") from None


def _read_archive(data: bytes) -> _Saved:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InvalidModel(f"the archive is damaged: {error}") from None
    with archive:
        configuration = _parsed(_member(archive, "config.json"))
        weights = _member(archive, "model.weights.h5")
        described = _member(archive, "metadata.json") if "metadata.json" in archive.namelist() else b""
    with _hdf5_file(weights):
        return _Saved(configuration, weights, ".weights.h5", b'"keras_version": "2' in described)


@contextmanager
def _hdf5_file(data: bytes) -> Iterator[Any]:
    """The HDF5 file, open, after a look at what it refers to; whatever goes wrong inside it is InvalidModel."""
    h5py = framework.hdf5()
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            _check_group(file, h5py, [MAX_OBJECTS], set())
            yield file
    except McuqError:
        raise
    except Exception as error:  # a damaged HDF5 file surfaces as nearly any exception
        raise InvalidModel(f"the HDF5 file is damaged: {type(error).__name__}: {str(error)[:200]}") from None


def _check_group(group: Any, h5py: Any, objects_left: list[int], seen: set[Any]) -> None:
    """InvalidModel for links out of the file (they would read other files of this machine) and absurd sizes."""
    for name in group:
        objects_left[0] -= 1
        if objects_left[0] < 0:
            raise InvalidModel(f"the HDF5 file has more than {MAX_OBJECTS} objects")
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise InvalidModel(f"the HDF5 file links '{name[:60]}' to another place")
        item = group[name]
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise InvalidModel(f"the HDF5 file keeps '{name[:60]}' in another file")
            if item.nbytes > MAX_MEMBER_BYTES:
                raise InvalidModel(f"the HDF5 file has {item.nbytes} bytes in '{name[:60]}'")
        elif isinstance(item, h5py.Group) and item.id not in seen:
            seen.add(item.id)
            _check_group(item, h5py, objects_left, seen)


def _read_h5(data: bytes) -> _Saved:
    with _hdf5_file(data) as file:
        configuration = file.attrs.get("model_config")
        if configuration is None:
            raise UnsupportedModel("the .h5 file holds weights without a model; save all of it with model.save(...)")
        version = file.attrs.get("keras_version", "")
        version = version.decode("ascii", "replace") if isinstance(version, bytes) else str(version)
        return _Saved(_parsed(configuration), data, ".h5", not version.startswith("3"))


def _refuse_unsupported(configuration: dict[str, Any], name: str) -> None:
    kind = configuration["class_name"]
    if kind not in MODELS:
        raise UnsupportedModel(
            f"'{name}' is a model of the class {kind[:60]}, whose code is not in the file; "
            "run model.export('folder') in your program and pass that folder"
        )
    refusals = tuple(refusals_of(configuration.get("config")))
    if refusals:
        raise unsupported(name, refusals)


def _built_by(keras: Any, configuration: dict[str, Any]) -> Any:
    """The model without its weights."""
    if configuration.get("module") is not None:
        return keras.saving.deserialize_keras_object(configuration, safe_mode=True)
    model = keras.Sequential if configuration["class_name"] == "Sequential" else keras.Model
    return model.from_config(configuration["config"])


def _loaded_by(framework_of: Callable[[], Any], saved: _Saved) -> Any:
    """The model with its weights, by Keras 3 or by tf_keras."""
    keras = framework_of()
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # what Keras says about the style of a program that is not here
        model = _built_by(keras, cleaned(saved.configuration))
        path = Path(folder) / f"model{saved.suffix}"
        path.write_bytes(saved.weights)
        model.load_weights(str(path))
    return model


def _model_of(saved: _Saved) -> Any:
    """The model in memory: by Keras 3, or by tf_keras where only Keras 2 understands the file."""
    if str(saved.configuration.get("module")).startswith("tf_keras"):
        return _by_keras_2(saved, "tf_keras wrote it")
    try:
        return _loaded_by(framework.keras_3, saved)
    except McuqError:
        raise
    except Exception as error:  # Keras raises nearly anything for a file that it cannot read
        fact = f"Keras cannot read it: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    if not saved.of_keras_2:
        raise InvalidModel(fact)
    return _by_keras_2(saved, fact)


def _by_keras_2(saved: _Saved, fact: str) -> Any:
    """The model in memory by tf_keras; `fact` is why it has to."""
    try:
        return _loaded_by(framework.keras_2, saved)
    except ToolMissing as error:
        raise ToolMissing(f"{fact}; {error}") from None
    except McuqError:
        raise
    except Exception as error:  # as in Keras 3
        text = " ".join(str(error).split())[:300]
        raise InvalidModel(f"{fact}; tf_keras cannot read it: {type(error).__name__}: {text}") from None


def _load(saved: _Saved, name: str) -> Graph:
    _refuse_unsupported(saved.configuration, name)
    return load_keras(_model_of(saved), name)


def load_keras_archive(data: bytes, name: str) -> Graph:
    """The model in the bytes of a .keras file as a float graph called `name`.

    Raises InvalidModel for a damaged file, UnsupportedModel with every layer that mcuq does not read, ToolMissing
    without Keras.
    """
    return _load(_read_archive(bytes(data)), name)


def load_keras_h5(data: bytes, name: str) -> Graph:
    """The model in the bytes of an .h5 file (of Keras 3 or Keras 2) as a float graph; raises as load_keras_archive."""
    return _load(_read_h5(bytes(data)), name)
