"""Weights of float and hybrid layers as arrays for flash: float, half or byte, with the scales of bytes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.artifacts import Overlap, PackedConstant
from mcuq.ir import Constant, Graph, Node

_BYTE = ("byte", "int8_t")  # int4 weights too: nothing unpacks them between floats
STORED = {"float32": ("float", "float"), "float16": ("half", "uint16_t"), "int8": _BYTE, "int4": _BYTE}


@dataclass(frozen=True, slots=True)
class FloatWeights:
    """`stored` as float, half or byte; `per_channel` tells whether there is a scale a channel, or one for all."""

    stored: str
    per_channel: bool


@dataclass(frozen=True, slots=True)
class PointersOnly:
    """The parameters of a kernel whose C struct holds nothing but its constants."""


def is_stored(weights: Constant) -> bool:
    """Whether the weights have a type that the kernels read, and no zero points."""
    q = weights.quantization
    return weights.dtype.name in STORED and (not weights.dtype.is_integer or q is None or not any(q.zero_points))


def float_weights(weights: Constant) -> FloatWeights:
    """How the weights are stored."""
    q = weights.quantization
    return FloatWeights(STORED[weights.dtype.name][0], q is not None and not q.is_per_tensor)


def refuses_types(node: Node, graph: Graph) -> str | None:
    """Why a float kernel does not read these weights."""
    weights = graph.constant(node.inputs[1])
    return None if is_stored(weights) else f"{weights.dtype.name} weights are not read in float"


def weight_constants(node: Node, graph: Graph, channels: int) -> tuple[PackedConstant, ...]:
    """Weights in the order of the file, the bias as float (zeros where there is none), the scales of bytes."""
    weights = graph.constant(node.inputs[1])
    flat = np.ascontiguousarray(weights.values).reshape(-1)
    packed = PackedConstant(
        "weights", STORED[weights.dtype.name][1], flat.view(np.uint16) if flat.dtype == np.float16 else flat
    )
    bias = np.zeros(channels, np.float32)
    if len(node.inputs) > 2:
        bias = graph.constant(node.inputs[2]).values.reshape(-1).astype(np.float32)
    constants = (packed, PackedConstant("bias", "float", bias))
    if weights.quantization is None or not weights.dtype.is_integer:
        return constants
    return (*constants, PackedConstant("scales", "float", np.array(weights.quantization.scales, np.float32)))


def anywhere(node: Node, graph: Graph) -> tuple[Overlap, ...]:
    """The output may lie anywhere over the input: a hybrid kernel has its input in scratch before it writes."""
    x, y = graph[node.inputs[0]], graph.tensor(node.outputs[0])
    return (Overlap(x.name, y.name, -(x.bytes + y.bytes)),)


def refuses_hybrid(node: Node, graph: Graph, channel_axis: int) -> str | None:
    """Why a hybrid kernel does not read these weights: it needs int8, and sums that fit 32 bits for every input."""
    weights = graph.constant(node.inputs[1])
    if not weights.dtype.is_integer or weights.quantization is None or not is_stored(weights):
        return "hybrid arithmetic needs int8 or int4 weights with zero point 0"
    rows = np.moveaxis(weights.values, channel_axis, 0).reshape(weights.shape[channel_axis], -1).astype(np.int64)
    fits = int(np.abs(rows).sum(axis=1).max(initial=0)) * 255 < 1 << 31
    return None if fits else "an input can overflow the 32-bit accumulator"
