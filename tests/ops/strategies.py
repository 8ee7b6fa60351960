"""Random graphs of one op, and inputs for them: what interpreter, generated C and TFLM are compared on.

`graphs_of(op)` gives graphs within the limits of the op's card; `inputs_for(graph, seed)` gives random and
saturating samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import assume
from hypothesis import strategies as st

from mcuq.ir import FLOAT32, INT8, INT16, INT32, UINT8, Constant, DType, Graph, Node, Quantization, Tensor, Value
from mcuq.ops import NoAttrs, card_of
from mcuq.ops.activation import ACTIVATIONS
from mcuq.ops.binary import Binary
from mcuq.ops.concatenation import Concatenation
from mcuq.ops.conv_2d import Conv2D
from mcuq.ops.depthwise_conv_2d import DepthwiseConv2D
from mcuq.ops.fully_connected import FullyConnected
from mcuq.ops.mean import Mean
from mcuq.ops.pack import Pack
from mcuq.ops.pad import Pad
from mcuq.ops.pool import Pool2D
from mcuq.ops.quantize import Quantize
from mcuq.ops.reshape import Reshape
from mcuq.ops.shape import Shape
from mcuq.ops.softmax import Softmax
from mcuq.ops.strided_slice import StridedSlice
from mcuq.ops.window import Padding, same_padding

Array = npt.NDArray[Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]
Pair = tuple[int, int]

activations = st.sampled_from(sorted(ACTIVATIONS))
zero_points = st.one_of(st.sampled_from((-128, 0, 127)), st.integers(-128, 127))
seeds = st.integers(0, 2**32 - 1)


def float32(value: float) -> float:
    """The nearest float32, as scales are kept."""
    return float(np.float32(value))


def scales(least: float = -10, greatest: float = 2) -> st.SearchStrategy[float]:
    """Scales spread evenly over the powers of two from 2^least to 2^greatest."""
    return st.floats(least, greatest).map(lambda exponent: float32(2.0**exponent))


def quantizations(least: float = -10, greatest: float = 2) -> st.SearchStrategy[Quantization]:
    """One scale, one zero point, the extremes often."""
    return st.builds(lambda s, z: Quantization((s,), (z,)), scales(least, greatest), zero_points)


def shapes(least_rank: int = 1, greatest_rank: int = 4, greatest: int = 5) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes with batch 1 where there are four dimensions."""
    sizes = st.lists(st.integers(1, greatest), min_size=least_rank, max_size=greatest_rank)
    return sizes.map(lambda size: (1, *size[1:]) if len(size) == 4 else tuple(size))


def single_op(op: str, inputs: tuple[Value, ...], attrs: Any, quantization: Quantization | None) -> Graph:
    """The graph of one node whose output has the inferred shape; an example that does not fit is dropped."""
    try:
        ((shape, dtype),) = card_of(op).infer(attrs, inputs)
    except ValueError:
        assume(False)
    assume(0 not in shape)
    y = Tensor("y", shape, dtype, quantization)
    arithmetic = "float" if inputs[0].dtype == FLOAT32 == dtype else "tflm"
    node = Node(op, tuple(value.name for value in inputs), ("y",), attrs, arithmetic, ("y",))
    fed = tuple(value.name for value in inputs if isinstance(value, Tensor))
    return Graph(op.lower(), {value.name: value for value in (*inputs, y)}, (node,), fed, ("y",))


def tensor(name: str, shape: tuple[int, ...], q: Quantization | None, dtype: DType = INT8) -> Tensor:
    """A run-time value."""
    return Tensor(name, shape, dtype, q)


def constant(name: str, values: Array, dtype: DType, q: Quantization | None) -> Constant:
    """A constant with the shape of `values`."""
    return Constant(name, values.shape, dtype, q, values.astype(dtype.numpy))


def _extreme_integers(rng: np.random.Generator, shape: tuple[int, ...], low: int, high: int) -> Array:
    """Whole numbers that are the least or the greatest one half of the time."""
    values = rng.integers(low, high + 1, shape)
    ends = np.where(rng.random(shape) < 0.5, low, high)
    return np.where(rng.random(shape) < rng.choice((0.0, 0.5, 1.0)), ends, values)


