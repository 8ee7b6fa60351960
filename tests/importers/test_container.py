"""mcuq's own file: what is saved comes back, byte for byte the same, and a damaged one is refused."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mcuq.errors import InvalidModel, UnsupportedModel
from mcuq.exporters import save_graph
from mcuq.importers import load_container
from mcuq.interpreter import run
from mcuq.ir import Constant, Graph
from tests.importers.models import many_ops, small_conv
from tests.ops.strategies import inputs_for

Document = dict[str, Any]


def _edited(graph: Graph, edit: Callable[[Document], None], method: int = zipfile.ZIP_STORED) -> bytes:
    """The saved graph after `edit` changed graph.json."""
    with zipfile.ZipFile(io.BytesIO(save_graph(graph))) as archive:
        document, constants = json.loads(archive.read("graph.json")), archive.read("constants.bin")
    edit(document)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("graph.json", json.dumps(document))
        archive.writestr("constants.bin", constants)
    return out.getvalue()


def _nothing(document: Document) -> None:
    pass


@pytest.mark.parametrize("graph", [small_conv(), many_ops()], ids=lambda graph: graph.name)
def test_round_trip(graph: Graph) -> None:
    """A graph comes back equal, with its constants, and computes the same."""
    again = load_container(save_graph(graph))
    assert again == graph
    for name, value in graph.values.items():
        if isinstance(value, Constant):
            np.testing.assert_array_equal(again.constant(name).values, value.values)
    inputs = inputs_for(graph, 1)
    for ours, theirs in zip(run(graph, inputs), run(again, inputs), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_same_graph_is_the_same_file() -> None:
    """Saving twice, or saving what was loaded, gives the same bytes."""
    saved = save_graph(many_ops())
    assert saved == save_graph(many_ops())
    assert saved == save_graph(load_container(saved))


def test_scales_come_back_exactly() -> None:
    """Every bit of a scale survives the way through text."""
    for scale in (float(np.float32(2.0**exponent / 3)) for exponent in range(-30, 30)):
        data = _edited(small_conv(), _change("values.0.quantization.scales", [scale]))
        q = load_container(data).tensor("x").quantization
        assert q is not None
        assert q.scale == scale


def _change(path: str, value: Any) -> Callable[[Document], None]:
    """Set what the path, keys and indexes joined by dots, names."""

    def edit(document: Document) -> None:
        *way, last = path.split(".")
        at: Any = document
        for step in way:
            at = at[int(step)] if isinstance(at, list) else at[step]
        if isinstance(at, list):
            at[int(last)] = value
        else:
            at[last] = value

    return edit


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("format", "zip", "does not say"),
        ("version", 2, "version 2"),
        ("name", 7, "should be str"),
        ("values", {}, "lacks the list"),
        ("values.0", [], "lacks 'name'"),
        ("values.0.name", "w", "same name"),
        ("values.0.name", "\ud800", "not Unicode"),
        ("values.0.shape", [1, 5, 5, 1 << 40], "has the shape"),
        ("values.0.shape", [1, 5, 5, -2], "has the shape"),
        ("values.0.shape", [1, 5, 5, True], "should be int"),
        ("values.0.dtype", "float8", "unknown type"),
        ("values.0.quantization.scales", [-1.0], "scales are positive"),
        ("values.0.quantization.scales", [0.5, 0.5], "scales are positive"),
        ("values.0.quantization.zero_points", [1000], "zero points"),
        ("values.1.offset_bytes", 1 << 40, "outside of constants.bin"),
        ("values.1.offset_bytes", -8, "outside of constants.bin"),
        ("inputs.0", "z", "name only values that exist"),
        ("inputs", [], "exactly one source"),
        ("outputs.0", "w", "not computed"),
        ("nodes.0.op", "EXEC", "does not know the op"),
        ("nodes.0.arithmetic", "magic", "does not know the op"),
        ("nodes.0.inputs", ["x"], "node 0 (CONV_2D): "),
        ("nodes.0.inputs", ["x", "nothing"], "unknown value"),
        ("nodes.0.attrs", {}, "exactly the fields"),
        ("nodes.0.attrs.stride", [0, 1], "out of range"),
        ("nodes.0.attrs.stride", [1], "should have 2 elements"),
        ("nodes.0.attrs.padding.top", -1, "out of range"),
        ("nodes.0.attrs.padding.top", 1, "but the file says"),
        ("nodes.0.attrs.activation", None, "should be str"),
    ],
)
def test_damaged_text_is_refused(path: str, value: Any, words: str) -> None:
    """Whatever graph.json claims is checked, and the error names the place."""
    with pytest.raises((InvalidModel, UnsupportedModel)) as caught:
        load_container(_edited(small_conv(), _change(path, value)))
    assert words in str(caught.value)


def test_limits_are_checked() -> None:
    """A container is no way around the limits of the cards."""
    with pytest.raises(UnsupportedModel) as caught:
        load_container(_edited(small_conv(), _change("nodes.0.attrs.activation", "TANH")))
    assert caught.value.reasons[0].layers == ("y",)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", "[" * 100_000, '{"format": NaN}', "9" * 5000, '{"format": "mcuq graph"}']
)
def test_text_that_is_no_graph(text: str) -> None:
    """graph.json may hold anything."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("graph.json", text)
        archive.writestr("constants.bin", b"")
    with pytest.raises(InvalidModel):
        load_container(out.getvalue())


def test_nothing_is_decompressed() -> None:
    """A compressed member is refused before it can grow."""
    with pytest.raises(InvalidModel, match="not stored as it is"):
        load_container(_edited(small_conv(), _nothing, zipfile.ZIP_DEFLATED))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"no zip at all"])
def test_files_that_are_no_container(data: bytes) -> None:
    """Something else, or a zip of something else, is refused."""
    with pytest.raises(InvalidModel):
        load_container(data)
