"""CONV_2D for cores with DSP instructions: each input row becomes int16 once, pixels come from row pointers.

Three forms. `ring`: as many rows as a window spans, the borders filled with the zero point; output rows follow one
another. `whole`: a small image is expanded whole, so that two pixels of a pair may lie one below the other where rows
are odd. `chunks`: a 1x1 window of stride 1 knows no rows, only pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import Overlap, PackedConstant
from mcuq.ir import INT8, DType, Graph, Node, Tensor
from mcuq.ops.conv_2d import window_of
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels.common_shift import shared_or_own
from mcuq.schedule.kernels.conv_2d_dsp import ConvDspParameters, folded_layer
from mcuq.schedule.kernels.mixed_lanes import (
    BLOCK,
    Clamp,
    clamp_of,
    conv_stream,
    fits_clamp,
    natural_order,
    refusal_of_numbers,
    swapped_order,
)
from mcuq.schedule.kernels.window_shape import WindowShape, window_shape

Array = npt.NDArray[Any]

STRAIGHT_PAIRS = 20  # of a whole window in straight line at most
WHOLE_BYTES = 2048  # of a whole image as int16 at most
CHUNK_BYTES = 512
CHUNK_PIXELS = 48
MAX_ROWS = 16  # row pointers on the stack
MAX_OFFSET = 4095  # of a load or store


@dataclass(frozen=True, slots=True)
class Unrolling:
    """Pairs of taps in straight line at most; the rows of a long window are a loop."""

    variant: str
    pairs: int


# The second keeps the loop over a block of channels near 1 KB, as small instruction caches want it.
UNROLLINGS = (
    Unrolling("rows, 8 pairs at most a turn", 8),
    Unrolling("rows, 16 pairs at most a turn", 16),
    Unrolling("rows, 24 pairs at most a turn", 24),
)


@dataclass(frozen=True, slots=True)
class ConvRowsShape:
    """`out_channels` are computed of the `y_channels` that a pixel of the output has.

    `pairs` of taps a window row, `unroll` of them a turn; `columns` of the image that any window reads.
    `row_halves`: int16 of one copy of a row; `shifted`: odd pixels read a second copy, one element to the left, so that
    every word is aligned; `compact`: only the pixels that a stride reaches are expanded; `chunk`: pixels at a time;
    `shift`: all channels' right shift, 0 where each has its own.
    """

    window: WindowShape
    out_channels: int
    y_channels: int
    form: str
    pairs: int
    unroll: int
    straight: bool
    by_words: bool
    shifted: bool
    compact: bool
    columns: int
    row_halves: int
    chunk: int
    shift: int
    linear: bool
    clamp: Clamp

    @property
    def stored_channels(self) -> int:
        """Output channels in whole blocks."""
        return -(-self.out_channels // BLOCK) * BLOCK

    @property
    def pixel_halves(self) -> int:
        """From a pixel of the output to the next one, in the expanded row."""
        return self.window.channels * (1 if self.compact or self.form == "chunks" else self.window.stride_x)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row, both copies."""
        return 2 * self.row_halves * (2 if self.shifted else 1)

    @property
    def second_offset(self) -> int:
        """Bytes from a word of a pair's first pixel to the second pixel's."""
        if self.form == "whole":
            return self.window.stride_y * self.row_bytes
        return 2 * (self.row_halves + self.pixel_halves - 1 if self.shifted else self.pixel_halves)

    @property
    def extent_y(self) -> int:
        """Rows that a window spans."""
        return (self.window.window_height - 1) * self.window.dilation_y + 1

    @property
    def buffer_rows(self) -> int:
        """Rows that are kept as int16."""
        if self.form == "whole":
            return (self.window.out_height - 1) * self.window.stride_y + self.extent_y
        return self.extent_y if self.form == "ring" else 1

    @property
    def staged(self) -> bool:
        """Whether some outputs are made beside the output first, because not all of a pair belong to it."""
        pixels = self.window.out_height * self.window.out_width if self.form == "chunks" else self.window.out_width
        return self.out_channels % BLOCK != 0 or (self.form != "whole" and pixels % 2 != 0)

    @property
    def buffer_bytes(self) -> int:
        """Bytes of all rows."""
        return self.buffer_rows * self.row_bytes

    @property
    def scratch_bytes(self) -> int:
        """Rows, and two pixels of output where they are staged."""
        second = self.stored_channels if self.out_channels % BLOCK else self.y_channels
        return self.buffer_bytes + (second + self.stored_channels if self.staged else 0)


def geometry_of(node: Node, graph: Graph) -> WindowShape:
    """The literals of the node's window."""
    weights = graph.constant(node.inputs[1])
    return window_shape(graph[node.inputs[0]], graph[node.outputs[0]], window_of(node.attrs, weights))