def _weights_and_bias(
    draw: Draw, shape: tuple[int, ...], axis: int, in_scale: float
) -> tuple[tuple[Constant, ...], float]:
    """Weights, perhaps a bias, and the accumulator's greatest scale."""
    rng = np.random.default_rng(draw(seeds))
    channels = shape[axis]
    per_channel = draw(st.booleans())
    weight_scales = tuple(draw(scales(-12, -2)) for _ in range(channels if per_channel else 1))
    many = len(weight_scales) > 1
    weights = constant(
        "weights",
        _extreme_integers(rng, shape, -127, 127),
        INT8,
        Quantization(weight_scales, (0,) * len(weight_scales), axis if many else None),
    )
    products = tuple(float32(in_scale * scale) for scale in weight_scales)
    if not draw(st.booleans()):
        return (weights,), max(products)
    reach = 1 << draw(st.sampled_from((0, 8, 16, 22)))
    q = Quantization(products, (0,) * len(products), 0 if many else None)
    bias = constant("bias", _extreme_integers(rng, (channels,), -reach, reach), INT32, q)
    return (weights, bias), max(products)


def _output_of(draw: Draw, accumulator_scale: float) -> Quantization:
    """An output scale that makes the greatest multiplier anything from 2^-18 to 4."""
    return Quantization((float32(accumulator_scale * 2.0 ** draw(st.floats(-2, 18))),), (draw(zero_points),))


def _pair(draw: Draw, greatest: int) -> Pair:
    return draw(st.integers(1, greatest)), draw(st.integers(1, greatest))


def _padding(draw: Draw, size: Pair, stride: Pair, dilation: Pair, image: Pair, *, explicit: bool = True) -> Padding:
    kind = draw(st.sampled_from(("VALID", "SAME", "explicit") if explicit else ("VALID", "SAME")))
    if kind == "VALID":
        return Padding()
    if kind == "SAME":
        return same_padding(size, stride, dilation, image)
    rows, columns = st.integers(0, size[0] - 1), st.integers(0, size[1] - 1)
    return Padding(draw(rows), draw(rows), draw(columns), draw(columns))


@st.composite
def conv_2d_graphs(draw: Draw) -> Graph:
    """Images up to 8x8x5, windows up to 4x4, strides up to 3, dilations up to 3."""
    image, size, stride, dilation = _pair(draw, 8), _pair(draw, 4), _pair(draw, 3), _pair(draw, 3)
    channels, filters = _pair(draw, 5)
    x = tensor("x", (1, *image, channels), draw(quantizations()))
    assert x.quantization is not None
    constants, scale = _weights_and_bias(draw, (filters, *size, channels), 0, x.quantization.scale)
    attrs = Conv2D(stride, dilation, _padding(draw, size, stride, dilation, image), draw(activations))
    return single_op("CONV_2D", (x, *constants), attrs, _output_of(draw, scale))


@st.composite
def depthwise_conv_2d_graphs(draw: Draw) -> Graph:
    """As convolutions, with depth multipliers up to 3."""
    image, size, stride, dilation = _pair(draw, 8), _pair(draw, 4), _pair(draw, 3), _pair(draw, 3)
    channels, multiplier = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    x = tensor("x", (1, *image, channels), draw(quantizations()))
    assert x.quantization is not None
    constants, scale = _weights_and_bias(draw, (1, *size, channels * multiplier), 3, x.quantization.scale)
    padding = _padding(draw, size, stride, dilation, image)
    attrs = DepthwiseConv2D(stride, dilation, padding, multiplier, draw(activations))
    return single_op("DEPTHWISE_CONV_2D", (x, *constants), attrs, _output_of(draw, scale))


