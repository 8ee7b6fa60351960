"""CONV_2D 3x3 of stride 1 by Winograd's minimal filtering, in exact integers, for cores with DSP instructions.

F(2x2, 3x3) makes four outputs of 4x4 inputs with 16 products a channel in place of 36, F(4x4, 3x3) sixteen outputs of
6x6 inputs with 36 in place of 144: inputs and weights are transformed, multiplied point by point, and summed over
channels; a transform of the sums gives the outputs (Lavin and Gray, arXiv:1509.09308). Weights are transformed here,
times a factor that makes them integers, which fit int16 as transformed inputs do. All sums are right modulo 2^32, in
which the factor has an inverse but for a power of two, and the outputs are small enough to be right altogether. Weights
take 3.6 and 8 times their bytes of flash, so that it is chosen under a limit of flash only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import Overlap, PackedConstant
from mcuq.ir import Graph, Node
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels.common_shift import shared_or_own
from mcuq.schedule.kernels.conv_2d_dsp import ConvDspParameters, folded_layer
from mcuq.schedule.kernels.conv_2d_dsp_rows import geometry_of
from mcuq.schedule.kernels.mixed_lanes import (
    BLOCK,
    SCALE_BITS,
    Folded,
    clamp_of,
    refusal_of_types,
    swapped_order,
)
from mcuq.schedule.kernels.window_shape import WindowShape

Array = npt.NDArray[Any]

LANE_LIMIT = (1 << 15) - 1


@dataclass(frozen=True, slots=True)
class Form:
    """A size of tiles: `tile` outputs a side, the transform of weights along a side, and the scale of outputs by it.

    Without the last row of `transform`, both sides make `scale`; what the last lacks of it, the transform of the sums
    gives. `odd` is the odd factor of `scale`, `scale_bits` its power of two. Points lie column after column where
    `by_columns`, else row after row.
    """

    tile: int
    transform: tuple[tuple[int, int, int], ...]
    odd: int
    scale_bits: int
    by_columns: bool

    @property
    def points(self) -> int:
        """Inputs of a tile a side."""
        return self.tile + 2

    @property
    def scale(self) -> int:
        """How many times the outputs the sums' transform is."""
        return self.odd << self.scale_bits


FORMS = (
    Form(2, ((2, 0, 0), (1, 1, 1), (1, -1, 1), (0, 0, 2)), odd=1, scale_bits=2, by_columns=False),
    Form(
        4,
        ((6, 0, 0), (-4, -4, -4), (-4, 4, -4), (1, 2, 4), (1, -2, 4), (0, 0, 6)),
        odd=9,
        scale_bits=6,
        by_columns=True,
    ),
)
MAX_CHANNELS = 200  # offsets of loads and stores
UNROLLINGS = (8, 16, 32)  # pairs of channels in straight line at most


