"""Weights as mixed lanes, and requantisation in three instructions, for cores with DSP instructions.

Two channels share an int16 lane (256 * odd + even); sums come out times 256. With A = 256 * sum,
(A * multiplier >> 32) + constant, shifted right by e + 7, equals TFLM's two roundings plus the zero point, where
constant = (2^e + 1) * 64 + zero_point * 2^(e + 7), less 128 for negative sums (needed only where a negative result is
not clamped away). It holds for |sum| < 2^23 and 1 <= e <= 16. Factors from 1/2 on (e <= 0) TFLM rounds once, halves up:
then constant = 2^(e + 6) + zero_point * 2^(e + 7), and no sum needs the correction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.arithmetic import TFLM
from mcuq.ir import INT8, DType, Graph, Node
from mcuq.ops.activation import quantized_range
from mcuq.ops.fully_connected import multipliers_of
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernels.packing import bias_of

Array = npt.NDArray[Any]

QUARTER = (1 << 30, -1)  # multiplier and shift of 1/4
SUM_LIMIT = 1 << 23
SHIFTS = range(1, 17)
SHIFTS_ROUNDED_ONCE = range(-5, 1)
BLOCK = 4  # channels
SCALE_BITS = 8  # of sums


@dataclass(frozen=True, slots=True)
class Clamp:
    """An output range narrower than int8, by saturation alone: how far its ends lie inside of int8's.

    The sum comes out `high` too large and is saturated to int8, which clamps at the top; less `high + low`, saturated
    again, it is clamped at the bottom; plus `low` it is the output.
    """

    low: int = 0
    high: int = 0

    def offset(self, zero_point: int) -> int:
        """The zero point that the requantisation's constant must hold."""
        return zero_point + self.high

    @property
    def narrow(self) -> bool:
        """Whether one saturation is not enough."""
        return self.low > 0 or self.high > 0


def clamp_of(node: Node, graph: Graph) -> tuple[Clamp, bool]:
    """The node's clamp, and whether negative sums need the second rounding's correction: not where they are clamped."""
    y = graph.tensor(node.outputs[0])
    low, high = quantized_range(node.attrs.activation, y)
    clamp = Clamp(low - y.dtype.minimum, y.dtype.maximum - high)
    return clamp, low < quantization_of(y).zero_point


def fits_clamp(layer: Folded, clamp: Clamp, zero_point: int) -> bool:
    """Whether the constants with the clamp in them, and any product on top, stay within int32."""
    constants = (factors(*own, clamp.offset(zero_point)) for own in layer.multipliers)
    return all(
        abs(constant) + (256 * int(reach) * multiplier >> 32) + 129 < 1 << 31
        for (multiplier, constant, _), reach in zip(constants, layer.reach(), strict=True)
    )


@dataclass(frozen=True, slots=True)
class Folded:
    """A layer as DSP kernels compute it: int64 weights [channels, taps], bias with the zero point in it, factors."""

    rows: Array
    bias: Array
    multipliers: tuple[tuple[int, int], ...]

    def reach(self) -> Array:
        """The greatest magnitude of each channel's sum."""
        return np.asarray(128 * np.abs(self.rows).sum(axis=1) + np.abs(self.bias))

    def refusal(self, *, takes_large_factors: bool = False) -> str | None:
        """Why the short requantisation would not be exact, or None; factors from 1/2 on are for those who take them.

        Which a kernel can where it corrects no negative sums.
        """
        if int(np.abs(self.rows).max(initial=0)) > 127:
            return "its weights do not fit the lanes"
        if int(self.reach().max(initial=0)) >= SUM_LIMIT:
            return "its sums may leave 24 bits"
        allowed = (*SHIFTS_ROUNDED_ONCE, *SHIFTS) if takes_large_factors else SHIFTS
        if all(-shift in allowed for _, shift in self.multipliers):
            return None
        return f"a factor is outside of 2^-17 to {'2^5' if takes_large_factors else '2^-1'}"


def refusal_of_numbers(node: Node, graph: Graph, types: tuple[DType, ...] = (INT8,)) -> str | None:
    """Why a layer with weights is none for these kernels whatever its clamp, or None; `types` of the weights."""
    x, weights = graph[node.inputs[0]], graph.constant(node.inputs[1])
    if node.arithmetic != "tflm" or x.dtype != INT8 or weights.dtype not in types:
        return f"it is made for int8, weights of {' or '.join(dtype.name for dtype in types)}, with TFLM's rounding"
    if any(quantization_of(weights).zero_points):
        return "its weights have zero points"
    return None


def refusal_of_types(node: Node, graph: Graph, types: tuple[DType, ...] = (INT8,)) -> str | None:
    """Why a layer with weights is none for these kernels, before its numbers are looked at, or None."""
    y = graph.tensor(node.outputs[0])
    reason = refusal_of_numbers(node, graph, types)
    if reason is not None:
        return reason
    clamped = quantized_range(node.attrs.activation, y) != (y.dtype.minimum, y.dtype.maximum)
    return "its output is clamped to less than int8" if clamped else None


