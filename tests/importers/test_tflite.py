"""What .tflite files mean: old and odd ones included, hostile ones refused with the place."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from mcuq.errors import InvalidModel, UnsupportedModel
from mcuq.exporters import export_tflite
from mcuq.exporters.tflite import codes
from mcuq.exporters.tflite.writer import Cell
from mcuq.importers import load_tflite
from mcuq.importers.tflite import schema
from mcuq.importers.tflite.operators import OPERATORS
from mcuq.ir import FLOAT32, INT8, Constant, Quantization
from mcuq.ops import OPS
from mcuq.ops.conv_2d import Conv2D
from mcuq.ops.window import Padding
from tests.importers import files
from tests.importers.files import FileModel, FileOperator, FileQuantization, FileTensor, conv_model, relu_model
from tests.importers.models import small_conv

HOSTILE_NAMES = (
    '*/ system("x"); /*',
    "../../etc/passwd",
    "register",
    "ä€😀" * 1200,
    "",
    "a\nb\0c",
    "{{ 7 * 7 }}",
    "%s%n",
    "-o /tmp/x",
)


def _refused(data: bytes) -> str:
    with pytest.raises(InvalidModel) as caught:
        load_tflite(data, "m")
    return str(caught.value)


def _unsupported(data: bytes) -> UnsupportedModel:
    with pytest.raises(UnsupportedModel) as caught:
        load_tflite(data, "m")
    return caught.value


def test_both_sides_of_the_format_agree() -> None:
    """Op codes, option tables, types, activations and paddings are the same for importer and exporter."""
    readers = {reader.name: reader for reader in OPERATORS}
    for name, known in codes.OP_CODES.items():
        assert schema.OP_NAMES[known.code] == name
        if readers[name].options_type is not None:
            assert readers[name].options_type == known.options_type
    read = {dtype.name: code for code, dtype in schema.DTYPE_OF_TYPE.items()}
    assert {name: read[name] for name in codes.TYPE_CODES} == codes.TYPE_CODES
    assert {name: code for code, name in enumerate(schema.ACTIVATION_OF_CODE)} == codes.ACTIVATION_CODES
    assert {name: code for code, name in enumerate(schema.PADDING_OF_CODE)} == codes.PADDING_CODES
    assert (schema.SCHEMA_VERSION, schema.FILE_IDENTIFIER) == (codes.SCHEMA_VERSION, codes.FILE_IDENTIFIER)


def test_every_card_can_be_read_and_written() -> None:
    """There is no op that mcuq computes but cannot load and save."""
    names = {card.name for card in OPS}
    assert names <= {reader.name for reader in OPERATORS}
    assert names <= set(codes.OP_CODES)


def test_a_plain_file() -> None:
    """Shapes, types, scales, names and the layer's name come from the file."""
    graph = load_tflite(relu_model(), "plain")
    (node,) = graph.nodes
    assert (graph.name, graph.inputs, graph.outputs) == ("plain", ("x",), ("y",))
    assert (node.op, node.inputs, node.outputs, node.origin, node.arithmetic) == (
        "RELU",
        ("x",),
        ("y",),
        ("y",),
        "tflm",
    )
    assert graph.tensor("x").quantization == Quantization((0.5,), (0,))


def test_a_convolution_with_bias() -> None:
    """Weights and bias are constants, per-channel scales keep their axis."""
    graph = load_tflite(conv_model(), "conv")
    weights = graph.constant("weights")
    assert weights.quantization == Quantization((0.5, 0.25), (0, 0), 0)
    assert weights.values.tolist() == [[[[1, 2]]], [[[3, 4]]]]
    assert graph.constant("bias").values.tolist() == [5, -6]
    assert not weights.values.flags.writeable


@pytest.mark.parametrize(
    "code",
    [
        {0: Cell("int8", files.RELU)},
        {3: Cell("int32", files.RELU)},
        {0: Cell("int8", files.RELU), 3: Cell("int32", 0)},
        {0: Cell("int8", 127), 3: Cell("int32", 199)},
    ],
    ids=["deprecated field only", "newer field only", "newer field zero", "unknown"],
)
def test_the_op_code_stands_in_one_of_two_fields(code: dict[int, Cell]) -> None:
    """Old files carry the op code in the deprecated field, new ones in the other; the greater counts."""
    data = relu_model(operators=(FileOperator((0,), (1,), code),))
    if code.get(3, Cell("", 0)).value == 199:
        assert _unsupported(data).reasons[0].op == "op code 199"
    else:
        assert load_tflite(data, "m").nodes[0].op == "RELU"


