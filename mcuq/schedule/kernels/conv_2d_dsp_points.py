"""CONV_2D 1x1 for cores with DSP instructions, fast: the image is a row of pixels, some of them int16 at a time."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.artifacts import Overlap, PackedConstant
from mcuq.ir import Graph, Node
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels.conv_2d_dsp import ConvDspParameters, folded_layer
from mcuq.schedule.kernels.conv_2d_dsp import refuses as refuses_dsp
from mcuq.schedule.kernels.conv_2d_dsp_lines import geometry_of, pairs_of
from mcuq.schedule.kernels.mixed_lanes import BLOCK, conv_stream, swapped_order

MOST_PAIRS = 24  # a turn, as in conv_2d_dsp_lines
CHUNK_BYTES = 512
LARGEST_CHANNELS = 2000  # the second pixel must be within reach


@dataclass(frozen=True, slots=True)
class ConvPointsShape:
    """`chunk` pixels at a time, `unroll` of the `pairs` of taps a turn; `unread_words` behind the last pixel."""

    pixels: int
    channels: int
    out_channels: int
    pairs: int
    unroll: int
    chunk: int
    unread_words: int
    linear: bool


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    g = geometry_of(node, graph)
    if (g.window_height, g.window_width, g.stride_y, g.stride_x) != (1, 1, 1, 1) or g.padded:
        return "it is made for windows of one pixel, stride 1"
    if g.channels % 4 or g.channels > LARGEST_CHANNELS:
        return "it is made for channels in fours, at most 2000"
    return refuses_dsp(node, graph)


def _chunk(channels: int, pixels: int) -> int:
    """An even number of pixels."""
    return min(max(2, CHUNK_BYTES // (2 * channels) // 2 * 2), pixels + pixels % 2)


def _margin_bytes(shape: ConvPointsShape) -> int:
    """The least distance by which the output must start below the input: chunks not yet read must stay."""
    read = range(shape.chunk, shape.pixels, shape.chunk)
    return max(
        (pixels * (shape.out_channels - shape.channels) for pixels in read), default=-shape.pixels * shape.channels
    )


def plans(node: Node, graph: Graph) -> tuple[Work, ...]:
    """The step of one convolution, with many pixels at a time and with two."""
    g = geometry_of(node, graph)
    most = _chunk(g.channels, g.height * g.width)
    return tuple(_plan(node, graph, chunk) for chunk in dict.fromkeys((most, 2)))


def _plan(node: Node, graph: Graph, chunk: int) -> Work:
    x, y = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    g = geometry_of(node, graph)
    layer = folded_layer(node, graph)
    zero_point = quantization_of(y).zero_point
    pairs, unroll = pairs_of(g.channels, MOST_PAIRS)
    shape = ConvPointsShape(
        pixels=g.height * g.width,
        channels=g.channels,
        out_channels=len(layer.rows),
        pairs=pairs,
        unroll=unroll,
        chunk=chunk,
        unread_words=pairs - g.channels // 2 + (g.channels // 2 if g.height * g.width % chunk % 2 else 0),
        linear=zero_point != -128,
    )
    stream = conv_stream(layer, zero_point, swapped_order(g.channels, pairs + pairs % 2)[:pairs])
    turns = pairs // unroll
    block = 15 * pairs + 12 + 82 + 6 * shape.linear + (6 * turns if turns > 1 else 0)
    halves = -(-shape.pixels // 2)
    return Work(
        shape=shape,
        parameters=ConvDspParameters(quantization_of(x).zero_point),
        constants=(PackedConstant("stream", "uint32_t", stream),),
        scratch_bytes=2 * g.channels * chunk + 4 * shape.unread_words,
        overlaps=(Overlap(x.name, y.name, _margin_bytes(shape)),),
        cycles=halves * (block * (shape.out_channels // BLOCK) + 20)
        + shape.pixels * g.channels * 16 // 10
        + -(-shape.pixels // chunk) * 90,
        code_bytes=62 * unroll + 352,
        shared_code=(("mcuq_expand_line", 120),),
        variant=f"{chunk} pixels, {unroll} pairs a turn",
    )


KERNEL = Kernel("conv_2d/dsp_points", ("CONV_2D",), "mcuq_stream_parameters", plans, refuses, frozenset({"dsp"}))
