"""Weights, bias and multipliers as arrays for flash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import PackedConstant
from mcuq.ir import Graph, Node

Array = npt.NDArray[Any]


def bias_of(node: Node, graph: Graph, channels: int) -> Array:
    """The node's bias as int64 [channels], zeros where it has none."""
    if len(node.inputs) < 3:
        return np.zeros(channels, np.int64)
    return graph.constant(node.inputs[2]).values.reshape(-1).astype(np.int64)


def fold_zero_point(bias: Array, weights: Array, zero_point: int) -> Array | None:
    """bias - zero_point * sum of weights, so that the kernel need not subtract the zero point from every input.

    `weights` are [channels, taps]. None where an int32 accumulator could overflow on the way.
    """
    sums = weights.astype(np.int64).sum(axis=1)
    folded = bias - zero_point * sums
    reach = np.abs(folded) + 128 * np.abs(weights.astype(np.int64)).sum(axis=1)
    return folded if int(reach.max(initial=0)) < 1 << 31 else None


def weights_constant(values: Array) -> PackedConstant:
    """int8 weights in the order in which the kernel reads them."""
    return PackedConstant("weights", "int8_t", np.ascontiguousarray(values, np.int8).reshape(-1))


def bias_constant(values: Array) -> PackedConstant:
    """int32 bias, one a channel."""
    return PackedConstant("bias", "int32_t", values.astype(np.int32))


def multiplier_constants(multipliers: Sequence[tuple[int, int]]) -> tuple[PackedConstant, PackedConstant]:
    """The 31-bit multipliers and the shifts, one a channel."""
    return (
        PackedConstant("multipliers", "int32_t", np.array([m for m, _ in multipliers], np.int32)),
        PackedConstant("shifts", "int8_t", np.array([s for _, s in multipliers], np.int8)),
    )
