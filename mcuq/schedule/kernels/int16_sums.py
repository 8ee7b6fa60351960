"""What the int16 kernels with weights share: sums of 32 bits where no input can overflow them, of 64 elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.arithmetic.int16x8 import reduced_multiplier
from mcuq.artifacts import PackedConstant
from mcuq.ir import Graph, Node
from mcuq.ops.activation import quantized_range
from mcuq.ops.weighted import accumulator_bound
from mcuq.schedule.kernels.packing import bias_constant, bias_of, weights_constant


@dataclass(frozen=True, slots=True)
class Int16Parameters:
    """The clamp of the fused activation; zero points are 0."""

    output_min: int
    output_max: int


@dataclass(frozen=True, slots=True)
class Int16Sums:
    """`wide`: sums and bias need 64 bits."""

    wide: bool
    constants: tuple[PackedConstant, ...]
    parameters: Int16Parameters


def int16_sums(node: Node, graph: Graph, rows: npt.NDArray[Any], multipliers: Sequence[tuple[int, int]]) -> Int16Sums:
    """Constants and parameters of a node with weights; `rows` are its weights as [channels, taps]."""
    bias = bias_of(node, graph, len(rows))
    wide = accumulator_bound(rows, bias, graph[node.inputs[0]], np.zeros(len(rows), np.int64)) >= 1 << 31
    factors = reduced_multiplier(np.array([multiplier for multiplier, _ in multipliers], np.int64))
    packed_bias = PackedConstant("wide_bias", "int64_t", bias) if wide else bias_constant(bias)
    constants = (
        weights_constant(graph.constant(node.inputs[1]).values),
        packed_bias,
        PackedConstant("multipliers", "int16_t", factors.astype(np.int16)),
        PackedConstant("shifts", "int8_t", np.array([shift for _, shift in multipliers], np.int8)),
    )
    low, high = quantized_range(node.attrs.activation, graph.tensor(node.outputs[0]))
    return Int16Sums(wide, constants, Int16Parameters(low, high))