@pytest.mark.parametrize("inputs", [(0, 1), (0, 1, -1)], ids=["absent", "minus one"])
def test_a_bias_may_be_left_out(inputs: tuple[int, ...]) -> None:
    """A convolution without bias has two operands."""
    graph = load_tflite(conv_model(operator=files.conv_operator(inputs, (3,))), "m")
    assert graph.nodes[0].inputs == ("x", "weights")


def test_other_operands_may_not_be_left_out() -> None:
    """Only a bias is optional."""
    assert "lacks its operand 1" in _refused(conv_model(operator=files.conv_operator((0, -1, 2), (3,))))


def test_a_bias_with_a_wrong_axis_is_put_right() -> None:
    """person_detect's biases claim scales along dimension 3 of a vector, which can only mean dimension 0."""
    bias = FileTensor("bias", (2,), files.INT32, bytes(8), FileQuantization((0.25, 0.125), (0, 0), 3))
    q = load_tflite(conv_model(bias), "m").constant("bias").quantization
    assert q is not None
    assert q.axis == 0


def test_same_padding_becomes_explicit() -> None:
    """SAME puts the odd row and column after the image."""
    weights = FileTensor("weights", (2, 2, 2, 2), files.INT8, bytes(16))
    operator = files.conv_operator((0, 1, 2), (3,), slot0=Cell("int8", 0))
    (node,) = load_tflite(conv_model(weights, operator=operator), "m").nodes
    assert node.attrs == Conv2D(padding=Padding(0, 1, 0, 1))


def test_missing_options_mean_the_defaults() -> None:
    """An ADD without an options table has no fused activation."""
    add = FileOperator((0, 0), (1,), {0: Cell("int8", files.ADD)})
    assert load_tflite(relu_model(operators=(add,)), "m").nodes[0].attrs.activation == "NONE"


def test_options_of_another_op_are_refused() -> None:
    """A convolution with the options of a pooling is damaged."""
    wrong = FileOperator((0, 1, 2), (3,), {0: Cell("int8", files.CONV_2D)}, 5, {})
    assert "options of type 5" in _refused(conv_model(operator=wrong))


@pytest.mark.parametrize("shape", [(-1, 4), (1, 4)])
def test_a_dynamic_batch_is_one(shape: tuple[int, ...]) -> None:
    """A batch of -1, in the shape or in its signature, counts as 1."""
    x, y = (FileTensor(name, shape, signature=(-1, 4)) for name in "xy")
    assert load_tflite(relu_model(x, y), "m").tensor("x").shape == (1, 4)


def test_other_dynamic_sizes_are_unsupported() -> None:
    """An input of unknown length is not a model for a microcontroller."""
    error = _unsupported(relu_model(FileTensor("x", (1, 1), signature=(-1, -1)), FileTensor("y", (1, 1))))
    assert "known at run time only" in error.reasons[0].reason


def test_scales_may_be_absent() -> None:
    """A quantization table without scales is none, and a missing zero point is 0."""
    none = relu_model(FileTensor("x", quantization=FileQuantization()))
    assert "int8 with one scale" in _unsupported(none).reasons[0].reason
    zero = relu_model(FileTensor("x", quantization=FileQuantization((0.5,))))
    assert load_tflite(zero, "m").tensor("x").quantization == Quantization((0.5,), (0,))


