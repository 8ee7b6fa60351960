"""The tables of a .tflite file: its main subgraph, found and counted, not yet understood."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.errors import InvalidModel, UnsupportedModel
from mcuq.importers.tflite import schema
from mcuq.importers.tflite.reader import Source, Table

MAX_ENTRIES = 20_000  # tensors, operators, buffers; models for microcontrollers have some hundred
MAX_NAME_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The main subgraph of one file."""

    source: Source
    op_names: tuple[str, ...]
    buffers: tuple[Table, ...]
    tensors: tuple[Table, ...]
    operators: tuple[Table, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def _op_name(code: Table) -> str:
    """The op's name; the code stands in one of two fields, the greater one counts."""
    number = max(code.number("builtin_code"), code.number("deprecated_builtin_code"))
    if number == schema.CUSTOM_OP:
        return f"CUSTOM {code.text('custom_code', MAX_NAME_BYTES)[:60]!r}"
    return schema.OP_NAMES[number] if 0 <= number < len(schema.OP_NAMES) else f"op code {number}"


def _root(source: Source) -> Table:
    if source.data[4:8] != schema.FILE_IDENTIFIER:
        raise InvalidModel("this is not a .tflite file: bytes 4 to 7 are not 'TFL3'")
    root = Table.at(source, source.read("I", 0, "the root")[0], schema.MODEL, "the model")
    version = root.number("version")
    if version != schema.SCHEMA_VERSION:
        raise UnsupportedModel(f"the file has TFLite schema version {version}; mcuq reads version 3")
    return root


def read_file(data: bytes) -> ModelFile:
    """The main subgraph's tables; InvalidModel for damaged files, UnsupportedModel for other schema versions."""
    source = Source(data)
    root = _root(source)
    subgraphs = root.tables("subgraphs", schema.SUBGRAPH, "subgraph", MAX_ENTRIES)
    if not subgraphs:
        raise InvalidModel("the file holds no subgraph")
    main = subgraphs[0]
    codes = root.tables("operator_codes", schema.OPERATOR_CODE, "operator code", MAX_ENTRIES)
    return ModelFile(
        source=source,
        op_names=tuple(map(_op_name, codes)),
        buffers=root.tables("buffers", schema.BUFFER, "buffer", MAX_ENTRIES),
        tensors=main.tables("tensors", schema.TENSOR, "tensor", MAX_ENTRIES),
        operators=main.tables("operators", schema.OPERATOR, "operator", MAX_ENTRIES),
        inputs=main.numbers("inputs"),
        outputs=main.numbers("outputs"),
    )
