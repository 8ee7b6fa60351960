"""Weights, bias and multipliers as arrays for flash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.arithmetic import arithmetic_named
from mcuq.arithmetic.shift import right_shift
from mcuq.artifacts import PackedConstant
from mcuq.ir import Graph, Node
from mcuq.ops.weighted import weight_reach

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


@dataclass(frozen=True, slots=True)
class PackedBias:
    """`folded`: it holds the input's zero point; `rounded`: and the half that a right shift needs to round."""

    values: Array
    folded: bool
    rounded: bool


def packed_bias(
    bias: Array, rows: Array, weight_zeros: Array, zero_point: int, shifts: Array | None, *, padded: bool
) -> PackedBias:
    """What can be added to the bias before run time, wherever no int32 accumulator can overflow by it.

    `rows` are the weights as stored, [channels, taps]; `shifts` the right shifts a channel in Q format, else None;
    `padded`: some windows leave the image, so that their zero points add up to less.
    """
    reach = weight_reach(rows, weight_zeros)
    folded = None if padded else fold_zero_point(bias, rows.astype(np.int64) - weight_zeros[:, None], zero_point)
    if folded is not None and not _fits(folded, 128 * reach):
        folded = None
    values, widest = (bias, max(127 - zero_point, 128 + zero_point)) if folded is None else (folded, 128)
    if shifts is None or shifts.min(initial=1) < 1:
        return PackedBias(values, folded is not None, False)
    halves = values + (np.int64(1) << (shifts - 1))
    rounds = _fits(halves, widest * reach)
    return PackedBias(halves if rounds else values, folded is not None, rounds)


def _fits(bias: Array, reach: Array) -> bool:
    return int((np.abs(bias) + reach).max(initial=0)) < 1 << 31


def right_shifts(multipliers: Sequence[tuple[int, int]], arithmetic: str) -> Array | None:
    """The right shift of each factor where that arithmetic has no multipliers, int64 [channels]; None elsewhere."""
    if arithmetic_named(arithmetic).stores_multipliers:
        return None
    return np.asarray([stored_shift(factor, arithmetic) for factor in multipliers], np.int64)


def zero_point_constants(zero_points: Array) -> tuple[PackedConstant, ...]:
    """The weights' zero points, one a channel; nothing where all are 0."""
    if not zero_points.any():
        return ()
    return (PackedConstant("weight_zero_points", "int8_t", zero_points.astype(np.int8)),)


def weights_constant(values: Array) -> PackedConstant:
    """int8 weights in the order in which the kernel reads them."""
    return PackedConstant("weights", "int8_t", np.ascontiguousarray(values, np.int8).reshape(-1))


def bias_constant(values: Array) -> PackedConstant:
    """int32 bias, one a channel."""
    return PackedConstant("bias", "int32_t", values.astype(np.int32))


def stored_shift(factor: tuple[int, int], arithmetic: str) -> int:
    """The shift as the C function of that arithmetic takes it: to the right where no multiplier goes with it."""
    return factor[1] if arithmetic_named(arithmetic).stores_multipliers else int(right_shift(*factor))


def multiplier_constants(
    multipliers: Sequence[tuple[int, int]], arithmetic: str = "tflm"
) -> tuple[PackedConstant, ...]:
    """The 31-bit multipliers, where that arithmetic has any, and the shifts, one a channel."""
    shifts = np.array([stored_shift(factor, arithmetic) for factor in multipliers], np.int8)
    packed_shifts = PackedConstant("shifts", "int8_t", shifts)
    if not arithmetic_named(arithmetic).stores_multipliers:
        return (packed_shifts,)
    return PackedConstant("multipliers", "int32_t", np.array([m for m, _ in multipliers], np.int32)), packed_shifts
