"""CONV_2D for cores with DSP instructions, fast: each line of the image becomes int16 once, to be read in place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.artifacts import Overlap, PackedConstant
from mcuq.ir import Graph, Node
from mcuq.ops.conv_2d import window_of
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels.conv_2d_dsp import ConvDspParameters, folded_layer
from mcuq.schedule.kernels.conv_2d_dsp import refuses as refuses_dsp
from mcuq.schedule.kernels.mixed_lanes import BLOCK, Array, conv_stream
from mcuq.schedule.kernels.window_shape import WindowShape, window_shape

MOST_PAIRS = (24, 12)  # a turn: below 1 KB of code, and within the reach of negative offsets
LARGEST_OFFSET = 4095
LARGEST_RING_BYTES = 16384


@dataclass(frozen=True, slots=True)
class ConvLinesShape:
    """`lines` of the image, of `line_words` each, are held at a time.

    A window's line has `row_pairs` of taps with padding, `unroll` of them a turn. Where an odd pixel would lie across
    words, `copies` is 2: the second copy of a line starts `copy_words` behind and is shifted by one. The second pixel
    of a pair lies `apart_bytes` behind the first; `pixels` of an image line are expanded. Of a small window the
    lines keep `still`: they move up in memory, so that all taps are read from one pointer.
    """

    window: WindowShape
    out_channels: int
    row_pairs: int
    unroll: int
    lines: int
    line_words: int
    copies: int
    copy_words: int
    apart_bytes: int
    pixels: int
    by_words: bool
    linear: bool
    still: bool

    @property
    def stride_bytes(self) -> int:
        """From one pixel's window to the next, as int8."""
        return self.window.stride_x * self.window.channels