@pytest.mark.parametrize(
    ("quantization", "words"),
    [
        (FileQuantization((float("nan"),), (0,)), "positive number"),
        (FileQuantization((float("inf"),), (0,)), "positive number"),
        (FileQuantization((-0.5,), (0,)), "positive number"),
        (FileQuantization((0.0,), (0,)), "positive number"),
        (FileQuantization((0.5,), (128,)), "zero point outside"),
        (FileQuantization((0.5,), (1 << 62,)), "zero point outside"),
        (FileQuantization((0.5, 0.5), (0,)), "2 scales and 1 zero points"),
        (FileQuantization((0.5, 0.5), (0, 0), 1), "along dimension 1"),
        (FileQuantization((0.5, 0.5), (0, 0), -1), "along dimension -1"),
    ],
)
def test_unsound_quantization_is_refused(quantization: FileQuantization, words: str) -> None:
    """Scales are positive numbers, zero points lie in the type, and there is one of each a channel."""
    assert words in _refused(relu_model(FileTensor("x", quantization=quantization)))


@pytest.mark.parametrize(
    "shape", [(1, 1 << 31 - 1), (1 << 16, 1 << 16), (1, -4), (-2, 4), (0, 4), (1,) * 9, (1 << 30, 1 << 30, 1 << 30)]
)
def test_absurd_shapes_are_refused(shape: tuple[int, ...]) -> None:
    """Nothing is allocated for a declared shape; huge, negative and empty ones are errors."""
    shape = tuple(min(size, (1 << 31) - 1) for size in shape)
    assert "has the shape" in _refused(relu_model(FileTensor("x", shape), FileTensor("y", shape)))


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_are_data(name: str) -> None:
    """Whatever a tensor is called, the graph is the same."""
    plain, odd = relu_model(), relu_model(FileTensor(name), FileTensor(name))
    graph = load_tflite(odd, "m")
    assert (len(graph.values), len(graph.nodes)) == (2, 1)
    assert graph.nodes[0].attrs == load_tflite(plain, "m").nodes[0].attrs
    assert graph.inputs == (name or "tensor 0",)


def test_names_that_are_not_text_are_mended() -> None:
    """Bytes that are not UTF-8 are replaced."""
    assert load_tflite(relu_model(FileTensor(b"\xff\xfe")), "m").inputs == ("\ufffd\ufffd",)


def test_equal_names_are_told_apart() -> None:
    """Two tensors of one name are two values; the layer keeps its own name."""
    graph = load_tflite(relu_model(FileTensor("t"), FileTensor("t")), "m")
    assert graph.inputs != graph.outputs
    assert graph.nodes[0].origin == ("t",)


def test_all_reasons_come_at_once() -> None:
    """One error lists every op that stands in the way, with layer and reason, in the file's order."""
    custom = FileOperator((1,), (2,), {0: Cell("int8", files.CUSTOM)})
    elu = FileOperator((0,), (1,), {0: Cell("int8", 111)})
    uint8 = FileOperator((2,), (3,))
    tensors = (FileTensor("x"), FileTensor("a"), FileTensor("b"), FileTensor("y", quantization=None))
    error = _unsupported(FileModel(tensors, (elu, custom, uint8), (0,), (3,)).to_bytes())
    assert [reason.op for reason in error.reasons] == ["ELU", "CUSTOM ''", "RELU"]
    assert [reason.layers for reason in error.reasons] == [("a",), ("b",), ("y",)]
    assert all(reason.reason in str(error) for reason in error.reasons)


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (FileTensor("x", cells={5: Cell("uint8", 1)}), "a variable"),
        (FileTensor("x", cells={10: Cell("uint32", 2)}), "another file"),
        (FileTensor("x", sparse=True), "sparse"),
        (FileTensor("x", dtype=files.FLOAT64), "FLOAT64"),
        (FileTensor("x", quantization=FileQuantization((0.5,), (0,), 0, 1)), "a scheme of its own"),
    ],
)
def test_kinds_of_tensors_that_are_not_supported(tensor: FileTensor, words: str) -> None:
    """Variables, sparse and external tensors and other types are named as the reason."""
    assert words in _unsupported(relu_model(tensor)).reasons[0].reason


def test_what_nothing_needs_is_not_looked_at() -> None:
    """A dead operator of an unknown kind and its strange tensors do no harm."""
    tensors = (FileTensor("x"), FileTensor("y"), FileTensor("dead", dtype=files.FLOAT64, sparse=True))
    dead = FileOperator((2,), (2,), {0: Cell("int8", files.CUSTOM)})
    graph = load_tflite(FileModel(tensors, (FileOperator((0,), (1,)), dead)).to_bytes(), "m")
    assert (len(graph.nodes), sorted(graph.values)) == (1, ["x", "y"])


