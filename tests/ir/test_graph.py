"""Graphs, tensors and element types are frozen values that answer simple questions."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mcuq.ir import (
    BOOL,
    DTYPES,
    FLOAT32,
    INT8,
    INT16,
    INT32,
    UINT8,
    Constant,
    DType,
    Quantization,
    Tensor,
    graph_to_text,
)
from mcuq.ir.text import value_to_text
from tests.ir.small import small_graph

TEXT = """\
graph small
  input  'x': int8[1,2,2,3] (0.5, 3)
  'c': int8[1,2,2,2] (0.5, 3) = CONV_2D('x', 'w', 'b') Conv2D(stride=(1, 1), dilation=(1, 1), \
padding=Padding(top=0, bottom=0, left=0, right=0), activation='NONE') [tflm]
  'r': int8[1,2,2,2] (0.5, 3) = RELU('c') NoAttrs() [tflm]
  'y': int8[1,2,2,2] (0.5, 3) = ADD('r', 'r') Binary(activation='NONE') [tflm]
  output 'y'
"""


def test_text() -> None:
    """A graph prints one line a node, with shapes, quantization and arithmetic."""
    assert graph_to_text(small_graph()) == TEXT


def test_text_of_values() -> None:
    """Values print type and shape; per-channel quantization is counted, not listed."""
    assert value_to_text(small_graph()["w"]) == "int8[2,1,1,3] (2 scales, axis 0)"
    assert value_to_text(Tensor("f", (), FLOAT32)) == "float32[]"


def test_lookups() -> None:
    """Values by name and kind, operands and results in order, users and producer."""
    graph = small_graph()
    conv, relu, add = graph.nodes
    assert graph.operands(conv) == (graph["x"], graph["w"], graph["b"])
    assert graph.results(conv) == (graph.tensor("c"),)
    assert (graph.producer("c"), graph.producer("x"), graph.producer("w")) == (conv, None, None)
    assert graph.users("c") == (relu,)
    assert graph.users("r") == (add,)
    assert (graph.is_constant("w"), graph.is_constant("x")) == (True, False)


def test_asking_for_the_wrong_kind_is_an_error() -> None:
    """A constant is no tensor and a tensor no constant."""
    graph = small_graph()
    with pytest.raises(TypeError, match="'w' is a constant"):
        graph.tensor("w")
    with pytest.raises(TypeError, match="'x' is not a constant"):
        graph.constant("x")


def test_nothing_can_be_edited_in_place() -> None:
    """Fields, the mapping of values and the elements of constants are read-only."""
    graph = small_graph()
    with pytest.raises(dataclasses.FrozenInstanceError):
        graph.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        graph.values["x"] = graph["w"]  # type: ignore[index]
    with pytest.raises(ValueError, match="read-only"):
        graph.constant("w").values[0] = 1


def test_constants_copy_what_others_could_change() -> None:
    """Changing the array that a constant was made of does not change the constant; a read-only one is not copied."""
    mine = np.zeros(3, np.int8)
    constant = Constant("c", (3,), INT8, None, mine)
    mine[0] = 1
    assert constant.values[0] == 0
    assert Constant("d", (3,), INT8, None, constant.values).values is constant.values


def test_sizes() -> None:
    """Elements and bytes of tensors and constants; a scalar has one element."""
    assert (Tensor("t", (2, 3), INT16).elements, Tensor("t", (2, 3), INT16).bytes) == (6, 12)
    assert (Tensor("t", (), FLOAT32).elements, Tensor("t", (), FLOAT32).bytes) == (1, 4)
    assert small_graph().constant("b").bytes == 8


def test_per_channel_quantization_has_no_single_scale() -> None:
    """Asking for the one scale or zero point of several is an error, not a guess."""
    q = Quantization((0.5, 0.25), (1, 2), 0)
    assert not q.is_per_tensor
    with pytest.raises(ValueError, match="no single scale"):
        _ = q.scale
    with pytest.raises(ValueError, match="no single zero point"):
        _ = q.zero_point
    assert (Quantization((0.5,), (1,)).scale, Quantization((0.5,), (1,)).zero_point) == (0.5, 1)


@pytest.mark.parametrize("dtype", DTYPES, ids=[dtype.name for dtype in DTYPES])
def test_element_types_are_numpys(dtype: DType) -> None:
    """Width and range of each element type are those of the numpy type that holds it, or narrower."""
    kind = np.dtype(dtype.numpy)
    assert dtype.bits == 8 * kind.itemsize or dtype.bits < 8
    assert dtype.bytes_of(5) == -(-5 * dtype.bits // 8)
    assert dtype.is_integer == (kind.kind in "iu")
    if dtype.is_integer:
        assert np.iinfo(kind).min <= dtype.minimum
        assert dtype.maximum <= np.iinfo(kind).max
        assert dtype.maximum - dtype.minimum == 2**dtype.bits - 1


def test_element_types_in_c() -> None:
    """Element types name the C type that holds one element."""
    assert [d.c for d in (INT8, UINT8, INT32, FLOAT32, BOOL)] == ["int8_t", "uint8_t", "int32_t", "float", "bool"]
