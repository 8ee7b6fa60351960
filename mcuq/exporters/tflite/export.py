"""A Graph as the bytes of a .tflite file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mcuq.errors import UnsupportedModel
from mcuq.exporters.tflite import codes
from mcuq.exporters.tflite.lowering import FileOperator, Lowering, cannot_say
from mcuq.exporters.tflite.operators import LOWER, dequantized
from mcuq.exporters.tflite.writer import Cell, Writer
from mcuq.ir import Constant, Graph, Quantization, Value
from mcuq.ir.stored import stored_bytes

_ARITHMETICS = ("tflm", "int16x8", "float", "hybrid")
_LAST_DEPRECATED_CODE = 127  # greater op codes stand in the newer field only


def _offset(value: int) -> Cell:
    return Cell("offset", value)


def _lowered(lowering: Lowering) -> list[FileOperator]:
    operators: list[FileOperator] = []
    for node in lowering.graph.nodes:
        if node.op not in LOWER or node.arithmetic not in _ARITHMETICS:
            raise cannot_say(node.op, node.origin, f"this op in '{node.arithmetic}' arithmetic")
        node, ahead = dequantized(node, lowering)
        operators += [*ahead, *LOWER[node.op](node, lowering)]
    return operators


def _quantization(writer: Writer, q: Quantization) -> int:
    scale = writer.numbers(q.scales, "float32")
    zero_point = writer.numbers(q.zero_points, "int64")
    return writer.table({2: _offset(scale), 3: _offset(zero_point), 6: Cell("int32", q.axis or 0)})


def _type_code(value: Value) -> int:
    if value.dtype.name not in codes.TYPE_CODES:
        raise UnsupportedModel(f"a .tflite file cannot say {value.dtype.name}, the type of '{value.name[:60]}'")
    return codes.TYPE_CODES[value.dtype.name]


def _tensor(writer: Writer, value: Value, buffer: int) -> int:
    shape, name = writer.numbers(value.shape, "int32"), writer.text(value.name)
    cells = {
        0: _offset(shape),
        1: Cell("int8", _type_code(value)),
        2: Cell("uint32", buffer),
        3: _offset(name),
    }
    if value.quantization is not None:
        cells[4] = _offset(_quantization(writer, value.quantization))
    return writer.table(cells)


def _tensors_and_buffers(writer: Writer, values: Iterable[Value]) -> tuple[list[int], list[int]]:
    """A tensor a value; buffer 0 is the empty one that all run-time values share."""
    tensors, buffers = [], [writer.table({})]
    for value in values:
        if isinstance(value, Constant):
            buffers.append(writer.table({0: _offset(writer.data(stored_bytes(value.values, value.dtype)))}))
        tensors.append(_tensor(writer, value, len(buffers) - 1 if isinstance(value, Constant) else 0))
    return tensors, buffers


def _operator_code(writer: Writer, op: str) -> int:
    known = codes.OP_CODES[op]
    return writer.table(
        {
            0: Cell("int8", min(known.code, _LAST_DEPRECATED_CODE)),
            2: Cell("int32", known.version),
            3: Cell("int32", known.code),
        }
    )


def _operator(writer: Writer, operator: FileOperator, opcode_index: int, index_of: dict[str, int]) -> int:
    inputs = writer.numbers([index_of[name] for name in operator.inputs], "int32")
    outputs = writer.numbers([index_of[name] for name in operator.outputs], "int32")
    cells = {0: Cell("uint32", opcode_index), 1: _offset(inputs), 2: _offset(outputs)}
    options_type = codes.OP_CODES[operator.op].options_type
    if options_type:
        cells[3] = Cell("uint8", options_type)
        cells[4] = _offset(writer.table(operator.options))
    return writer.table(cells)


def _subgraph(
    writer: Writer, graph: Graph, tensors: Sequence[int], operators: Sequence[int], index_of: dict[str, int]
) -> int:
    cells = {
        0: writer.offsets(tensors),
        1: writer.numbers([index_of[name] for name in graph.inputs], "int32"),
        2: writer.numbers([index_of[name] for name in graph.outputs], "int32"),
        3: writer.offsets(operators),
        4: writer.text("main"),
    }
    return writer.table({slot: _offset(offset) for slot, offset in cells.items()})


def export_tflite(graph: Graph) -> bytes:
    """The graph as a .tflite file, byte for byte deterministic.

    Padding that is neither SAME nor VALID becomes a PAD operator. Raises UnsupportedModel for what TFLite cannot say.
    """
    writer, lowering = Writer(), Lowering(graph)
    operators = _lowered(lowering)
    tensors, buffers = _tensors_and_buffers(writer, lowering.values.values())
    index_of = {name: index for index, name in enumerate(lowering.values)}
    ops = sorted({operator.op for operator in operators})
    written = [_operator(writer, operator, ops.index(operator.op), index_of) for operator in operators]
    subgraphs = writer.offsets([_subgraph(writer, graph, tensors, written, index_of)])
    operator_codes = writer.offsets([_operator_code(writer, op) for op in ops])
    cells = {
        0: Cell("uint32", codes.SCHEMA_VERSION),
        1: _offset(operator_codes),
        2: _offset(subgraphs),
        3: _offset(writer.text("mcuq")),
        4: _offset(writer.offsets(buffers)),
    }
    return writer.finish(writer.table(cells), codes.FILE_IDENTIFIER)