def test_float_models_load() -> None:
    """A float model is a graph in float arithmetic; whether there are kernels for it is asked later."""
    x, y = (FileTensor(name, dtype=files.FLOAT32, quantization=None) for name in "xy")
    graph = load_tflite(relu_model(x, y), "m")
    assert (graph.nodes[0].arithmetic, graph.tensor("x").dtype) == ("float", FLOAT32)


def test_only_the_main_subgraph_counts() -> None:
    """Further subgraphs belong to control flow, whose ops are refused by name."""
    assert load_tflite(relu_model(subgraphs=3), "m").inputs == ("x",)
    loop = FileOperator((0,), (1,), {0: Cell("int8", 119)})
    assert _unsupported(relu_model(operators=(loop,), subgraphs=2)).reasons[0].op == "WHILE"


def test_data_behind_the_tables() -> None:
    """Files of the 2 GB format keep constants behind the flatbuffer, where offset and size say."""
    q = FileQuantization((0.5,), (0,))
    length = len(conv_model(FileTensor("weights", (2, 1, 1, 2), span=(1 << 20, 4), quantization=q)))
    placed = conv_model(FileTensor("weights", (2, 1, 1, 2), span=(length, 4), quantization=q))
    assert len(placed) == length
    weights = load_tflite(placed + bytes([1, 2, 3, 4]), "m").constant("weights")
    assert weights.values.ravel().tolist() == [1, 2, 3, 4]
    assert "outside of the file" in _refused(placed + bytes([1, 2, 3]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a .tflite file"),
        (b"TFL3", "not a .tflite file"),
        (relu_model(identifier=b"TFL2"), "not a .tflite file"),
        (b"\xff\xff\xff\xff" + relu_model()[4:], "outside of the file"),
        (relu_model()[:-40], "outside of the file"),
        (relu_model(subgraphs=0), "no subgraph"),
        (relu_model(inputs=(7,)), "names tensor 7"),
        (relu_model(outputs=(-3,)), "names tensor -3"),
        (relu_model(inputs=(0, 0)), "twice among its inputs"),
        (relu_model(operators=(FileOperator((0, 9), (1,)),)), "names tensor 9"),
        (relu_model(operators=(FileOperator((), (1,)),)), "lacks its operand 0"),
        (relu_model(operators=(FileOperator((0,), (1, 1)),)), "2 outputs"),
        (relu_model(operators=(FileOperator((0,), (1,)), FileOperator((0,), (1,)))), "exactly one source"),
        (relu_model(operators=()), "never computed"),
        (relu_model(operators=(FileOperator((1,), (1,)),)), "computed before it"),
        (relu_model(FileTensor("x", data=bytes(4))), "neither an input of the graph"),
        (relu_model(y=FileTensor("y", data=bytes(4))), "1 of them constants"),
        (relu_model(FileTensor("x", dtype=99)), "unknown type 99"),
        (relu_model(y=FileTensor("y", (1, 5))), "but the file says int8[1, 5]"),
        (relu_model(y=FileTensor("y", dtype=files.INT32)), "but the file says int32[1, 4]"),
        (conv_model(FileTensor("weights", (2, 1, 1, 2), data=bytes(3))), "a buffer of 3 bytes"),
        (conv_model(FileTensor("weights", (2, 1, 1, 3), data=bytes(6))), "do not fit an input of 2 channels"),
        (conv_model(FileTensor("x", (1, 2, 4))), "4 dimensions"),
        (conv_model(operator=files.conv_operator((0, 1, 2), (3,), slot1=Cell("int32", 0))), "stride_w 0"),
        (conv_model(operator=files.conv_operator((0, 1, 2), (3,), slot5=Cell("int32", -1))), "dilation_h_factor -1"),
        (conv_model(operator=files.conv_operator((0, 1, 2), (3,), slot0=Cell("int8", 2))), "unknown padding 2"),
        (conv_model(operator=files.conv_operator((0, 1, 2), (3,), slot3=Cell("int8", 6))), "fused activation 6"),
    ],
)
def test_damage_is_named(data: bytes, words: str) -> None:
    """A damaged file is refused with what is wrong and where."""
    assert words in _refused(data)