@dataclass(frozen=True, slots=True)
class WinogradShape:
    """Two tiles of `tile` x `tile` outputs at a time; `unroll` pairs of channels a turn; sums are scaled by 2^`bits`.

    `shift` is all channels' right shift, 0 where each has its own; where `linear`, negative sums are corrected.
    """

    window: WindowShape
    out_channels: int
    tile: int
    unroll: int
    bits: int
    shift: int
    linear: bool

    @property
    def points(self) -> int:
        """Inputs of a tile a side."""
        return self.tile + 2

    @property
    def unscale(self) -> int:
        """What makes outputs scaled by 2^bits of the sums' transform, modulo 2^32, in F(4x4, 3x3)."""
        return (pow(9, -1, 1 << 32) << (self.bits - 6)) % (1 << 32)

    @property
    def pairs(self) -> int:
        """Words of two channels."""
        return self.window.channels // 2

    @property
    def columns(self) -> int:
        """Columns of a row that any tile reads, those of the last pair of tiles included."""
        return -(-self.window.out_width // (2 * self.tile)) * 2 * self.tile + 2

    @property
    def row_words(self) -> int:
        """Words of a row of int16."""
        return self.columns * self.pairs

    @property
    def value_words(self) -> int:
        """Words of two transformed tiles of inputs."""
        return self.points**2 * 2 * self.pairs

    @property
    def sum_words(self) -> int:
        """Words of the sums of two tiles and a block of channels."""
        return self.points**2 * 2 * BLOCK

    @property
    def staged(self) -> bool:
        """Whether tiles at an edge are made beside the output, because not all of them belongs to it."""
        return self.window.out_width % (2 * self.tile) != 0 or self.window.out_height % self.tile != 0

    @property
    def staged_bytes(self) -> int:
        """Outputs of two tiles."""
        return 2 * self.tile**2 * self.out_channels if self.staged else 0

    @property
    def scratch_bytes(self) -> int:
        """A ring of rows, transformed inputs, sums, and outputs where they are staged."""
        return 4 * (self.points * self.row_words + self.value_words + self.sum_words) + self.staged_bytes

    @property
    def channel_words(self) -> int:
        """Words of a channel behind the weights of its block: start value, multiplier, constant, its shift."""
        return 3 if self.shift else 4


def transformed(layer: Folded, channels: int, form: Form) -> Array:
    """Weights [outputs, points, points, channels]."""
    weights, transform = layer.rows.reshape(-1, 3, 3, channels), np.array(form.transform)
    return np.asarray(np.einsum(f"ia,oabc,jb->{'ojic' if form.by_columns else 'oijc'}", transform, weights, transform))


def _bits(layer: Folded, weights: Array, form: Form) -> int | None:
    """The greatest scale 2^bits of sums for which weights fit int16 and sums int32; None where there is none."""
    reach, greatest = int(layer.reach().max(initial=0)), int(np.abs(weights).max(initial=0))
    exponent = max(-shift for _, shift in layer.multipliers)

    def fits(bits: int) -> bool:
        # F(2x2, 3x3) gets there by its weights, F(4x4, 3x3) by the factor that undoes its own.
        spare = bits - form.scale_bits if form.odd == 1 else 0
        return greatest << spare <= LANE_LIMIT and reach << bits < 1 << 31 and exponent + bits - 1 < 32

    return next((bits for bits in range(SCALE_BITS, form.scale_bits - 1, -1) if fits(bits)), None)


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    g, outputs = geometry_of(node, graph), graph.tensor(node.outputs[0]).shape[3]
    window = (g.window_height, g.window_width, g.stride_y, g.stride_x, g.dilation_y, g.dilation_x)
    if window != (3, 3, 1, 1, 1, 1) or g.pad_top > 2 or g.pad_left > 2:
        return "it is made for 3x3 windows of stride 1 without gaps"
    if g.channels % 4 or outputs % BLOCK or g.channels > MAX_CHANNELS or outputs > MAX_CHANNELS:
        return f"it is made for channels in fours, at most {MAX_CHANNELS}"
    reason = refusal_of_types(node, graph)
    if reason is not None:
        return reason
    layer = folded_layer(node, graph)
    if layer.refusal() is not None:
        return layer.refusal()
    fitting = (_bits(layer, transformed(layer, g.channels, form), form) for form in FORMS)
    return "its weights leave the lanes" if all(bits is None for bits in fitting) else None


def stream_of(
    layer: Folded, weights: Array, requantization: tuple[tuple[int, ...], ...], start: Array, points: int
) -> Array:
    """All constants as one uint32 stream, a block of channels at a time.

    `weights` [outputs, points, points, channels] as lanes: for each point and each pair of channels a word for each of
    the block's outputs; then each output's start value `start` and the words of its requantisation.
    """
    channels = weights.shape[3]
    order = swapped_order(channels, channels // 2)
    parts: list[Array] = []
    for first in range(0, len(layer.rows), BLOCK):
        block = weights[first : first + BLOCK].reshape(BLOCK, points**2, channels)[:, :, order]
        words = (block[..., 0] & 0xFFFF) | (block[..., 1] & 0xFFFF) << 16  # [outputs, points, pairs]
        parts.append(words.transpose(1, 2, 0).reshape(-1))
        for output in range(first, first + BLOCK):
            parts.append(np.array([int(start[output]), *requantization[output]], np.int64))
    return (np.concatenate(parts) & 0xFFFFFFFF).astype(np.uint32)


def overlap_margin_bytes(shape: WinogradShape) -> int:
    """The least distance by which the output must start below the input: rows are expanded before any of a tile's
    outputs is written, and the next rows after."""
    g = shape.window
    margin = -g.height * g.width * g.channels
    for row in range(0, g.out_height, shape.tile):
        unread = row + shape.points - g.pad_top
        if unread < g.height:
            end = min(row + shape.tile, g.out_height) * g.out_width * shape.out_channels
            margin = max(margin, end - max(unread, 0) * g.width * g.channels)
    return margin


def _cycles(shape: WinogradShape) -> int:
    """Two tiles: transform of inputs, products, transform of outputs; and every row as int16 once."""
    g = shape.window
    tiles = -(-g.out_height // shape.tile) * -(-g.out_width // (2 * shape.tile))
    turns = shape.pairs // shape.unroll
    point = 16 * shape.pairs + 24 + (6 * turns + 8 if turns > 1 else 0)
    inputs, output = (96, 150) if shape.tile == 2 else (380, 560)
    output += shape.tile**2 * (6 if shape.linear else 0) + shape.tile**2 * (0 if shape.shift else 3)
    edge = 2 * shape.tile**2 * shape.out_channels if shape.staged else 0
    blocks = shape.out_channels // BLOCK * (shape.points**2 * point + BLOCK * output)
    return tiles * (2 * shape.pairs * inputs + 80 + blocks + edge) + 2 * g.height * g.width * g.channels


def _code_bytes(shape: WinogradShape) -> int:
    fixed = 1100 if shape.tile == 2 else 3000
    return fixed + 50 * shape.unroll + 8 * shape.tile**2 * shape.linear + (120 if shape.staged else 0)


def _unrolls(pairs: int) -> tuple[int, ...]:
    """For each of UNROLLINGS the greatest divisor of `pairs` within it."""
    return tuple(dict.fromkeys(max(u for u in range(1, most + 1) if pairs % u == 0) for most in UNROLLINGS))


def _plans(node: Node, graph: Graph, form: Form) -> tuple[Work, ...]:
    g, x, y = geometry_of(node, graph), graph[node.inputs[0]], graph.tensor(node.outputs[0])
    layer, zero_point = folded_layer(node, graph), quantization_of(y).zero_point
    linear = clamp_of(node, graph)[1]
    weights = transformed(layer, g.channels, form)
    bits = _bits(layer, weights, form)
    if bits is None:
        return ()
    shift, requantization = shared_or_own(layer, zero_point, bits, corrected=linear)
    if form.odd == 1:
        lanes, start = weights << (bits - form.scale_bits), layer.bias << bits
    else:
        lanes, start = weights, layer.bias * form.scale
    stream = stream_of(layer, lanes, requantization, start, form.points)
    shapes = (
        WinogradShape(g, y.shape[3], form.tile, unroll, bits, shift, linear) for unroll in _unrolls(g.channels // 2)
    )
    return tuple(
        Work(
            shape=shape,
            parameters=ConvDspParameters(quantization_of(x).zero_point),
            constants=(PackedConstant("stream", "uint32_t", stream),),
            scratch_bytes=shape.scratch_bytes,
            overlaps=(Overlap(x.name, y.name, overlap_margin_bytes(shape)),),
            cycles=_cycles(shape),
            code_bytes=_code_bytes(shape),
            shared_code=(("mcuq_expand_line", 90) if form.tile == 2 else ("mcuq_expand_sums", 60),),
            variant=f"F({form.tile}x{form.tile}, 3x3), {shape.unroll} pairs of channels a turn",
        )
        for shape in shapes
    )


def plans(node: Node, graph: Graph) -> tuple[Work, ...]:
    """The steps of one convolution, for each form that fits and each length of the inner loop."""
    return tuple(work for form in FORMS for work in _plans(node, graph, form))


KERNEL = Kernel(
    "conv_2d/dsp_winograd",
    ("CONV_2D",),
    "mcuq_stream_parameters",
    plans,
    refuses,
    frozenset({"dsp"}),
    under_flash_limit=True,
)
