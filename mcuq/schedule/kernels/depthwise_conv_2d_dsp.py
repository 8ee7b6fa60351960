"""DEPTHWISE_CONV_2D 3x3 for cores with DSP instructions: channels as int16 planes, two taps a product.

Four channels are split into planes at once where they lie together, else one after the other, which takes less scratch.
The planes hold a band of lines, padded. A line runs along x or along y, whichever wastes less of tiles of four outputs.
Weights are scaled by a power of two, so that the requantisation takes three instructions (see mixed_lanes); where one
is found, one shift serves the whole layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import Overlap, PackedConstant
from mcuq.ir import INT4, INT8, Graph, Node
from mcuq.ops.depthwise_conv_2d import window_of
from mcuq.ops.requirements import quantization_of
from mcuq.ops.weighted import channel_multipliers
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels.common_shift import shared_or_own
from mcuq.schedule.kernels.mixed_lanes import Folded, factors, folded, refusal_of_types
from mcuq.schedule.kernels.window_shape import WindowShape, window_shape

Array = npt.NDArray[Any]

PLANE_BYTES = (4096, 1024)  # of the planes of a band, at most: the fast way, and one with little scratch
TILE = 4
FIXED_SCALE_BITS = 8
TILES_A_TURN = (3, 6)  # at most


@dataclass(frozen=True, slots=True)
class Lines:
    """The image as lines: `along` x or y; positions and lines of input and output, strides in bytes, padding before."""

    along_y: bool
    positions: int
    lines: int
    out_positions: int
    out_lines: int
    pad_position: int
    pad_line: int
    in_step: int
    in_line: int
    out_step: int
    out_line: int


@dataclass(frozen=True, slots=True)
class DepthwiseDspShape:
    """`group` input channels and `band` output lines at a time; `line_words` of two positions.

    `multiplier` outputs a channel; `unrolled` tiles of four a turn; `shift` is 0 where each channel has its own;
    `packed`: weights as bytes.
    """

    lines: Lines
    channels: int
    group: int
    multiplier: int
    stride: int
    band: int
    line_words: int
    unrolled: int
    shift: int
    packed: bool
    linear: bool


@dataclass(frozen=True, slots=True)
class DepthwiseDspParameters:
    """What padding reads as."""

    zero_point: int


def _lines(g: WindowShape, outputs: int, along_y: bool) -> Lines:
    row, out_row = g.width * g.channels, g.out_width * outputs
    if along_y:
        return Lines(
            True,
            g.height,
            g.width,
            g.out_height,
            g.out_width,
            g.pad_top,
            g.pad_left,
            row,
            g.channels,
            out_row,
            outputs,
        )
    return Lines(
        False, g.width, g.height, g.out_width, g.out_height, g.pad_left, g.pad_top, g.channels, row, outputs, out_row
    )


def _work(lines: Lines) -> int:
    """Outputs that are computed, with what tiles compute in vain, and something for each line."""
    whole, rest = divmod(lines.out_positions, TILE)
    tail = 0 if rest == 0 else (2 if rest <= 2 else TILE)
    return lines.out_lines * (whole * TILE + tail + 2)


def best_lines(g: WindowShape, outputs: int) -> Lines:
    """The direction with less work; along y only where four outputs are within reach of one pointer."""
    across, down = _lines(g, outputs, False), _lines(g, outputs, True)
    return down if TILE * down.out_step < 1 << 12 and _work(down) < _work(across) else across


def _line_words(lines: Lines, stride: int) -> int:
    """Words of two positions of one padded line: what the last tile reads, or what the image fills."""
    whole, rest = divmod(lines.out_positions, TILE)
    last = whole * TILE - TILE if rest == 0 else whole * TILE
    size = TILE if rest == 0 or rest > 2 else 2
    read = last * stride + (size + 2 if stride == 1 else 2 * size + 2)
    return (max(read, lines.pad_position + lines.positions) + 1) // 2


def _scale_bits(layer: Folded, zero_point: int) -> tuple[int, ...] | None:
    """By how many bits the weights of each channel are scaled; None where a channel's sums or factor allow none.

    Wide sums and small factors leave fewer bits than usual; where negative sums need a correction, that is made for 8.
    """
    if layer.refusal() is None:
        return (FIXED_SCALE_BITS,) * len(layer.rows)
    if zero_point != -128 or int(np.abs(layer.rows).max(initial=0)) > 127:
        return None
    found = []
    for reach, (multiplier, shift) in zip(layer.reach(), layer.multipliers, strict=True):
        allowed = (
            bits
            for bits in range(FIXED_SCALE_BITS, 1, -1)
            if int(reach) << bits < 1 << 31
            and factors(multiplier, shift, zero_point, bits)[1] >= -(1 << 31)
            and bits - shift <= 32
        )
        found.append(next(allowed, 0) if shift < 0 else 0)
    return tuple(found) if all(found) else None


def _weight_words(weights: Array, stride: int, bits: int, *, packed: bool) -> list[int]:
    """Three lines of taps as pairs of int16, (w0, w1) and (w1, w2), or (w2, unused) where a stride takes two at a time.

    Scaled by 2^8 they are upper bytes, so that they can be packed: a word a line, from which a mask takes both pairs.
    """
    words = []
    for line in weights.astype(np.int64):
        w0, w1, w2 = (int(w) for w in line)
        w12 = (w1, w2) if stride == 1 else (w2, 0)
        if packed:
            words.append(sum((w & 0xFF) << 8 * i for i, w in enumerate((w0, w12[0], w1, w12[1]))))
        else:
            words += [(pair[0] << bits & 0xFFFF) | (pair[1] << bits & 0xFFFF) << 16 for pair in ((w0, w1), w12)]
    return words


def requantization_of(node: Node, graph: Graph) -> tuple[int, bool, tuple[tuple[int, ...], ...]]:
    """The right shift that all channels share, or 0; whether weights are packed; bits of scale and factors of each."""
    layer, zero_point = _folded(node, graph), quantization_of(graph.tensor(node.outputs[0])).zero_point
    bits = _scale_bits(layer, zero_point)
    assert bits is not None
    if layer.refusal() is not None:
        own = ((b, *factors(*of_channel, zero_point, b)) for b, of_channel in zip(bits, layer.multipliers, strict=True))
        return 0, False, tuple(own)  # not packed, whatever the bits: a layer has one form
    shift, words = shared_or_own(layer, zero_point, corrected=zero_point != -128)
    return shift, True, tuple((FIXED_SCALE_BITS, *of_channel) for of_channel in words)


def _folded(node: Node, graph: Graph) -> Folded:
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    channels = weights.shape[3]
    return folded(node, graph, weights.values.reshape(-1, channels).T, channel_multipliers(x, weights, y, channels))


def geometry_of(node: Node, graph: Graph) -> WindowShape:
    """The literals of the node's window."""
    weights = graph.constant(node.inputs[1])
    return window_shape(graph[node.inputs[0]], graph[node.outputs[0]], window_of(node.attrs, weights))