@st.composite
def fully_connected_graphs(draw: Draw) -> Graph:
    """Rows of up to 40 elements, with and without the input's rank kept."""
    row, outputs = draw(st.integers(1, 40)), draw(st.integers(1, 8))
    leading = draw(st.sampled_from(((1,), (3,), (1, 2), (1, 1, 2))))
    x = tensor("x", (*leading, row), draw(quantizations()))
    assert x.quantization is not None
    constants, scale = _weights_and_bias(draw, (outputs, row), 0, x.quantization.scale)
    attrs = FullyConnected(draw(activations), draw(st.booleans()))
    return single_op("FULLY_CONNECTED", (x, *constants), attrs, _output_of(draw, scale))


def _broadcastable(draw: Draw) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes that broadcast to one."""
    whole = draw(shapes())
    smaller = tuple(size if draw(st.booleans()) else 1 for size in whole)
    kept = smaller[draw(st.integers(0, len(smaller) - 1)) :] if draw(st.booleans()) else smaller
    return (whole, kept) if draw(st.booleans()) else (kept, whole)


def _second_operand(draw: Draw, shape: tuple[int, ...], q: Quantization) -> Value:
    if draw(st.booleans()):
        return tensor("b", shape, q)
    return constant("b", _extreme_integers(np.random.default_rng(draw(seeds)), shape, -128, 127), INT8, q)


def _binary_graphs(op: str) -> st.SearchStrategy[Graph]:
    @st.composite
    def graphs(draw: Draw) -> Graph:
        first, second = _broadcastable(draw)
        q, r = draw(quantizations(-6, 1)), draw(quantizations(-6, 1))
        natural = q.scale * r.scale if op == "MUL" else max(q.scale, r.scale)
        output = Quantization((float32(natural * 2.0 ** draw(st.floats(-4, 10))),), (draw(zero_points),))
        operands = (tensor("a", first, q), _second_operand(draw, second, r))
        if draw(st.booleans()) and isinstance(operands[1], Constant):
            operands = (operands[1], operands[0])
        return single_op(op, operands, Binary(draw(activations)), output)

    return graphs()


def _pool_graphs(op: str) -> st.SearchStrategy[Graph]:
    @st.composite
    def graphs(draw: Draw) -> Graph:
        image, size, stride = _pair(draw, 8), _pair(draw, 5), _pair(draw, 3)
        q = draw(quantizations())
        padding = _padding(draw, size, stride, (1, 1), image, explicit=op == "MAX_POOL_2D")
        attrs = Pool2D(size, stride, padding, draw(activations))
        return single_op(op, (tensor("x", (1, *image, draw(st.integers(1, 5))), q),), attrs, q)

    return graphs()


@st.composite
def mean_graphs(draw: Draw) -> Graph:
    """Any non-empty set of axes, scales and zero points equal or not."""
    shape = draw(shapes(1, 4, 9))
    axes = draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    q = draw(quantizations())
    other = Quantization((float32(q.scale * 2.0 ** draw(st.floats(-4, 6))),), (draw(zero_points),))
    attrs = Mean(tuple(sorted(axes)), draw(st.booleans()))
    return single_op("MEAN", (tensor("x", shape, q),), attrs, draw(st.sampled_from((q, other))))


@st.composite
def softmax_graphs(draw: Draw) -> Graph:
    """Rows of up to 64 elements; beta 1 nearly always, as converters write it."""
    shape = (*draw(st.sampled_from(((1,), (4,), (1, 3), (1, 2, 2)))), draw(st.integers(1, 64)))
    x = tensor("x", shape, draw(quantizations(-12, 4)))
    beta = draw(st.sampled_from((1.0, 1.0, 0.5, 2.0)))
    return single_op("SOFTMAX", (x,), Softmax(beta), Quantization((1 / 256,), (-128,)))


def _unary_graphs(op: str, least: float, greatest: float, fixed: Quantization | None) -> st.SearchStrategy[Graph]:
    @st.composite
    def graphs(draw: Draw) -> Graph:
        q = draw(quantizations(least, greatest))
        free = Quantization((float32(q.scale * 2.0 ** draw(st.floats(-6, 6))),), (draw(zero_points),))
        output = fixed or (q if op == "RELU6" else free)
        return single_op(op, (tensor("x", draw(shapes()), q),), NoAttrs(), output)

    return graphs()


@st.composite
def quantize_graphs(draw: Draw) -> Graph:
    """float32 to int8, or int8 to another int8 scale."""
    q, shape = draw(quantizations()), draw(shapes())
    if draw(st.booleans()):
        return single_op("QUANTIZE", (tensor("x", shape, None, FLOAT32),), Quantize("int8"), q)
    other = Quantization((float32(q.scale * 2.0 ** draw(st.floats(-6, 6))),), (draw(zero_points),))
    return single_op("QUANTIZE", (tensor("x", shape, q),), Quantize("int8"), other)


@st.composite
def quantize_unsigned_graphs(draw: Draw) -> Graph:
    """uint8 to int8 and back."""
    q = draw(quantizations())
    shifted = Quantization((float32(q.scale * 2.0 ** draw(st.floats(-3, 3))),), (draw(zero_points) + 128,))
    if draw(st.booleans()):
        return single_op("QUANTIZE", (tensor("x", draw(shapes()), shifted, UINT8),), Quantize("int8"), q)
    return single_op("QUANTIZE", (tensor("x", draw(shapes()), q),), Quantize("uint8"), shifted)


@st.composite
def dequantize_graphs(draw: Draw) -> Graph:
    """int8 or uint8 to float32."""
    q, dtype = draw(quantizations()), draw(st.sampled_from((INT8, UINT8)))
    if dtype == UINT8:
        q = Quantization(q.scales, (q.zero_point + 128,))
    return single_op("DEQUANTIZE", (tensor("x", draw(shapes()), q, dtype),), NoAttrs(), None)


@st.composite
def concatenation_graphs(draw: Draw) -> Graph:
    """Two to four operands, one of them perhaps a constant."""
    shape, q = draw(shapes(2, 4)), draw(quantizations())
    axis = draw(st.integers(0, len(shape) - 1))
    parts: list[Value] = []
    for index in range(draw(st.integers(2, 4))):
        part = (*shape[:axis], draw(st.integers(1, 4)), *shape[axis + 1 :])
        if index == 1 and draw(st.booleans()):
            rng = np.random.default_rng(draw(seeds))
            parts.append(constant("c", _extreme_integers(rng, part, -128, 127), INT8, q))
        else:
            parts.append(tensor(f"x{index}", part, q))
    return single_op("CONCATENATION", tuple(parts), Concatenation(axis), q)


@st.composite
def pad_graphs(draw: Draw) -> Graph:
    """Up to two elements on each side, filled with the zero point or any number."""
    shape, q = draw(shapes()), draw(quantizations())
    before, after = (tuple(draw(st.integers(0, 2)) for _ in shape) for _ in range(2))
    value = draw(st.one_of(st.none(), st.integers(-128, 127)))
    return single_op("PAD", (tensor("x", shape, q),), Pad(before, after, value), q)


@st.composite
def reshape_graphs(draw: Draw) -> Graph:
    """The same sizes in another order, with and without ones."""
    shape, q = draw(shapes()), draw(quantizations())
    target = tuple(draw(st.permutations([*shape, *[1] * draw(st.integers(0, 1))])))
    target = draw(st.sampled_from((target, (math.prod(shape),))))
    return single_op("RESHAPE", (tensor("x", shape, q),), Reshape(target), q)


@st.composite
def shape_graphs(draw: Draw) -> Graph:
    """The sizes of anything."""
    return single_op("SHAPE", (tensor("x", draw(shapes()), draw(quantizations())),), Shape("int32"), None)


@st.composite
def pack_graphs(draw: Draw) -> Graph:
    """One to three operands of whole numbers, stacked along any axis."""
    shape = draw(shapes(1, 3))
    operands = tuple(tensor(f"x{index}", shape, None, INT32) for index in range(draw(st.integers(1, 3))))
    return single_op("PACK", operands, Pack(draw(st.integers(0, len(shape)))), None)


@st.composite
def strided_slice_graphs(draw: Draw) -> Graph:
    """Positive strides; bounds open, inside, negative; some dimensions dropped."""
    shape = draw(shapes(1, 3))
    begin, end, shrink = [], [], []
    for axis, size in enumerate(shape):
        begin.append(draw(st.one_of(st.none(), st.integers(-size, size - 1))))
        end.append(draw(st.one_of(st.none(), st.integers(-size, size))))
        if draw(st.integers(0, 3)) == 0:
            shrink.append(axis)
    stride = tuple(1 if axis in shrink else draw(st.integers(1, 3)) for axis in range(len(shape)))
    attrs = StridedSlice(tuple(begin), tuple(end), stride, tuple(shrink))
    return single_op("STRIDED_SLICE", (tensor("x", shape, None, INT32),), attrs, None)


STRATEGIES: Mapping[str, st.SearchStrategy[Graph]] = {
    "ADD": _binary_graphs("ADD"),
    "AVERAGE_POOL_2D": _pool_graphs("AVERAGE_POOL_2D"),
    "CONCATENATION": concatenation_graphs(),
    "CONV_2D": conv_2d_graphs(),
    "DEPTHWISE_CONV_2D": depthwise_conv_2d_graphs(),
    "DEQUANTIZE": dequantize_graphs(),
    "FULLY_CONNECTED": fully_connected_graphs(),
    "LOGISTIC": _unary_graphs("LOGISTIC", -12, 2.9, Quantization((1 / 256,), (-128,))),
    "MAX_POOL_2D": _pool_graphs("MAX_POOL_2D"),
    "MEAN": mean_graphs(),
    "MUL": _binary_graphs("MUL"),
    "PACK": pack_graphs(),
    "PAD": pad_graphs(),
    "QUANTIZE": st.one_of(quantize_graphs(), quantize_unsigned_graphs()),
    "RELU": _unary_graphs("RELU", -10, 2, None),
    "RELU6": _unary_graphs("RELU6", -10, 2, None),
    "RESHAPE": reshape_graphs(),
    "SHAPE": shape_graphs(),
    "SOFTMAX": softmax_graphs(),
    "STRIDED_SLICE": strided_slice_graphs(),
    "SUB": _binary_graphs("SUB"),
    "TANH": _unary_graphs("TANH", -12, 2.9, Quantization((1 / 128,), (0,))),
}


def graphs_of(op: str) -> st.SearchStrategy[Graph]:
    """Graphs of one node of that op; KeyError when nobody wrote a strategy."""
    return STRATEGIES[op]


def _float_samples(rng: np.random.Generator, count: int, value: Tensor, graph: Graph) -> Array:
    """Floats over the range of the op's output: random, on halves between two steps, and far outside."""
    q = graph[graph.outputs[0]].quantization
    scale, zero_point = (q.scale, q.zero_point) if q is not None else (1.0, 0)
    reach = 50_000 if graph[graph.outputs[0]].dtype == INT16 else 200
    steps = rng.uniform(-reach, reach, (count, *value.shape))
    steps[1::4] = np.floor(steps[1::4]) + 0.5
    steps[2::4] *= 1000
    return ((steps - zero_point) * scale).astype(np.float32)


def _integer_samples(rng: np.random.Generator, count: int, value: Tensor) -> Array:
    """Random numbers, the least, the greatest, a mix of both ends, and steps about the zero point."""
    low, high = (value.dtype.minimum, value.dtype.maximum) if value.dtype.bits <= 16 else (-1000, 1000)
    samples = rng.integers(low, high + 1, (count, *value.shape))
    if count > 4:
        samples[1], samples[2] = low, high
        samples[3] = np.where(rng.random(value.shape) < 0.5, low, high)
        centre = 0 if value.quantization is None else value.quantization.zero_point
        samples[4] = np.clip(centre + rng.integers(-2, 3, value.shape), low, high)
    return samples.astype(value.dtype.numpy)


def inputs_for(graph: Graph, seed: int, samples: int = 6) -> tuple[Array, ...]:
    """One array [samples, *shape] an input; five samples and more hold the extremes of every range."""
    rng = np.random.default_rng(seed)
    tensors = [graph.tensor(name) for name in graph.inputs]
    return tuple(
        _float_samples(rng, samples, value, graph) if value.dtype == FLOAT32 else _integer_samples(rng, samples, value)
        for value in tensors
    )