def folded(node: Node, graph: Graph, rows: Array, multipliers: tuple[tuple[int, int], ...]) -> Folded:
    """The layer with `rows` [channels, taps] of weights.

    A channel whose output is the same for the least and the greatest sum is the same for all, because requantisation is
    monotone. Its weights become 0 and its factor 1/4, so that unused channels, whose factors can be anything, fit as
    well: requantised, 4 * v is v exactly.
    """
    rows = rows.astype(np.int64)
    x, y = graph[node.inputs[0]], graph.tensor(node.outputs[0])
    bias = bias_of(node, graph, len(rows)) - quantization_of(x).zero_point * rows.sum(axis=1)
    negative, positive = np.minimum(rows, 0).sum(axis=1), np.maximum(rows, 0).sum(axis=1)
    least = bias + 127 * negative - 128 * positive
    greatest = bias + 127 * positive - 128 * negative
    multiplier = np.array([m for m, _ in multipliers], np.int64)
    shift = np.array([s for _, s in multipliers], np.int64)
    low, high = (bound - quantization_of(y).zero_point for bound in quantized_range(node.attrs.activation, y))
    first, last = (np.clip(TFLM.requantize(s, multiplier, shift), low, high) for s in (least, greatest))
    # Below 2^31 / 2^shift a left shift cannot wrap, so that the factor is monotone indeed.
    constant = (first == last) & (np.maximum(np.abs(least), np.abs(greatest)) < 1 << 31) & (shift <= 0)
    return Folded(
        rows=np.where(constant[:, None], 0, rows),
        bias=np.where(constant, 4 * first, bias),
        multipliers=tuple(QUARTER if same else m for same, m in zip(constant, multipliers, strict=True)),
    )


def with_common_factor(node: Node, graph: Graph) -> Folded | None:
    """A fully connected layer whose outputs all have one factor, where all bounds hold; else None."""
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    multipliers = multipliers_of(x, weights, y)
    rows = weights.values.astype(np.int64)
    bias = bias_of(node, graph, len(rows)) - quantization_of(x).zero_point * rows.sum(axis=1)
    layer = Folded(rows, bias, multipliers)
    return layer if len(set(multipliers)) == 1 and layer.refusal() is None else None


def factors(multiplier: int, shift: int, zero_point: int, bits: int = SCALE_BITS) -> tuple[int, int, int]:
    """Multiplier, constant and right shift of one channel, for sums that are scaled by 2^bits, at least 4.

    The constant holds both roundings and the zero point; where negative sums need the correction, it is 2^(bits - 1).
    """
    e = -shift
    rounding = ((1 << e) + 1) << (bits - 2) if e > 0 else 1 << (e + bits - 2)
    return multiplier, rounding + (zero_point << (e + bits - 1)), e + bits - 1


def pair_words(weights: Array, order: Array) -> Array:
    """Mixed-lane words [pairs, 2] of one block; `weights` [4, taps], `order` [pairs, 2] its taps (-1: none)."""
    padded = np.concatenate([weights.astype(np.int64), np.zeros((BLOCK, 1), np.int64)], axis=1)
    taps = padded[:, order]  # [4, pairs, 2]; tap -1 is the added zero
    lanes = 256 * taps[1::2] + taps[0::2]
    words = (lanes[..., 0] & 0xFFFF) | ((lanes[..., 1] & 0xFFFF) << 16)
    return np.asarray(words.T)


def swapped_order(taps: int, pairs: int) -> Array:
    """The order in which SXTB16 takes bytes out of words: (0, 2), (1, 3), (4, 6), ... with -1 beyond the taps."""
    first = np.arange(2 * pairs).reshape(-1, 4)
    order = first[:, [0, 2, 1, 3]].reshape(-1, 2)
    return np.where(order < taps, order, -1)


def natural_order(taps: int, pairs: int) -> Array:
    """(0, 1), (2, 3), ... with -1 beyond the taps."""
    order = np.arange(2 * pairs).reshape(-1, 2)
    return np.where(order < taps, order, -1)


def whole_blocks(layer: Folded) -> Folded:
    """The layer with channels of zeros behind its own, up to a multiple of BLOCK."""
    missing = -len(layer.rows) % BLOCK
    return Folded(
        rows=np.pad(layer.rows, ((0, missing), (0, 0))),
        bias=np.pad(layer.bias, (0, missing)),
        multipliers=layer.multipliers + (QUARTER,) * missing,
    )


def own_factors(layer: Folded, zero_point: int, bits: int = SCALE_BITS) -> tuple[tuple[int, ...], ...]:
    """Multiplier, constant and shift of each channel."""
    return tuple(factors(multiplier, shift, zero_point, bits) for multiplier, shift in layer.multipliers)


def conv_stream(layer: Folded, requantization: tuple[tuple[int, ...], ...], order: Array) -> Array:
    """All constants of a convolution as one uint32 stream, a block of four channels at a time (see mcuq/dsp.h).

    `requantization`: the words of each channel; a padding channel has its last one's.
    """
    parts: list[Array] = []
    layer = whole_blocks(layer)
    for start in range(0, len(layer.rows), BLOCK):
        b = layer.bias[start : start + BLOCK]
        parts.append(np.array([256 * b[1] + b[0], b[0], 256 * b[3] + b[2], b[2]], np.int64))
        parts.append(pair_words(layer.rows[start : start + BLOCK], order).reshape(-1))
        for channel in range(start, start + BLOCK):
            parts.append(np.array(requantization[min(channel, len(requantization) - 1)], np.int64))
    return (np.concatenate(parts) & 0xFFFFFFFF).astype(np.uint32)
