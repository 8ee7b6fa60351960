"""Graph to mcuq's own file (.mcuq): a zip of graph.json and constants.bin, the same bytes for the same graph."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict
from typing import Any

from mcuq.ir import Constant, Graph, Node, Quantization, Value
from mcuq.ir.stored import stored_bytes

FORMAT, VERSION = "mcuq graph", 1
ALIGNMENT_BYTES = 8
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed date: equal graphs give equal files


def _quantization(q: Quantization | None) -> dict[str, Any] | None:
    if q is None:
        return None
    return {"scales": list(q.scales), "zero_points": list(q.zero_points), "axis": q.axis}


def _value(value: Value, offset_bytes: int | None) -> dict[str, Any]:
    return {
        "name": value.name,
        "shape": list(value.shape),
        "dtype": value.dtype.name,
        "quantization": _quantization(value.quantization),
        "offset_bytes": offset_bytes,
    }


def _node(node: Node) -> dict[str, Any]:
    return {
        "op": node.op,
        "inputs": list(node.inputs),
        "outputs": list(node.outputs),
        "attrs": asdict(node.attrs),
        "arithmetic": node.arithmetic,
        "origin": list(node.origin),
    }


def _constant_bytes(constant: Constant) -> bytes:
    """The elements in row-major order, little-endian, padded to the alignment."""
    raw = stored_bytes(constant.values, constant.dtype)
    return raw + b"\0" * (-len(raw) % ALIGNMENT_BYTES)


def _zip(members: dict[str, bytes]) -> bytes:
    """A zip without compression, so that no version of zlib has a say in the bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_EPOCH), data)
    return out.getvalue()


def save_graph(graph: Graph) -> bytes:
    """The graph as a .mcuq file, byte for byte deterministic; values stand in the graph's own order."""
    constants = bytearray()
    values: list[dict[str, Any]] = []
    for value in graph.values.values():
        is_constant = isinstance(value, Constant)
        values.append(_value(value, len(constants) if is_constant else None))
        if isinstance(value, Constant):
            constants += _constant_bytes(value)
    document = {
        "format": FORMAT,
        "version": VERSION,
        "name": graph.name,
        "inputs": list(graph.inputs),
        "outputs": list(graph.outputs),
        "values": values,
        "nodes": [_node(node) for node in graph.nodes],
    }
    text = json.dumps(document, indent=1, allow_nan=False)
    return _zip({"graph.json": text.encode("ascii"), "constants.bin": bytes(constants)})