def _fits_window(g: WindowShape) -> bool:
    return (
        (g.window_height, g.window_width) == (3, 3)
        and g.stride_y == g.stride_x
        and g.stride_x in (1, 2)
        and (g.dilation_y, g.dilation_x) == (1, 1)
        and g.pad_top <= 1
        and g.pad_left <= 1
    )


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    if not _fits_window(geometry_of(node, graph)):
        return "it is made for 3x3 windows, stride 1 or 2, padding of at most 1"
    # int4 weights are few: they take a byte each, as int8 ones do.
    reason = refusal_of_types(node, graph, (INT8, INT4))
    if reason is not None:
        return reason
    layer = _folded(node, graph)
    zero_point = quantization_of(graph.tensor(node.outputs[0])).zero_point
    return layer.refusal() if _scale_bits(layer, zero_point) is None else None


def overlap_of(node: Node, graph: Graph, g: WindowShape, lines: Lines, band: int) -> Overlap:
    """A band of all channels is read before its outputs may pass what the next band reads.

    In one band, channels are read whole before they are written: over themselves, where the shapes agree.
    """
    x, y = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    if lines.along_y or band == lines.out_lines:
        # Every output could meet inputs of channels that are read later, but for the very same place.
        return Overlap(x.name, y.name, y.bytes, same_start=x.shape == y.shape and band == lines.out_lines)
    margin = 0
    for first in range(0, lines.out_lines, band):
        end = min(first + band, lines.out_lines) * lines.out_line
        margin = max(margin, end - max(first * g.stride_y - lines.pad_line, 0) * lines.in_line)
    return Overlap(x.name, y.name, margin)


