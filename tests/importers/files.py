"""Hand-written .tflite files, also such as no converter writes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from mcuq.exporters.tflite.writer import Cell, Writer

INT8, INT32, FLOAT32, FLOAT64 = 9, 2, 0, 10
ADD, CONV_2D, RELU, CUSTOM = 0, 3, 19, 32


def int8_quantization(scale: float = 0.5, zero_point: int = 0) -> FileQuantization:
    """One scale, one zero point."""
    return FileQuantization((scale,), (zero_point,))


@dataclass(frozen=True)
class FileQuantization:
    """QuantizationParameters."""

    scales: Sequence[float] = ()
    zero_points: Sequence[int] = ()
    dimension: int = 0
    details_type: int = 0


@dataclass(frozen=True)
class FileTensor:
    """Tensor; `data` None: the empty buffer 0; `span`: a buffer by offset and size; `cells`: further fields."""

    name: bytes | str = "t"
    shape: Sequence[int] = (1, 4)
    dtype: int = INT8
    data: bytes | None = None
    quantization: FileQuantization | None = field(default_factory=int8_quantization)
    signature: Sequence[int] | None = None
    cells: dict[int, Cell] = field(default_factory=dict)
    sparse: bool = False
    span: tuple[int, int] | None = None


@dataclass(frozen=True)
class FileOperator:
    """Operator, with its op code's cells."""

    inputs: Sequence[int]
    outputs: Sequence[int]
    code: dict[int, Cell] = field(default_factory=lambda: {0: Cell("int8", RELU), 3: Cell("int32", RELU)})
    options_type: int = 0
    options: dict[int, Cell] | None = None


@dataclass(frozen=True)
class FileModel:
    """Model with one subgraph, or the same one several times."""

    tensors: Sequence[FileTensor]
    operators: Sequence[FileOperator]
    inputs: Sequence[int] = (0,)
    outputs: Sequence[int] = (1,)
    version: int = 3
    subgraphs: int = 1
    identifier: bytes = b"TFL3"

    def to_bytes(self) -> bytes:
        """The file."""
        w = Writer()
        buffers, tensors = [w.table({})], []
        # Equal names are stored once, as converters do.
        names = {name: w.data(_raw(name)) for name in dict.fromkeys(tensor.name for tensor in self.tensors)}
        for tensor in self.tensors:
            stored = _buffer(w, tensor)
            if stored is not None:
                buffers.append(stored)
            tensors.append(_tensor(w, tensor, 0 if stored is None else len(buffers) - 1, names[tensor.name]))
        operators = [_operator(w, operator, index) for index, operator in enumerate(self.operators)]
        vectors = (w.offsets(tensors), w.numbers(self.inputs, "int32"), w.numbers(self.outputs, "int32"))
        cells = [Cell("offset", offset) for offset in (*vectors, w.offsets(operators))]
        subgraph = w.table(dict(enumerate(cells)))
        codes = w.offsets([w.table(operator.code) for operator in self.operators])
        root = {
            0: Cell("uint32", self.version),
            1: Cell("offset", codes),
            2: Cell("offset", w.offsets([subgraph] * self.subgraphs)),
            4: Cell("offset", w.offsets(buffers)),
        }
        return w.finish(w.table(root), self.identifier)


def _buffer(w: Writer, tensor: FileTensor) -> int | None:
    if tensor.span is not None:
        return w.table({1: Cell("uint64", tensor.span[0]), 2: Cell("uint64", tensor.span[1])})
    return None if tensor.data is None else w.table({0: Cell("offset", w.data(tensor.data))})


def _raw(name: bytes | str) -> bytes:
    return name.encode("utf-8") if isinstance(name, str) else name


def _tensor(w: Writer, tensor: FileTensor, buffer: int, name: int) -> int:
    cells = {
        0: Cell("offset", w.numbers(tensor.shape, "int32")),
        1: Cell("int8", tensor.dtype),
        2: Cell("uint32", buffer),
        3: Cell("offset", name),
    }
    q = tensor.quantization
    if q is not None:
        scales, zero_points = w.numbers(q.scales, "float32"), w.numbers(q.zero_points, "int64")
        table = {
            2: Cell("offset", scales),
            3: Cell("offset", zero_points),
            4: Cell("uint8", q.details_type),
            6: Cell("int32", q.dimension),
        }
        cells[4] = Cell("offset", w.table(table))
    if tensor.sparse:
        cells[6] = Cell("offset", w.table({}))
    if tensor.signature is not None:
        cells[7] = Cell("offset", w.numbers(tensor.signature, "int32"))
    return w.table({**cells, **tensor.cells})


def _operator(w: Writer, operator: FileOperator, index: int) -> int:
    cells = {
        0: Cell("uint32", index),
        1: Cell("offset", w.numbers(operator.inputs, "int32")),
        2: Cell("offset", w.numbers(operator.outputs, "int32")),
        3: Cell("uint8", operator.options_type),
    }
    if operator.options is not None:
        cells[4] = Cell("offset", w.table(operator.options))
    return w.table(cells)


def relu_model(x: FileTensor | None = None, y: FileTensor | None = None, **changes: object) -> bytes:
    """One RELU from tensor 0 to tensor 1; keywords replace fields of FileModel."""
    fields = {
        "tensors": (x or FileTensor("x"), y or FileTensor("y")),
        "operators": (FileOperator((0,), (1,)),),
        **changes,
    }
    return FileModel(**fields).to_bytes()  # type: ignore[arg-type]


def conv_operator(inputs: Sequence[int], outputs: Sequence[int], **options: Cell) -> FileOperator:
    """CONV_2D, VALID, stride 1; keywords "slot<n>" replace options."""
    cells = {0: Cell("int8", 1), 1: Cell("int32", 1), 2: Cell("int32", 1)}
    cells |= {int(name[4:]): cell for name, cell in options.items()}
    code = {0: Cell("int8", CONV_2D), 3: Cell("int32", CONV_2D)}
    return FileOperator(inputs, outputs, code, 1, cells)


def conv_model(*changed: FileTensor, operator: FileOperator | None = None) -> bytes:
    """A convolution 1x1 from two to two channels; `changed` replace x, weights, bias, y by name."""
    one = FileQuantization((0.5, 0.25), (0, 0))
    tensors = {
        "x": FileTensor("x", (1, 2, 2, 2)),
        "weights": FileTensor("weights", (2, 1, 1, 2), INT8, bytes([1, 2, 3, 4]), one),
        "bias": FileTensor("bias", (2,), INT32, struct.pack("<2i", 5, -6), FileQuantization((0.25, 0.125), (0, 0))),
        "y": FileTensor("y", (1, 2, 2, 2)),
    }
    tensors |= {str(tensor.name): tensor for tensor in changed}
    operators = (operator or conv_operator((0, 1, 2), (3,)),)
    return FileModel(tuple(tensors.values()), operators, (0,), (3,)).to_bytes()