def test_other_schema_versions_are_unsupported() -> None:
    """Only version 3 of the format was ever in use."""
    assert "version 2" in str(_unsupported(relu_model(version=2)))


def test_models_that_compute_nothing_are_unsupported() -> None:
    """A model without inputs or whose output is its input has nothing to be run."""
    assert "not computed" in str(_unsupported(relu_model(outputs=(0,))))
    assert "0 outputs" in str(_unsupported(relu_model(outputs=())))


def test_parts_that_overlap_are_found_out() -> None:
    """Many tensors that share one long name would make far more work than the file is long."""
    chain = tuple(FileOperator((index,), (index + 1,)) for index in range(100))
    tensors = [FileTensor("x" * 200_000)] * 101
    assert "overlap" in _refused(FileModel(tensors, chain, (0,), (100,)).to_bytes())


def test_shape_arithmetic_for_a_reshape_is_left_out() -> None:
    """The target of a RESHAPE is its output's shape, so that the ops that compute it are not even read."""
    tensors = (FileTensor("x"), FileTensor("sizes", (2,), files.INT32, quantization=None), FileTensor("y", (4, 1)))
    shape = FileOperator((0,), (1,), {0: Cell("int8", 77)})
    reshape = FileOperator((0, 1), (2,), {0: Cell("int8", 22)})
    graph = load_tflite(FileModel(tensors, (shape, reshape), (0,), (2,)).to_bytes(), "m")
    assert [node.op for node in graph.nodes] == ["RESHAPE"]
    assert graph.nodes[0].inputs == ("x",)


@pytest.mark.parametrize(("op", "code"), [("SQUEEZE", 43), ("EXPAND_DIMS", 70)])
def test_squeeze_and_expand_dims_are_reshapes(op: str, code: int) -> None:
    """What only renames dimensions is a RESHAPE to the output's shape."""
    shapes = ((1, 4), (4,)) if op == "SQUEEZE" else ((1, 4), (1, 1, 4))
    axis = FileTensor("axis", (), files.INT32, struct.pack("<i", 0), None)
    tensors = (FileTensor("x", shapes[0]), axis, FileTensor("y", shapes[1]))
    operator = FileOperator((0, 1), (2,), {0: Cell("int8", code)})
    (node,) = load_tflite(FileModel(tensors, (operator,), (0,), (2,)).to_bytes(), "m").nodes
    assert (node.op, node.attrs.shape) == ("RESHAPE", shapes[1])


@pytest.mark.parametrize("axes", [[2, 1], [-3, -2], [1, 2, 1]])
def test_axes_are_sorted_and_counted_from_the_front(axes: list[int]) -> None:
    """MEAN over the same axes is the same node, however the file lists them."""
    raw = struct.pack(f"<{len(axes)}i", *axes)
    operand = FileTensor("axes", (len(axes),), files.INT32, raw, None)
    tensors = (FileTensor("x", (1, 2, 2, 2)), operand, FileTensor("y", (1, 2)))
    mean = FileOperator((0, 1), (2,), {0: Cell("int8", 40)}, 27, {0: Cell("bool", False)})
    (node,) = load_tflite(FileModel(tensors, (mean,), (0,), (2,)).to_bytes(), "m").nodes
    assert node.attrs.axes == (1, 2)


def test_round_trip_of_a_small_model() -> None:
    """A graph that was written and read again is the same graph."""
    graph = small_conv()
    again = load_tflite(export_tflite(graph), graph.name)
    assert again == graph
    for name, value in graph.values.items():
        if isinstance(value, Constant):
            assert (again.constant(name).values == value.values).all()


def test_the_demo_loads(digits_model: Path) -> None:
    """The demo's own model is int8 from input to output."""
    graph = load_tflite(digits_model.read_bytes(), "digits")
    assert {graph.tensor(name).dtype for name in (*graph.inputs, *graph.outputs)} == {INT8}
