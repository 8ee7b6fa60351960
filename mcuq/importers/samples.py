"""Named arrays of inputs and labels, of an .npz or in memory, to Samples in the model's own types and shapes."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mcuq.artifacts.samples import Samples
from mcuq.errors import InvalidData
from mcuq.ir import Graph, Quantization, Tensor
from mcuq.ops.quantize import quantize_array

Array = npt.NDArray[Any]
ToReal = Callable[[Array, str], Array]

INPUT_KEYS = ("x", "inputs", "images")
LABEL_KEYS = ("y", "labels")


class Arrays(Protocol):
    """Where named arrays come from."""

    @property
    def name(self) -> str:
        """How messages name the whole."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the arrays."""

    @property
    def real(self) -> ToReal | None:
        """What makes real numbers of inputs, given the array and how messages name it; None where they stay."""

    def array(self, key: str) -> Array:
        """The array under `key`."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Arrays that are there already."""

    name: str
    arrays: Mapping[str, Array]
    real: ToReal | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the arrays."""
        return tuple(self.arrays)

    def array(self, key: str) -> Array:
        """The array under `key`."""
        return self.arrays[key]


@dataclass(frozen=True, slots=True)
class Archive:
    """The arrays of an .npz file, each read when it is asked for."""

    name: str
    members: Any
    real: ToReal | None

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the arrays."""
        return tuple(self.members.files)

    def array(self, key: str) -> Array:
        """The array under `key`."""
        try:
            array = self.members[key]
        except Exception as error:  # a damaged archive; pickled objects are refused by numpy with a ValueError
            reason = "it holds Python objects" if "pickle" in str(error) else f"it is damaged: {error}"
            raise InvalidData(f"{_place(self, key)} cannot be read: {reason}; save plain numeric arrays") from error
        if not isinstance(array, np.ndarray):
            raise InvalidData(f"{_place(self, key)} is not an array; write the file with numpy.savez")
        return array


def open_archive(path: Path, real: ToReal | None = None) -> Archive:
    """The .npz file at `path`; raises InvalidData when it is none."""
    if not path.is_file():
        raise InvalidData(f"there is no file '{path}'; name an .npz with inputs `x` and, if there are, labels `y`")
    if not zipfile.is_zipfile(path):
        raise InvalidData(f"'{path}' is not an .npz file; write one with numpy.savez(path, x=inputs, y=labels)")
    try:
        return Archive(f"'{path}'", np.load(path, allow_pickle=False), real)
    except Exception as error:  # a damaged archive makes zipfile and numpy raise nearly anything
        raise InvalidData(f"'{path}' is damaged and cannot be read: {error}") from error


def load_samples(path: str | Path, graph: Graph, limit: int | None = None) -> Samples:
    """`samples_of` the .npz file at `path`."""
    return samples_of(open_archive(Path(path)), graph, limit)


def samples_of(archive: Arrays, graph: Graph, limit: int | None = None) -> Samples:
    """The first `limit` samples (all without a limit), ready to be fed to `graph`.

    Inputs stand under `x`, `inputs`, `images` or the input's own name, with several inputs under `x0`, `x1`, ... or
    their names; labels under `y` or `labels`. Arrays come back as [samples, *shape of the input]. Raises InvalidData.
    """
    keys = tuple(_input_key(archive, graph, index) for index in range(len(graph.inputs)))
    stored = tuple(_sampled(archive.array(key), _place(archive, key)) for key in keys)
    counts = {key: len(array) for key, array in zip(keys, stored, strict=True)}
    if len(set(counts.values())) > 1:
        raise InvalidData(f"{archive.name}: the inputs have different numbers of samples: {counts}")
    inputs = tuple(
        _converted(_Input(archive, key, index, graph.tensor(name)), array[:limit])
        for index, (key, name, array) in enumerate(zip(keys, graph.inputs, stored, strict=True))
    )
    labels = _labels(archive, graph, len(stored[0]))
    return Samples(inputs, None if labels is None else labels[:limit], archive.name.strip("'"))


def _place(archive: Arrays, key: str) -> str:
    """How messages name the array under `key`."""
    return f"{archive.name}, array '{key}'"


def _one_of(archive: Arrays, names: Iterable[str], what: str) -> str | None:
    """The only one of `names` that there is, None when there is none; InvalidData when there are several."""
    found = [name for name in dict.fromkeys(names) if name in archive.keys]
    if len(found) > 1:
        listed = ", ".join(f"'{name}'" for name in found)
        raise InvalidData(f"{archive.name} has {what} under several names ({listed}); keep one of them")
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class _Input:
    """One input of the model and the key that feeds it."""

    archive: Arrays
    key: str
    index: int
    tensor: Tensor

    @property
    def place(self) -> str:
        """How messages name the array."""
        return _place(self.archive, self.key)


def _input_key(archive: Arrays, graph: Graph, index: int) -> str:
    names: tuple[str, ...] = (f"x{index}", graph.inputs[index])
    if len(graph.inputs) == 1:
        names = (*INPUT_KEYS, *names)
    key = _one_of(archive, names, f"input {index}")
    if key is None:
        listed = ", ".join(f"'{name}'" for name in dict.fromkeys(names))
        has = ", ".join(f"'{name}'" for name in archive.keys) or "nothing"
        raise InvalidData(f"{archive.name} lacks input {index} of the model: it has {has}; name the array {listed}")
    return key


def _sampled(array: Array, place: str) -> Array:
    """The same array; InvalidData when it holds no samples."""
    if array.ndim == 0:
        raise InvalidData(f"{place} is a single number; the first dimension must count the samples")
    if len(array) == 0:
        raise InvalidData(f"{place} is empty; at least one sample is needed")
    return array


