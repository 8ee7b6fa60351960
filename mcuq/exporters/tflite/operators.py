"""How each op of the graph is said in TFLite: one function an op, one visible list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mcuq.exporters.tflite.codes import ACTIVATION_CODES, PADDING_CODES, TYPE_CODES
from mcuq.exporters.tflite.lowering import FileOperator, Lowering, Options, cannot_say
from mcuq.exporters.tflite.writer import Cell
from mcuq.ir import FLOAT32, INT8, Constant, Node
from mcuq.ops.pad import Pad
from mcuq.ops.window import Padding, same_padding

Lower = Callable[[Node, Lowering], list[FileOperator]]


def _activation(node: Node) -> Cell:
    return Cell("int8", ACTIVATION_CODES[node.attrs.activation])


def _plain(node: Node, lowering: Lowering, options: Options | None = None) -> list[FileOperator]:
    """An operator with the node's own operands."""
    return [FileOperator(node.op, node.inputs, node.outputs, options or {})]


def _padding_name(padding: Padding, *, same: Padding) -> str | None:
    """VALID, SAME, or None for a padding that TFLite has no word for."""
    if padding == Padding():
        return "VALID"
    return "SAME" if padding == same else None


def _framed(node: Node, lowering: Lowering, padding: Padding, fill: int | None) -> tuple[FileOperator, str]:
    """A PAD before the node's first operand, and the name of what it computes."""
    x = lowering.values[node.inputs[0]]
    attrs = Pad((0, padding.top, padding.left, 0), (0, padding.bottom, padding.right, 0), fill)
    shape = tuple(a + n + b for a, n, b in zip(attrs.before, x.shape, attrs.after, strict=True))
    name = lowering.tensor(f"{node.outputs[0]}/padded", shape, x)
    pad = Node("PAD", (x.name,), (name,), attrs, node.arithmetic, node.origin)
    return _lower_pad(pad, lowering)[0], name


def _windowed(
    node: Node, lowering: Lowering, size: tuple[int, int], dilation: tuple[int, int], options: Options, fill: int | None
) -> list[FileOperator]:
    """A convolution or pooling; padding that is neither SAME nor VALID becomes a PAD of its own."""
    attrs, shape = node.attrs, lowering.values[node.inputs[0]].shape
    same = same_padding(size, attrs.stride, dilation, (shape[1], shape[2]))
    name = _padding_name(attrs.padding, same=same)
    if name is not None:
        return _plain(node, lowering, {0: Cell("int8", PADDING_CODES[name]), **options})
    pad, framed = _framed(node, lowering, attrs.padding, fill)
    valid = {0: Cell("int8", PADDING_CODES["VALID"]), **options}
    return [pad, FileOperator(node.op, (framed, *node.inputs[1:]), node.outputs, valid)]


def _strides(attrs: Any) -> Options:
    return {1: Cell("int32", attrs.stride[1]), 2: Cell("int32", attrs.stride[0])}


def dequantized(node: Node, lowering: Lowering) -> tuple[Node, list[FileOperator]]:
    """The node with float32 weights, and the operators that make them of float16 or int8 ones, as TFLite says it."""
    if node.arithmetic != "float":
        return node, []
    inputs, operators = list(node.inputs), []
    for index, name in enumerate(node.inputs):
        value = lowering.values[name]
        if isinstance(value, Constant) and value.dtype != FLOAT32:
            inputs[index] = lowering.real(f"{node.outputs[0]}/operand {index}", value.shape)
            operators.append(FileOperator("DEQUANTIZE", (name,), (inputs[index],)))
    return replace(node, inputs=tuple(inputs)), operators


def _check_weights(node: Node, lowering: Lowering) -> None:
    """TFLM takes int8 weights to be symmetric, but for one zero point of a fully connected layer."""
    weights = lowering.values[node.inputs[1]]
    q = weights.quantization
    if weights.dtype != INT8 or q is None or not any(q.zero_points):
        return
    if node.op != "FULLY_CONNECTED" or not q.is_per_tensor:
        raise cannot_say(node.op, node.origin, "int8 weights with zero points")


def _lower_conv_2d(node: Node, lowering: Lowering) -> list[FileOperator]:
    _check_weights(node, lowering)
    attrs, shape = node.attrs, lowering.values[node.inputs[1]].shape
    rows, columns = (Cell("int32", factor) for factor in attrs.dilation)
    options = {**_strides(attrs), 3: _activation(node), 4: columns, 5: rows}
    return _windowed(node, lowering, (shape[1], shape[2]), attrs.dilation, options, None)


def _lower_depthwise_conv_2d(node: Node, lowering: Lowering) -> list[FileOperator]:
    _check_weights(node, lowering)
    if node.arithmetic == "hybrid":
        lowering.repeat_scale(node.inputs[1], axis=3)
    attrs, shape = node.attrs, lowering.values[node.inputs[1]].shape
    rows, columns = (Cell("int32", factor) for factor in attrs.dilation)
    multiplier = Cell("int32", attrs.depth_multiplier)
    options = {**_strides(attrs), 3: multiplier, 4: _activation(node), 5: columns, 6: rows}
    return _windowed(node, lowering, (shape[1], shape[2]), attrs.dilation, options, None)