def cycles_of(g: WindowShape, lines: Lines, outputs: int, group: int, band: int, unrolled: int) -> int:
    """Tiles of four outputs of one channel, what a line of them takes, and the split into planes."""
    tiles, bands = -(-lines.out_positions // TILE), -(-lines.out_lines // band)
    read = lines.lines + 2 * (bands - 1)
    split = g.channels * read * (3 * lines.positions if group == 4 else 6 * lines.positions + 12)
    turns = lines.out_positions // TILE // unrolled
    a_line = (56 if g.stride_x == 1 else 64) * tiles + 7 * turns + 22
    return outputs * (lines.out_lines * a_line + 40 * bands) + split


def band_of(lines: Lines, stride: int, line_bytes: int, limit_bytes: int) -> int:
    """Output lines at a time, so that planes of `line_bytes` a line take `limit_bytes`; at least one."""
    return min(lines.out_lines, max(1, (limit_bytes // line_bytes - 3) // stride + 1))


def _unrolled(lines: Lines, most: int) -> int:
    """Whole tiles a turn: the greatest divisor of a line's that is at most `most`."""
    whole = lines.out_positions // TILE
    return max((tiles for tiles in range(1, most + 1) if whole % tiles == 0), default=1) if whole else 1


def plans(node: Node, graph: Graph) -> tuple[Work, ...]:
    """Four channels at a time where they lie together, or one; a band of many lines, or few; short or long turns."""
    g = geometry_of(node, graph)
    lines = best_lines(g, graph[node.outputs[0]].shape[3])
    line_bytes = 4 * _line_words(lines, g.stride_x)
    groups = (4, 1) if node.attrs.depth_multiplier == 1 and g.channels % 4 == 0 else (1,)
    ways = [
        (group, band_of(lines, g.stride_x, group * line_bytes, limit), unrolled)
        for unrolled in dict.fromkeys(_unrolled(lines, most) for most in TILES_A_TURN)
        for group in groups
        for limit in PLANE_BYTES
    ]
    constants = stream_of(node, graph, lines)
    return tuple(_plan(node, graph, lines, constants, *way) for way in dict.fromkeys(ways))


def stream_of(node: Node, graph: Graph, lines: Lines) -> tuple[int, bool, Array]:
    """The shift that all channels share, or 0; whether weights are packed; and the uint32 stream of all constants.

    That is each channel's start value, factors and weights, one channel after the other.
    """
    layer, stride = _folded(node, graph), geometry_of(node, graph).stride_x
    shift, packed, requantization = requantization_of(node, graph)
    words: list[int] = []
    for row, bias, (bits, *of_channel) in zip(layer.rows, layer.bias, requantization, strict=True):
        taps = row.reshape(3, 3).T if lines.along_y else row.reshape(3, 3)
        words += [int(bias) << bits, *of_channel, *_weight_words(taps, stride, bits, packed=packed)]
    return shift, packed, (np.array(words, np.int64) & 0xFFFFFFFF).astype(np.uint32)


def _plan(
    node: Node,
    graph: Graph,
    lines: Lines,
    constants: tuple[int, bool, Array],
    group: int,
    band: int,
    unrolled: int,
) -> Work:
    x, y = graph[node.inputs[0]], graph.tensor(node.outputs[0])
    g = geometry_of(node, graph)
    line_words = _line_words(lines, g.stride_x)
    zero_point = quantization_of(y).zero_point
    shift, packed, stream = constants
    return Work(
        shape=DepthwiseDspShape(
            lines,
            g.channels,
            group,
            node.attrs.depth_multiplier,
            g.stride_x,
            band,
            line_words,
            unrolled,
            shift,
            packed,
            zero_point != -128,
        ),
        parameters=DepthwiseDspParameters(quantization_of(x).zero_point),
        constants=(PackedConstant("stream", "uint32_t", stream),),
        scratch_bytes=4 * group * line_words * ((band - 1) * g.stride_x + 3),
        overlaps=(overlap_of(node, graph, g, lines, band),),
        cycles=cycles_of(g, lines, y.shape[3], group, band, unrolled),
        code_bytes=350 + 260 * unrolled + 60 * g.stride_x,
        shared_code=(("mcuq_split_line", 160) if group == 4 else ("mcuq_widen_line", 70),),
        variant=f"{group} channel{'s' if group > 1 else ''} and {band} line{'s' if band > 1 else ''} at a time, "
        f"{unrolled} tile{'s' if unrolled > 1 else ''} a turn",
    )


KERNEL = Kernel(
    "depthwise_conv_2d/dsp", ("DEPTHWISE_CONV_2D",), "mcuq_stream_parameters", plans, refuses, frozenset({"dsp"})
)