def _converted(source: _Input, array: Array) -> Array:
    """[samples, *shape] in the model's own type."""
    shaped = _shaped(array, source.tensor, source.place)
    given = _given_quantization(source)
    if given is None and source.archive.real is not None and shaped.dtype.kind in "fiu":
        return _from_real(source.archive.real(shaped, source.place), source)
    if shaped.dtype.kind == "f":
        if given is not None:
            raise InvalidData(f"{source.place} is floating point; x_scale and x_zero_point go with integers, drop them")
        _finite(array, source.place)
        return _from_real(shaped, source)
    if shaped.dtype.kind not in "iu":
        raise InvalidData(f"{source.place} has the type {array.dtype}; integers or floating point are needed")
    if given is not None:
        real = (shaped.astype(np.float64) - given.zero_point) * given.scale
        return _from_real(real, source)
    if shaped.dtype.newbyteorder("=") == np.dtype(source.tensor.dtype.numpy):
        return np.ascontiguousarray(shaped, dtype=source.tensor.dtype.numpy)
    raise InvalidData(_wrong_type(source, array.dtype))


def _wrong_type(source: _Input, dtype: np.dtype[Any]) -> str:
    wanted = source.tensor.dtype.name
    return (
        f"{source.place} holds {dtype} and the model's input is {wanted}; add x_scale and x_zero_point "
        f"(real = x_scale * (x - x_zero_point)), or give real numbers as float32"
        + ("" if wanted == "float32" else f" or the model's own {wanted}")
    )


def _from_real(real: Array, source: _Input) -> Array:
    tensor = source.tensor
    if tensor.dtype.kind == "float":
        with np.errstate(over="ignore"):
            return _finite(np.ascontiguousarray(real, dtype=tensor.dtype.numpy), source.place)
    if tensor.quantization is None or not tensor.quantization.is_per_tensor:
        raise InvalidData(f"{source.place} is real, but the model's input has no scale; give it as {tensor.dtype.name}")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(quantize_array(real, tensor.quantization, tensor.dtype))


def _shaped(array: Array, tensor: Tensor, place: str) -> Array:
    """The array as [samples, *shape]; axes of length 1 may come and go, and a sample may be flat."""
    rest = array.shape[1:]
    wanted = tuple(size for size in tensor.shape if size != 1)
    if rest != (tensor.elements,) and tuple(size for size in rest if size != 1) != wanted:
        shape = ", ".join(str(size) for size in tensor.shape)
        order = "; the order of the axes is not this one" if sorted(rest) == sorted(wanted) else ""
        raise InvalidData(
            f"{place} has the shape {list(array.shape)}, but a sample of the model is [{shape}]{order}; "
            f"give [samples, {shape}] or, flat, [samples, {tensor.elements}]"
        )
    return array.reshape(len(array), *tensor.shape)


def _finite(array: Array, place: str) -> Array:
    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        element = [int(i) for i in wrong[0]]
        raise InvalidData(
            f"{place} has {len(wrong)} elements that are NaN or too large, the first at {element}; correct or drop them"
        )
    return array


def _given_quantization(source: _Input) -> Quantization | None:
    """What the file says integers mean: `x_scale` or `<key>_scale`, and the zero point, which is 0 when left out."""
    scale_key, zero_key = (_parameter_key(source, name) for name in ("scale", "zero_point"))
    if scale_key is None:
        if zero_key is not None:
            raise InvalidData(f"{_place(source.archive, zero_key)} stands there without a scale; add x_scale")
        return None
    scale = _number(source.archive, scale_key, "fiu")
    if not scale > 0:
        raise InvalidData(f"{_place(source.archive, scale_key)} is {scale}; a scale must be greater than 0")
    zero_point = 0 if zero_key is None else int(_number(source.archive, zero_key, "iu"))
    return Quantization((scale,), (zero_point,))


def _parameter_key(source: _Input, name: str) -> str | None:
    keys = [f"{source.key}_{name}", f"x{source.index}_{name}", *([f"x_{name}"] if source.index == 0 else [])]
    return _one_of(source.archive, keys, f"the {name} of input {source.index}")


def _number(archive: Arrays, key: str, kinds: str) -> float:
    array = archive.array(key)
    if array.size == 1 and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InvalidData(f"{_place(archive, key)} is {array.reshape(())}; it must be a finite number")
    if array.size != 1 or array.dtype.kind not in kinds:
        what = "an integer" if kinds == "iu" else "a number"
        raise InvalidData(f"{_place(archive, key)} is {array.dtype}{list(array.shape)}; it must be {what}")
    return float(array.reshape(()))


def _labels(archive: Arrays, graph: Graph, samples: int) -> Array | None:
    """Class numbers int64 [samples], None when the file has none."""
    key = _one_of(archive, (name for name in LABEL_KEYS if name not in graph.inputs), "labels")
    if key is None:
        return None
    place, array = _place(archive, key), archive.array(key)
    if array.dtype.kind not in "iu":
        raise InvalidData(f"{place} has the type {array.dtype}; labels must be integers, the numbers of the classes")
    array = _sampled(array, place)
    if array.size != len(array):
        raise InvalidData(f"{place} has the shape {list(array.shape)}; one class number a sample is needed (argmax?)")
    if len(array) != samples:
        raise InvalidData(f"{place} has {len(array)} labels for {samples} samples; there must be one a sample")
    labels = array.reshape(-1).astype(np.int64)
    classes = max(graph.tensor(graph.outputs[0]).elements, 2)  # one output alone tells two classes apart
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        raise InvalidData(
            f"{place} has the label {labels[wrong[0]]} at sample {wrong[0]}; the model tells {classes} classes apart, "
            f"so 0 to {classes - 1} are possible"
        )
    return labels