def _unroll(taps: int, limit: int) -> tuple[int, int]:
    """`(pairs, unroll)` of a window row: as few turns as `limit` allows, and padding only where that is cheaper."""
    pairs = -(-taps // 2)

    def cycles(unroll: int) -> int:
        turns = -(-pairs // unroll)
        return turns * unroll * 15 + (6 * turns if turns > 1 else 0)

    unroll = min(range(1, min(pairs, limit) + 1), key=lambda u: (cycles(u), u))
    return -(-pairs // unroll) * unroll, unroll


def _form(g: WindowShape, out_channels: int) -> str:
    if (g.window_height, g.window_width, g.stride_y, g.stride_x) == (1, 1, 1, 1) and not g.padded:
        return "chunks"
    down, across = -(-g.out_height // 2) * g.out_width, -(-g.out_width // 2) * g.out_height
    pairs = g.window_height * -(-g.window_width * g.channels // 2)
    rows = (g.out_height - 1) * g.stride_y + (g.window_height - 1) * g.dilation_y + 1
    width = max(g.width + g.pad_left, (g.out_width - 1) * g.stride_x + g.window_width) + 1
    small = 2 * rows * (width * g.channels + 4) <= WHOLE_BYTES and pairs <= STRAIGHT_PAIRS
    aligned = g.stride_x * g.channels % 2 == 0 and out_channels % BLOCK == 0 and g.out_height > 1
    return "whole" if down < across and small and aligned else "ring"


def _shape(
    g: WindowShape, y: Tensor, clamp: Clamp, linear: bool, unrolling: Unrolling, shift: int = 0
) -> ConvRowsShape:
    form, channels = _form(g, y.shape[3]), g.channels
    compact = form == "ring" and g.window_width == 1 and g.stride_x > 1 and not g.padded_x
    step = channels * (1 if compact or form == "chunks" else g.stride_x)
    taps = g.window_width * channels
    short = form == "whole" or g.window_height * -(-taps // 2) <= STRAIGHT_PAIRS
    straight = short or g.window_height == 1
    pairs, unroll = (-(-taps // 2),) * 2 if short else _unroll(taps, unrolling.pairs)
    pixels = g.out_height * g.out_width
    fitting = max(2, CHUNK_BYTES // (2 * channels) // 2 * 2)
    chunk = min(fitting, CHUNK_PIXELS, pixels + pixels % 2) if form == "chunks" else 0
    columns = g.out_width if compact else min(g.width, (g.out_width - 1) * g.stride_x + g.window_width - g.pad_left)
    filled = chunk if form == "chunks" else (columns if compact else g.pad_left + columns)
    computed = chunk if form == "chunks" else g.out_width + (g.out_width % 2 if form == "ring" else 0)
    halves = max(filled * channels, (computed - 1) * step + 2 * pairs) + 1
    return ConvRowsShape(
        window=g,
        out_channels=y.shape[3],
        y_channels=y.shape[3],
        form=form,
        pairs=pairs,
        unroll=unroll,
        straight=straight,
        by_words=channels % 4 == 0,
        shifted=form != "whole" and step % 2 == 1,
        compact=compact,
        columns=columns,
        row_halves=-(-halves // 2) * 2,
        chunk=chunk,
        shift=shift,
        linear=linear,
        clamp=clamp,
    )


def _shape_of(node: Node, graph: Graph, unrolling: Unrolling, shift: int = 0) -> ConvRowsShape:
    y = graph.tensor(node.outputs[0])
    clamp, linear = clamp_of(node, graph)
    return _shape(geometry_of(node, graph), y, clamp, linear, unrolling, shift)


def _requantization(node: Node, graph: Graph) -> tuple[int, tuple[tuple[int, ...], ...]]:
    """One shift for all channels where there is one, else 0; and the words of each channel in the stream."""
    layer, (clamp, linear) = folded_layer(node, graph), clamp_of(node, graph)
    zero_point = clamp.offset(quantization_of(graph.tensor(node.outputs[0])).zero_point)
    return shared_or_own(layer, zero_point, corrected=linear or clamp.narrow)


def refuses_layer(node: Node, graph: Graph, weights: DType = INT8) -> str | None:
    """Why its numbers are none for mixed lanes, whatever its window, or None."""
    reason = refusal_of_numbers(node, graph, (weights,))
    if reason is not None:
        return reason
    layer, (clamp, linear) = folded_layer(node, graph), clamp_of(node, graph)
    reason = layer.refusal(takes_large_factors=not linear)
    if reason is not None:
        return reason
    fits = fits_clamp(layer, clamp, quantization_of(graph.tensor(node.outputs[0])).zero_point)
    return None if fits else "its factors are too small for its clamp"


def refuses(node: Node, graph: Graph, weights: DType = INT8) -> str | None:
    """Why the kernel cannot compute the node with `weights` of that type, or None."""
    g = geometry_of(node, graph)
    if g.dilation_x != 1 or g.window_height > MAX_ROWS:
        return f"it is made for windows of at most {MAX_ROWS} rows without gaps between columns"
    if (g.out_width - 1) * g.stride_x + g.window_width <= g.pad_left:
        return "its windows lie beside the image"
    reason = refuses_layer(node, graph, weights)
    if reason is not None:
        return reason
    shape = _shape_of(node, graph, max(UNROLLINGS, key=lambda u: u.pairs))
    second_output = g.out_width * shape.out_channels if shape.form == "whole" else shape.stored_channels
    reach = shape.second_offset + 4 * shape.unroll + (shape.extent_y * shape.row_bytes if shape.form == "whole" else 0)
    return "its rows are too long for the offset of a load" if max(reach, second_output + 3) > MAX_OFFSET else None


def _order(shape: ConvRowsShape) -> Array:
    """The taps [rows * pairs, 2] of a window in the order of the stream, -1 where a row has been padded."""
    taps = shape.window.window_width * shape.window.channels
    if shape.by_words:
        row = np.full((shape.pairs, 2), -1)
        row[: taps // 2] = swapped_order(taps, taps // 2)
    else:
        row = natural_order(taps, shape.pairs)
    return np.concatenate([np.where(row < 0, -1, row + ky * taps) for ky in range(shape.window.window_height)])


def overlap_margin_bytes(shape: ConvRowsShape, x_bytes: int) -> int:
    """The least distance by which the output must start below the input.

    Before any output of a row (chunk) is written, all input that it needs has been expanded; so its end must not pass
    the first input byte that is still unread. Whatever is written after all has been read may lie anywhere.
    """
    g = shape.window
    margin = -x_bytes
    if shape.form == "whole":
        return margin
    if shape.form == "chunks":
        pixels = g.out_height * g.out_width
        for end in range(shape.chunk, pixels, shape.chunk):
            margin = max(margin, end * shape.out_channels - end * g.channels)
        return margin
    for row in range(g.out_height - 1):
        read = row * g.stride_y + shape.extent_y
        unread = max(read, (row + 1) * g.stride_y) - g.pad_top
        if unread < g.height:
            end = (row + 1) * g.out_width * shape.out_channels
            margin = max(margin, end - max(unread, 0) * g.width * g.channels)
    return margin


def cycles_of(shape: ConvRowsShape) -> int:
    """Pairs of pixels times blocks of channels times pairs of taps, and what surrounds each of these."""
    g = shape.window
    rows = 1 if shape.form == "chunks" else g.window_height
    turns = shape.pairs // shape.unroll
    row = (2 if shape.straight else 13) + (6 * turns + 1 if turns > 1 else 0)
    store = (54 if shape.shift else 70) + (16 if shape.linear else 0) + (24 if shape.clamp.narrow else 0)
    block = rows * (15 * shape.pairs + row) + store
    if shape.form == "ring":
        lines, pairs = g.out_height, -(-g.out_width // 2)
    elif shape.form == "whole":
        lines, pairs = g.out_width, -(-g.out_height // 2)
    else:
        lines = -(-g.out_height * g.out_width // shape.chunk)
        pairs = -(-g.out_height * g.out_width // 2 // lines)
    pointers = rows if shape.form == "ring" else 1
    pair = shape.stored_channels // BLOCK * block + 14 + 5 * pointers
    if shape.out_channels % BLOCK:
        pair += 100 + 6 * shape.out_channels
    expanded = (g.out_height * g.out_width if shape.form == "chunks" else g.height * shape.columns) * g.channels
    return lines * (pairs * pair + 90 + 15 * pointers) + int(expanded * (1.9 if shape.by_words else 3.0))


def _code_bytes(shape: ConvRowsShape) -> int:
    """Four loads and ten products a pair of taps, each of four bytes; then what surrounds them."""
    rows = shape.window.window_height if shape.straight and shape.form != "chunks" else 1
    store = (410 if shape.shift else 450) + (64 if shape.linear else 0) + (96 if shape.clamp.narrow else 0)
    return 56 * shape.unroll * rows + store + (16 * shape.window.window_height if shape.form == "ring" else 0)


def _plan(node: Node, graph: Graph, shape: ConvRowsShape, words: tuple[tuple[int, ...], ...], variant: str) -> Work:
    x, y = graph[node.inputs[0]], graph.tensor(node.outputs[0])
    stream = conv_stream(folded_layer(node, graph), words, _order(shape))
    margin = overlap_margin_bytes(shape, x.elements)
    expands = ("mcuq_expand_line", 120) if shape.by_words else ("mcuq_expand_natural", 110)
    return Work(
        shape=shape,
        parameters=ConvDspParameters(quantization_of(x).zero_point),
        constants=(PackedConstant("stream", "uint32_t", stream),),
        scratch_bytes=shape.scratch_bytes,
        overlaps=(Overlap(x.name, y.name, margin),),
        cycles=cycles_of(shape),
        code_bytes=_code_bytes(shape),
        shared_code=(expands,),
        variant=variant,
    )


def plans(node: Node, graph: Graph) -> tuple[Work, ...]:
    """The steps of one convolution, one for each of UNROLLINGS that gives another function."""
    shift, words = _requantization(node, graph)
    variants: dict[ConvRowsShape, str] = {}
    for unrolling in UNROLLINGS:
        variants.setdefault(_shape_of(node, graph, unrolling, shift), unrolling.variant)
    return tuple(_plan(node, graph, shape, words, variant) for shape, variant in variants.items())


KERNEL = Kernel("conv_2d/dsp_rows", ("CONV_2D",), "mcuq_stream_parameters", plans, refuses, frozenset({"dsp"}))
