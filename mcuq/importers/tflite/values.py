"""Tensors of the file as values of the graph: names, shapes, types, quantization, constants."""

from __future__ import annotations

import math
from collections.abc import Collection

from mcuq.errors import InvalidModel
from mcuq.importers.tflite import schema
from mcuq.importers.tflite.model import MAX_NAME_BYTES, ModelFile
from mcuq.importers.tflite.reader import Table
from mcuq.importers.tflite.refused import Refused
from mcuq.importers.tflite.unsigned import signed
from mcuq.ir import FLOAT16, Constant, DType, Quantization, Tensor, Value
from mcuq.ir.stored import stored_elements

MAX_DIMENSIONS = 8
MAX_ELEMENTS = 1 << 26


def _shape(table: Table) -> tuple[int, ...]:
    """The tensor's sizes; a batch of -1 counts as 1."""
    shape = table.numbers("shape")
    if shape and shape[0] == -1:
        shape = (1, *shape[1:])
    if len(shape) > MAX_DIMENSIONS or any(size < 0 for size in shape) or math.prod(shape) > MAX_ELEMENTS:
        raise InvalidModel(f"{table.place} has the shape {list(shape)[: MAX_DIMENSIONS + 1]}")
    return shape


def _dtype(table: Table) -> DType:
    code = table.number("type")
    if code in schema.DTYPE_OF_TYPE:
        return schema.DTYPE_OF_TYPE[code]
    if code in schema.OTHER_TYPES:
        raise Refused(f"{table.place} has the type {schema.OTHER_TYPES[code]}")
    raise InvalidModel(f"{table.place} has the unknown type {code}")


def _quantization(table: Table, shape: tuple[int, ...], dtype: DType) -> Quantization | None:
    """Scales and zero points; None where the file has no scale or the elements are not integers."""
    parameters = table.table("quantization", schema.QUANTIZATION)
    if parameters is None or not dtype.is_integer:
        return None
    if parameters.number("details_type"):
        raise Refused(f"{table.place} is quantized in a scheme of its own")
    scales = parameters.reals("scale")
    if not scales:
        return None
    zero_points = parameters.numbers("zero_point") or (0,) * len(scales)
    if len(zero_points) != len(scales):
        raise InvalidModel(f"{table.place} has {len(scales)} scales and {len(zero_points)} zero points")
    if not all(math.isfinite(scale) and scale > 0 for scale in scales):
        raise InvalidModel(f"{table.place} has a scale that is not a positive number")
    if not all(dtype.minimum <= zero_point <= dtype.maximum for zero_point in zero_points):
        raise InvalidModel(f"{table.place} has a zero point outside of {dtype.name}")
    return Quantization(scales, zero_points, _axis(parameters, len(scales), shape, table.place))


def _axis(parameters: Table, channels: int, shape: tuple[int, ...], place: str) -> int | None:
    """The axis that scales run along; a vector has only one, whatever the file says (person_detect's biases say 3)."""
    if channels == 1:
        return None
    axis = 0 if len(shape) == 1 else parameters.number("quantized_dimension")
    if not 0 <= axis < len(shape) or shape[axis] != channels:
        raise InvalidModel(f"{place} has {channels} scales along dimension {axis} of {list(shape)}")
    return axis


class Values:
    """The file's tensors by index, each made once, under names that differ."""

    def __init__(self, file: ModelFile, computed: frozenset[int], *, is_unsigned: bool = False) -> None:
        """`computed` are the tensors that are inputs or that an operator writes; an old file's uint8 turns int8."""
        self._file = file
        self._is_unsigned = is_unsigned
        self._computed = computed
        self._made: dict[int, Value] = {}
        self._names: set[str] = set()

    def table(self, index: int, place: str) -> Table:
        """The tensor of that index; InvalidModel when there is none."""
        if not 0 <= index < len(self._file.tensors):
            raise InvalidModel(f"{place} names tensor {index}; there are {len(self._file.tensors)}")
        return self._file.tensors[index]

    def value(self, index: int, place: str) -> Value:
        """The tensor as a value; raises Refused when mcuq has no such values."""
        table = self.table(index, place)
        if index not in self._made:
            made = self._make(index, table)
            self._made[index] = signed(made) if self._is_unsigned else made
        return self._made[index]

    def is_unsigned(self, index: int) -> bool:
        """Whether the tensor is uint8 in an old file."""
        return self._is_unsigned and self._file.tensors[index].number("type") == schema.UINT8_TYPE

    def in_order(self, names: Collection[str]) -> dict[str, Value]:
        """The values of these names as they follow each other in the file."""
        made = (value for _, value in sorted(self._made.items(), key=lambda item: item[0]))
        return {value.name: value for value in made if value.name in names}

    def check_static(self, index: int, noun: str) -> None:
        """Refused when an end of the model has a size, other than the batch, that is known at run time only."""
        signature = self._file.tensors[index].numbers("shape_signature")
        dynamic = [axis for axis, size in enumerate(signature) if axis and size < 0]
        if dynamic and noun == "input":
            raise Refused(f"its size along dimension {dynamic[0]} is known at run time only")

    def name_of(self, index: int) -> str:
        """The tensor's own name in the file, for origins and messages."""
        return self._file.tensors[index].text("name", MAX_NAME_BYTES) or f"tensor {index}"

    def _unique_name(self, index: int) -> str:
        own = name = self.name_of(index)
        attempt = index
        while name in self._names:
            name = f"{own}#{attempt}"
            attempt += len(self._file.tensors)
        self._names.add(name)
        return name

    def _make(self, index: int, table: Table) -> Value:
        for name, what in (("is_variable", "a variable"), ("external_buffer", "stored in another file")):
            if table.number(name):
                raise Refused(f"{table.place} is {what}")
        if table.table("sparsity", schema.NOTHING) is not None:
            raise Refused(f"{table.place} is sparse")
        shape, dtype = _shape(table), _dtype(table)
        quantization = _quantization(table, shape, dtype)
        elements = math.prod(shape)
        start, size_bytes = self._stored(table)
        if size_bytes == 0 and (index in self._computed or elements):
            if not elements:
                raise InvalidModel(f"{table.place} has the shape {list(shape)}")
            if dtype == FLOAT16 or dtype.bits < 8:
                raise Refused(f"{table.place} is computed in {dtype.name}; only weights may have that type")
            return Tensor(self._unique_name(index), shape, dtype, quantization)
        if size_bytes != dtype.bytes_of(elements):
            raise InvalidModel(f"{table.place}, {dtype.name}{list(shape)}, has a buffer of {size_bytes} bytes")
        stored = stored_elements(self._file.source.data, start, shape, dtype)
        return Constant(self._unique_name(index), shape, dtype, quantization, stored)

    def _stored(self, table: Table) -> tuple[int, int]:
        """`(start, bytes)` in the file of what the tensor holds from the beginning; (0, 0) for computed ones."""
        index = table.number("buffer")
        if index == 0:
            return 0, 0
        if index >= len(self._file.buffers):
            raise InvalidModel(f"{table.place} names buffer {index}; there are {len(self._file.buffers)}")
        buffer = self._file.buffers[index]
        start, size_bytes = buffer.number("offset"), buffer.number("size")
        if start > 1 and size_bytes:  # files of 2 GB and more keep their data behind the tables
            return self._file.source.check(start, size_bytes, f"buffer {index}"), size_bytes
        return buffer.span("data")