def pairs_of(taps: int, most: int) -> tuple[int, int]:
    """`(pairs, pairs a turn)` of one line of a window: as few pairs in vain as possible, then as few turns."""
    least = -(-taps // 2)
    turns = range(-(-least // most), -(-2 * least // most) + 1)
    pairs, n = min((-(-least // n) * n, n) for n in turns)
    return pairs, pairs // n


def shape_of(g: WindowShape, out_channels: int, linear: bool, most_pairs: int) -> ConvLinesShape:
    """How lines are laid out."""
    by_words = g.channels % 4 == 0
    row_pairs, unroll = pairs_of(g.window_width * g.channels, most_pairs)
    step = g.stride_x * g.channels
    copies = 2 if step % 2 else 1
    even_width = g.out_width + g.out_width % 2
    # Elements of a line that any pair reads, the second pixel of an odd last pair included.
    reach = (even_width - 1) * step + copies - 1 + 2 * row_pairs
    filled = (g.pad_left + g.width) * g.channels + copies - 1
    copy_words = -(-max(reach, filled) // 2)
    lines = (g.window_height - 1) * g.dilation_y + 1
    apart_bytes = 2 * step if copies == 1 else 4 * copy_words + 2 * (step + 1)
    last_bytes = 4 * copies * copy_words * (lines - 1) + 4 * row_pairs + apart_bytes
    return ConvLinesShape(
        window=g,
        out_channels=out_channels,
        row_pairs=row_pairs,
        unroll=unroll,
        lines=lines,
        line_words=copies * copy_words,
        copies=copies,
        copy_words=copy_words,
        apart_bytes=apart_bytes,
        pixels=g.width,
        by_words=by_words,
        linear=linear,
        still=g.window_height * row_pairs <= most_pairs and last_bytes <= LARGEST_OFFSET,
    )


def _order(g: WindowShape, shape: ConvLinesShape) -> Array:
    """The taps of the window by pairs [rows * row_pairs, 2], -1 for padding."""
    row_taps = g.window_width * g.channels
    within = np.arange(2 * shape.row_pairs)
    if shape.by_words:
        whole = np.arange(-(-len(within) // 4) * 4).reshape(-1, 4)[:, [0, 2, 1, 3]].ravel()
        within = whole[: len(within)]
    rows = [np.where(within < row_taps, within + ky * row_taps, -1) for ky in range(g.window_height)]
    return np.concatenate(rows).reshape(-1, 2)


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    reason = refuses_dsp(node, graph)
    if reason is not None:
        return reason
    g = geometry_of(node, graph)
    if g.dilation_x != 1:
        return "its windows have gaps along x"
    if g.window_height * g.window_width == 1:
        return "windows of one pixel share nothing"
    shape = shape_of(g, BLOCK, linear=False, most_pairs=max(MOST_PAIRS))
    if shape.apart_bytes + 4 * max(MOST_PAIRS) > LARGEST_OFFSET:
        return "two pixels lie too far apart"
    if 4 * shape.line_words * shape.lines > LARGEST_RING_BYTES:
        return "its lines are too long"
    return None


def geometry_of(node: Node, graph: Graph) -> WindowShape:
    """The literals of the node's window."""
    weights = graph.constant(node.inputs[1])
    return window_shape(graph[node.inputs[0]], graph[node.outputs[0]], window_of(node.attrs, weights))


def line_margin_bytes(g: WindowShape, lines: int, in_line_bytes: int, out_line_bytes: int) -> int:
    """The least distance by which the output must start below the input.

    When output line y is written, input lines up to y * stride - pad + lines have been read; the rest must stay.
    """
    y = np.arange(g.out_height)
    read = np.clip(y * g.stride_y - g.pad_top + lines, 0, g.height)
    late = read < g.height
    margins = (y + 1) * out_line_bytes - read * in_line_bytes
    return int(margins[late].max()) if late.any() else -g.height * in_line_bytes


def _cycles(shape: ConvLinesShape) -> int:
    """Two pixels of four channels a block; each line of a window, each turn of it; and what expanding takes."""
    g = shape.window
    turns = shape.row_pairs // shape.unroll
    rows = 5 if shape.still else g.window_height * (14 + (6 * turns if turns > 1 else 0))
    block = 15 * g.window_height * shape.row_pairs + rows + 82 + 6 * shape.linear
    pairs = g.out_height * -(-g.out_width // 2)
    lines = g.height * g.width * g.channels * (16 if shape.by_words else 22 * shape.copies) // 10
    return pairs * (block * (shape.out_channels // BLOCK) + 20) + lines + 2 * shape.lines * shape.line_words


def plans(node: Node, graph: Graph) -> tuple[Work, ...]:
    """The step of one convolution, with longer and shorter turns of the inner loop."""
    ways = (_plan(node, graph, most) for most in MOST_PAIRS)
    return tuple({work.shape: work for work in ways}.values())


def _plan(node: Node, graph: Graph, most_pairs: int) -> Work:
    x, y = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    g = geometry_of(node, graph)
    layer = folded_layer(node, graph)
    channels = len(layer.rows)
    zero_point = quantization_of(y).zero_point
    shape = shape_of(g, channels, linear=zero_point != -128, most_pairs=most_pairs)
    stream = conv_stream(layer, zero_point, _order(g, shape))
    margin = line_margin_bytes(g, shape.lines, g.width * g.channels, g.out_width * channels)
    pairs = shape.row_pairs * shape.window.window_height if shape.still else shape.unroll  # in a row of code
    return Work(
        shape=shape,
        parameters=ConvDspParameters(quantization_of(x).zero_point),
        constants=(PackedConstant("stream", "uint32_t", stream),),
        scratch_bytes=4 * shape.line_words * shape.lines,
        overlaps=(Overlap(x.name, y.name, margin),),
        cycles=_cycles(shape),
        code_bytes=56 * pairs + (592 if shape.linear else 512),
        shared_code=(("mcuq_expand_line", 120) if shape.by_words else ("mcuq_expand_natural", 110),),
        variant=f"lines, {shape.unroll} pairs a turn",
    )


KERNEL = Kernel("conv_2d/dsp_lines", ("CONV_2D",), "mcuq_stream_parameters", plans, refuses, frozenset({"dsp"}))
