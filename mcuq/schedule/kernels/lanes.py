"""Two pixels in one 32-bit product, for cores without wider ones: where lanes must be emptied, and what follows a sum.

A patch word holds the inputs of two pixels, 16 bits apart, and a weight multiplies both. A lane holds 16 bits, so sums
of 128 * |weight| may reach 2^15 - 1 before the lanes are emptied into 32-bit sums; how many taps that are is known when
the weights are. The requantisation is that of mixed_lanes, for sums times 256.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import PackedConstant
from mcuq.ir import INT8, Graph, Node
from mcuq.ops.activation import quantized_range
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernels.mixed_lanes import Folded, factors

Array = npt.NDArray[Any]

FEATURES = frozenset({"mul32"})
BLOCK = 4  # channels
LANE_LIMIT = 1 << 15
LONGEST_RUN = 255  # as stored in a byte


@dataclass(frozen=True, slots=True)
class LanesParameters:
    """`zero_point` is what padding reads as; the bounds are those of the fused activation."""

    zero_point: int
    output_min: int
    output_max: int


def refusal_of_types(node: Node, graph: Graph) -> str | None:
    """Why a layer with weights is none for these kernels, before its numbers are looked at, or None."""
    x, weights = graph[node.inputs[0]], graph.constant(node.inputs[1])
    if node.arithmetic != "tflm" or x.dtype != INT8 or weights.dtype != INT8:
        return "it is made for int8 with TFLM's rounding"
    return "its weights have zero points" if any(quantization_of(weights).zero_points) else None


def parameters(node: Node, graph: Graph) -> LanesParameters:
    """What the function is told beside its constants."""
    x, y = graph[node.inputs[0]], graph.tensor(node.outputs[0])
    low, high = quantized_range(node.attrs.activation, y)
    return LanesParameters(quantization_of(x).zero_point, low, high)


def is_linear(node: Node, graph: Graph) -> bool:
    """Whether negative sums can be seen in the output, so that their rounding matters."""
    return quantization_of(graph.tensor(node.outputs[0])).zero_point != -128


def channel_constants(layer: Folded, zero_point: int) -> PackedConstant:
    """Bias, multiplier, rounding and shift of every channel, as the C function reads them."""
    rows = [
        (int(bias), *factors(*multiplier, zero_point))
        for bias, multiplier in zip(layer.bias, layer.multipliers, strict=True)
    ]
    return PackedConstant("channels", "int32_t", np.array(rows, np.int32).reshape(-1))


def common_constants(layer: Folded, zero_point: int) -> PackedConstant:
    """Multiplier, rounding and shift that serve all channels, then the biases."""
    numbers = np.concatenate([np.array(factors(*layer.multipliers[0], zero_point), np.int64), layer.bias])
    return PackedConstant("channels", "int32_t", numbers.astype(np.int32))


def blocks(rows: Array) -> Array:
    """int64 weights [channels, taps] as [blocks, taps, 4], with zeros where there is no channel."""
    channels, taps = rows.shape
    padded = np.zeros((-(-channels // BLOCK) * BLOCK, taps), np.int64)
    padded[:channels] = rows
    return np.asarray(padded.reshape(-1, BLOCK, taps).transpose(0, 2, 1))


def runs_of(block: Array) -> list[int]:
    """How many taps of a block [taps, 4] fit the lanes at a time: two at least."""
    runs, held = [0], np.zeros(BLOCK, np.int64)
    for tap in 128 * np.abs(block):
        if (held + tap >= LANE_LIMIT).any() or runs[-1] == LONGEST_RUN:
            runs.append(0)
            held = np.zeros(BLOCK, np.int64)
        runs[-1] += 1
        held = held + tap
    return runs


def packed_weights(packed: Array) -> PackedConstant:
    """The weights of all blocks [blocks, taps, 4]."""
    return PackedConstant("weights", "int8_t", packed.astype(np.int8).reshape(-1))


def weight_constants(packed: Array) -> tuple[PackedConstant, PackedConstant]:
    """Weights and runs of all blocks [blocks, taps, 4]."""
    runs = [run for block in packed for run in runs_of(block)]
    return packed_weights(packed), PackedConstant("runs", "uint8_t", np.array(runs, np.uint8))
