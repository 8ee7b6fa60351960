"""int4 weights two a byte: 8 output channels a word, then 4 a half-word, then 2 a byte, one such element a tap.

Taps are not packed with each other, so that their number may be odd. Within an element channel 2k stands in the lower
half and channel 2k + 1 in the upper half, so that a shift and a mask give two weights 16 bits apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.arithmetic.tflm import wrap_int32
from mcuq.artifacts import PackedConstant
from mcuq.ir import INT4, Graph, Node
from mcuq.schedule.kernels.packing import PackedBias, packed_bias

Array = npt.NDArray[Any]
_LANES_OFFSET = 0x0808  # OFFSET in both weights of a lane
_HALF = 0x0F0F0F0F
OFFSET = 8  # what is added to a weight where elements hold unsigned numbers
MOST_TAPS = 1 << 20  # of one output, so that no sum of inputs leaves 32 bits


@dataclass(frozen=True, slots=True)
class ChannelGroup:
    """`count` groups of channels in elements of `width` weights, of which `live` are channels; the rest are zeros."""

    width: int
    live: int
    count: int

    @property
    def role(self) -> str:
        """The name of the packed constant, and of the pointer to it."""
        return f"weights_{self.width}"


def channel_groups(channels: int, widest: int = 8) -> tuple[ChannelGroup, ...]:
    """The groups of that many channels in order: the widest that can be filled, where one zero may stand at the end."""
    groups: list[ChannelGroup] = []
    left = channels
    for width in (8, 4, 2):
        if width <= widest:
            full, left = divmod(left, width)
            groups += [ChannelGroup(width, width, full)] if full else []
            if left == width - 1:
                groups.append(ChannelGroup(width, left, 1))
                left = 0
    return tuple(groups)


def positions(width: int) -> Array:
    """Where in an element of that width, in steps of 4 bits, each channel stands."""
    channels = np.arange(width)
    return np.asarray(channels // 2 + channels % 2 * (width // 2))


def packed_elements(codes: Array, width: int) -> Array:
    """Codes 0 to 15 [channels, taps] as elements [groups * taps]; zeros where the last group lacks channels."""
    groups = -(-len(codes) // width)
    filled = np.zeros((groups * width, codes.shape[1]), np.uint32)
    filled[: len(codes)] = codes
    shifts = (4 * positions(width)).astype(np.uint32)[None, :, None]
    elements = np.bitwise_or.reduce(filled.reshape(groups, width, -1) << shifts, axis=1)
    return np.asarray(elements, {8: np.uint32, 4: np.uint16, 2: np.uint8}[width]).reshape(-1)


def int4_constants(rows: Array, groups: Sequence[ChannelGroup], *, signed: bool) -> tuple[PackedConstant, ...]:
    """Weights -8 to 7, [channels, taps], as one array a width; in two's complement or with OFFSET added."""
    codes = (rows.astype(np.int64) & 15) if signed else rows.astype(np.int64) + OFFSET
    constants: list[PackedConstant] = []
    start = 0
    for width in dict.fromkeys(group.width for group in groups):
        end = start + sum(group.live * group.count for group in groups if group.width == width)
        elements = packed_elements(codes[start:end], width)
        constants.append(PackedConstant(f"weights_{width}", f"uint{4 * width}_t", elements))
        start = end
    return tuple(constants)


def packed_lanes(words: Array) -> Array:
    """Words of mixed lanes with weights of -8 to 7, an even number of them, in half the bytes.

    With 8 added to both of its weights a lane is two bytes of 0 to 15, so that a word is as 4 nibbles in the lower
    halves of its bytes; the next one takes the upper halves.
    """
    lanes = np.ascontiguousarray(words, np.uint32).view(np.uint16) + np.uint16(_LANES_OFFSET)
    nibbles = lanes.view(np.uint32)
    assert not np.any(nibbles & ~np.uint32(_HALF))
    return np.asarray(nibbles[0::2] | nibbles[1::2] << np.uint32(4))


def folded_bias(bias: Array, rows: Array, weight_zeros: Array, zero_point: int, shifts: Array | None) -> PackedBias:
    """The bias with the input's zero point in it, as `packed_bias` has it; modulo 2^32, which is how kernels add.

    `rows` are the weights [channels, taps]; padding must read as the zero point.
    """
    packed = packed_bias(bias, rows, weight_zeros, zero_point, shifts, padded=False)
    if packed.folded:
        return packed
    folded = bias - zero_point * (rows.astype(np.int64) - weight_zeros[:, None]).sum(axis=1)
    return PackedBias(wrap_int32(folded), folded=True, rounded=False)


def refuses_other_weights(node: Node, graph: Graph) -> str | None:
    """Why kernels with int4 weights cannot compute the node, or None."""
    weights = graph.constant(node.inputs[1])
    if weights.dtype != INT4:
        return "its weights are not int4"
    taps = max(weights.elements // weights.shape[axis] for axis in (0, -1))
    return None if taps <= MOST_TAPS else f"an output sums more than {MOST_TAPS} products"