def _lower_pool(node: Node, lowering: Lowering) -> list[FileOperator]:
    attrs, x = node.attrs, lowering.values[node.inputs[0]]
    if attrs.halves_up:
        raise cannot_say(node.op, node.origin, "int8 averages with halves rounded up")
    filters = {3: Cell("int32", attrs.size[1]), 4: Cell("int32", attrs.size[0])}
    options = {**_strides(attrs), **filters, 5: _activation(node)}
    lowered = _windowed(node, lowering, attrs.size, (1, 1), options, x.dtype.minimum if x.dtype.is_integer else None)
    if len(lowered) > 1 and (node.op == "AVERAGE_POOL_2D" or not x.dtype.is_integer):
        raise cannot_say(node.op, node.origin, f"the padding {attrs.padding}")
    return lowered


def _lower_fully_connected(node: Node, lowering: Lowering) -> list[FileOperator]:
    _check_weights(node, lowering)
    options = {0: _activation(node), 2: Cell("bool", node.attrs.keep_num_dims)}
    if node.arithmetic == "hybrid":
        options[3] = Cell("bool", node.attrs.asymmetric_inputs)
    return _plain(node, lowering, options)


def _lower_binary(node: Node, lowering: Lowering) -> list[FileOperator]:
    return _plain(node, lowering, {0: _activation(node)})


def _lower_concatenation(node: Node, lowering: Lowering) -> list[FileOperator]:
    return _plain(node, lowering, {0: Cell("int32", node.attrs.axis), 1: _activation(node)})


def _lower_softmax(node: Node, lowering: Lowering) -> list[FileOperator]:
    return _plain(node, lowering, {0: Cell("float32", node.attrs.beta)})


def _lower_mean(node: Node, lowering: Lowering) -> list[FileOperator]:
    axes = lowering.constant(f"{node.outputs[0]}/axes", node.attrs.axes, "int32")
    options = {0: Cell("bool", node.attrs.keep_dims)}
    return [FileOperator("MEAN", (*node.inputs, axes), node.outputs, options)]


def _lower_pad(node: Node, lowering: Lowering) -> list[FileOperator]:
    attrs, stem = node.attrs, node.outputs[0]
    sides = lowering.constant(f"{stem}/paddings", list(zip(attrs.before, attrs.after, strict=True)), "int32")
    if attrs.value is None:
        return [FileOperator("PAD", (*node.inputs, sides), node.outputs)]
    x = lowering.values[node.inputs[0]]
    fill = lowering.constant(f"{stem}/fill", [attrs.value], x.dtype.name, x.quantization)
    return [FileOperator("PADV2", (*node.inputs, sides, fill), node.outputs)]


def _lower_reshape(node: Node, lowering: Lowering) -> list[FileOperator]:
    shape = lowering.constant(f"{node.outputs[0]}/shape", node.attrs.shape, "int32")
    return [FileOperator("RESHAPE", (*node.inputs, shape), node.outputs)]


def _lower_shape(node: Node, lowering: Lowering) -> list[FileOperator]:
    return _plain(node, lowering, {0: Cell("int8", TYPE_CODES[node.attrs.dtype])})


def _lower_pack(node: Node, lowering: Lowering) -> list[FileOperator]:
    return _plain(node, lowering, {0: Cell("int32", len(node.inputs)), 1: Cell("int32", node.attrs.axis)})


def _mask(bounds: tuple[int | None, ...]) -> Cell:
    return Cell("int32", sum(1 << index for index, bound in enumerate(bounds) if bound is None))


def _lower_strided_slice(node: Node, lowering: Lowering) -> list[FileOperator]:
    attrs, stem = node.attrs, node.outputs[0]
    operands = tuple(
        lowering.constant(f"{stem}/{name}", [bound or 0 for bound in bounds], "int32")
        for name, bounds in (("begin", attrs.begin), ("end", attrs.end), ("stride", attrs.stride))
    )
    shrink = Cell("int32", sum(1 << axis for axis in attrs.shrink))
    options = {0: _mask(attrs.begin), 1: _mask(attrs.end), 4: shrink}
    return [FileOperator("STRIDED_SLICE", (*node.inputs, *operands), node.outputs, options)]


LOWER: Mapping[str, Lower] = {
    "ADD": _lower_binary,
    "AVERAGE_POOL_2D": _lower_pool,
    "CONCATENATION": _lower_concatenation,
    "CONV_2D": _lower_conv_2d,
    "DEPTHWISE_CONV_2D": _lower_depthwise_conv_2d,
    "DEQUANTIZE": _plain,
    "FULLY_CONNECTED": _lower_fully_connected,
    "LOGISTIC": _plain,
    "MAX_POOL_2D": _lower_pool,
    "MEAN": _lower_mean,
    "MUL": _lower_binary,
    "PACK": _lower_pack,
    "PAD": _lower_pad,
    "QUANTIZE": _plain,
    "RELU": _plain,
    "RELU6": _plain,
    "RESHAPE": _lower_reshape,
    "SHAPE": _lower_shape,
    "SOFTMAX": _lower_softmax,
    "STRIDED_SLICE": _lower_strided_slice,
    "SUB": _lower_binary,
    "TANH": _plain,
}
