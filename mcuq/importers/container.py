"""mcuq's own file (.mcuq) to Graph; the file may be hostile."""

from __future__ import annotations

import io
import json
import math
import zipfile
from typing import Any

from mcuq.arithmetic import ARITHMETICS
from mcuq.errors import InvalidModel
from mcuq.importers.attributes import decode
from mcuq.importers.check import check_call, check_graph, unsupported
from mcuq.ir import DTYPES, Constant, DType, Graph, Node, Quantization, Tensor, Value
from mcuq.ir.stored import stored_elements
from mcuq.ir.verify import violations
from mcuq.ops import Refusal, card_of, is_known

FORMAT, VERSION = "mcuq graph", 1
MAX_TEXT_BYTES = 32 << 20
MAX_DIMENSIONS = 8
MAX_ELEMENTS = 1 << 26
MAX_CONSTANT_BYTES_READ = 1 << 30  # constants may overlap; this bounds the work that they make
_MEMBERS = ("graph.json", "constants.bin")


def is_container(data: bytes) -> bool:
    """Whether the bytes are a zip whose first member is graph.json."""
    return data[:4] == b"PK\x03\x04" and data[30:40] == b"graph.json"


def _members(data: bytes) -> tuple[bytes, bytes]:
    """graph.json and constants.bin; nothing is decompressed, so nothing is larger than the file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = [archive.getinfo(name) for name in _MEMBERS]
            for info in infos:
                if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 or info.file_size > len(data):
                    raise InvalidModel(f"{info.filename} is not stored as it is")
            text, constants = (archive.read(info) for info in infos)
    except (zipfile.BadZipFile, KeyError, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise InvalidModel(f"this is not a sound .mcuq file: {error}") from None
    if len(text) > MAX_TEXT_BYTES:
        raise InvalidModel(f"graph.json has {len(text)} bytes; at most {MAX_TEXT_BYTES} are read")
    return text, constants


def _no_such_number(text: str) -> None:
    raise ValueError(f"{text} is not a number")


def _parse(text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text, parse_constant=_no_such_number)
    except (ValueError, RecursionError) as error:
        raise InvalidModel(f"graph.json is not JSON: {str(error)[:200]}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InvalidModel(f"graph.json does not say that it is a '{FORMAT}'")
    if document.get("version") != VERSION:
        raise InvalidModel(f"the file has version {str(document.get('version'))[:20]}; this mcuq reads {VERSION}")
    return document


def _get(record: Any, key: str, kind: Any, place: str) -> Any:
    """The value under `key`, decoded as `kind`."""
    if not isinstance(record, dict) or key not in record:
        raise InvalidModel(f"{place} lacks '{key}'")
    return decode(kind, record[key], f"{place}, {key}")


def _quantization(record: Any, place: str) -> Quantization | None:
    if record is None:
        return None
    scales = _get(record, "scales", tuple[float, ...], place)
    zero_points = _get(record, "zero_points", tuple[int, ...], place)
    return Quantization(scales, zero_points, _get(record, "axis", int | None, place))


def _dtype(name: str, place: str) -> DType:
    for dtype in DTYPES:
        if dtype.name == name:
            return dtype
    raise InvalidModel(f"{place} has the unknown type {name[:20]!r}")


class _Constants:
    """constants.bin, and how much of it has been read."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._allowance_bytes = MAX_CONSTANT_BYTES_READ

    def elements(self, offset_bytes: int, shape: tuple[int, ...], dtype: DType, place: str) -> Any:
        """A read-only view of the constant that stands at the offset."""
        size_bytes = dtype.bytes_of(math.prod(shape))
        self._allowance_bytes -= size_bytes
        if offset_bytes < 0 or offset_bytes + size_bytes > len(self._data) or self._allowance_bytes < 0:
            raise InvalidModel(f"{place} lies outside of constants.bin ({len(self._data)} bytes)")
        return stored_elements(self._data, offset_bytes, shape, dtype)


def _value(record: Any, constants: _Constants, place: str) -> Value:
    name, shape = _get(record, "name", str, place), _get(record, "shape", tuple[int, ...], place)
    dtype = _dtype(_get(record, "dtype", str, place), place)
    if len(shape) > MAX_DIMENSIONS or any(size < 0 for size in shape) or math.prod(shape) > MAX_ELEMENTS:
        raise InvalidModel(f"{place} has the shape {str(list(shape))[:80]}")
    quantization = _quantization(record.get("quantization"), place)
    offset_bytes = _get(record, "offset_bytes", int | None, place)
    if offset_bytes is None:
        return Tensor(name, shape, dtype, quantization)
    return Constant(name, shape, dtype, quantization, constants.elements(offset_bytes, shape, dtype, place))


def _node(record: Any, values: dict[str, Value], place: str) -> tuple[Node, tuple[str, ...]]:
    """The node and the limits that it breaks."""
    op, arithmetic = _get(record, "op", str, place), _get(record, "arithmetic", str, place)
    if not is_known(op) or arithmetic not in {known.name for known in ARITHMETICS}:
        raise InvalidModel(f"{place}: this mcuq does not know the op {op[:40]!r} in {arithmetic[:40]!r} arithmetic")
    attrs = _get(record, "attrs", card_of(op).attrs, place)
    names, results = (_get(record, key, tuple[str, ...], place) for key in ("inputs", "outputs"))
    for name in (*names, *results):
        if name not in values:
            raise InvalidModel(f"{place} names the unknown value {name[:60]!r}")
    operands = tuple(values[name] for name in names)
    outputs = tuple(value for name in results if isinstance(value := values[name], Tensor))
    try:
        reasons = check_call(f"{place} ({op})", op, attrs, operands, outputs, arithmetic)
    except (ArithmeticError, IndexError, TypeError, StopIteration) as error:
        raise InvalidModel(f"{place} ({op}): its attributes and operands do not go together ({error})") from None
    origin = _get(record, "origin", tuple[str, ...], place)
    return Node(op, names, results, attrs, arithmetic, origin), reasons


def _list(document: dict[str, Any], key: str) -> list[Any]:
    found = document.get(key)
    if not isinstance(found, list):
        raise InvalidModel(f"graph.json lacks the list '{key}'")
    return found


def _values(document: dict[str, Any], constants: _Constants) -> dict[str, Value]:
    """The values by name, sound in themselves, so that cards can be asked about nodes."""
    found = [_value(record, constants, f"value {i}") for i, record in enumerate(_list(document, "values"))]
    values = {value.name: value for value in found}
    if len(values) != len(found):
        raise InvalidModel("two values have the same name")
    broken = violations(Graph("", values, (), (), ()))
    if broken:
        raise InvalidModel(f"the file is not a sound model: {'; '.join(broken[:3])[:500]}")
    return values


def load_container(data: bytes) -> Graph:
    """The graph of a .mcuq file; InvalidModel when the file is damaged, UnsupportedModel when a limit is broken."""
    text, blob = _members(data)
    document, constants = _parse(text), _Constants(blob)
    name = _get(document, "name", str, "graph.json")
    values = _values(document, constants)
    inputs, outputs = (_get(document, key, tuple[str, ...], "graph.json") for key in ("inputs", "outputs"))
    nodes: list[Node] = []
    refusals: list[Refusal] = []
    for index, record in enumerate(_list(document, "nodes")):
        node, reasons = _node(record, values, f"node {index}")
        nodes.append(node)
        refusals += [Refusal(node.op, node.origin, reason) for reason in reasons]
    graph = check_graph(Graph(name, values, tuple(nodes), inputs, outputs))
    if refusals:
        raise unsupported(name, tuple(refusals))
    return graph
