"""CONV_2D for cores with DSP instructions: two pixels are gathered as int16, then four channels at a time."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.artifacts import Overlap, PackedConstant
from mcuq.ir import Graph, Node
from mcuq.ops.conv_2d import window_of
from mcuq.ops.requirements import quantization_of
from mcuq.ops.weighted import channel_multipliers
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels.mixed_lanes import (
    BLOCK,
    Folded,
    conv_stream,
    folded,
    natural_order,
    own_factors,
    refusal_of_types,
    swapped_order,
)
from mcuq.schedule.kernels.raster import raster_margin_bytes
from mcuq.schedule.kernels.window_shape import WindowShape, window_shape

UNROLLS = (24, 8, 4)  # pairs of taps a turn of the inner loop, the preferred one first


@dataclass(frozen=True, slots=True)
class ConvDspShape:
    """`pairs` of taps with padding; `by_words`: the channels are a multiple of four; `linear`: see mixed_lanes."""

    window: WindowShape
    out_channels: int
    pairs: int
    unroll: int
    by_words: bool
    linear: bool


@dataclass(frozen=True, slots=True)
class ConvDspParameters:
    """What padding reads as."""

    zero_point: int


def _pairs(taps: int) -> int:
    """The taps in pairs, padded to what the inner loop takes."""
    smallest = min(UNROLLS)
    return -(-taps // (2 * smallest)) * smallest


def folded_layer(node: Node, graph: Graph) -> Folded:
    """The convolution as DSP kernels compute it, rows of weights [channels, taps]."""
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    channels = weights.shape[0]
    return folded(node, graph, weights.values.reshape(channels, -1), channel_multipliers(x, weights, y, channels))


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    if graph.constant(node.inputs[1]).shape[0] % BLOCK:
        return "the output channels are no multiple of 4"
    return refusal_of_types(node, graph) or folded_layer(node, graph).refusal()


def overlap_of(node: Node, graph: Graph, geometry: WindowShape) -> tuple[Overlap, ...]:
    """Two pixels are read before either is written; the raster rule for one pixel at a time, and one pixel more."""
    x, y = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    margin = raster_margin_bytes(geometry, x.shape[3], y.shape[3]) + y.shape[3]
    return (Overlap(x.name, y.name, margin),)


def cycles_of(geometry: WindowShape, channels: int, taps: int, pairs: int, pairs_a_turn: int, *, by_words: bool) -> int:
    """Two pixels of four channels a block; then what gathering the windows takes."""
    pixels = geometry.out_height * geometry.out_width
    blocks = -(-pixels // 2) * (channels // BLOCK)
    turns = 6 * pairs // pairs_a_turn
    return blocks * (15 * pairs + 82 + turns) + pixels * (60 + (22 if by_words else 50) * taps // 10)


def _code_bytes(geometry: WindowShape, taps: int, *, by_words: bool) -> int:
    """Taps that are no whole words are gathered by a line of code each."""
    if not by_words:
        return 280 + 12 * taps
    return 150 if geometry.window_height == geometry.window_width == 1 else 290


def pair_code(unroll: int, *, linear: bool) -> tuple[str, int]:
    """Name and bytes of the loop over pairs of taps."""
    return f"mcuq_conv_pair_{unroll}{'_linear' if linear else ''}", 56 * unroll + (320 if linear else 240)


def plans(node: Node, graph: Graph) -> tuple[Work, ...]:
    """As many pairs a turn as divide them; the loop for any zero point serves all layers, so that one may do."""
    zero_point = quantization_of(graph.tensor(node.outputs[0])).zero_point
    pairs = _pairs(graph.constant(node.inputs[1]).elements // graph.constant(node.inputs[1]).shape[0])
    return tuple(
        _plan(node, graph, pairs, unroll, linear=linear)
        for linear in dict.fromkeys((zero_point != -128, True))
        for unroll in UNROLLS
        if pairs % unroll == 0
    )


def _plan(node: Node, graph: Graph, pairs: int, unroll: int, *, linear: bool) -> Work:
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    geometry = window_shape(x, y, window_of(node.attrs, weights))
    layer = folded_layer(node, graph)
    channels, taps = layer.rows.shape
    by_words = x.shape[3] % 4 == 0
    order = swapped_order(taps, pairs) if by_words else natural_order(taps, pairs)
    zero_point = quantization_of(y).zero_point
    stream = conv_stream(layer, own_factors(layer, zero_point), order)
    return Work(
        shape=ConvDspShape(geometry, channels, pairs, unroll, by_words, linear),
        parameters=ConvDspParameters(quantization_of(x).zero_point),
        constants=(PackedConstant("stream", "uint32_t", stream),),
        scratch_bytes=8 * pairs,
        overlaps=overlap_of(node, graph, geometry),
        cycles=cycles_of(geometry, channels, taps, pairs, unroll, by_words=by_words)
        + (geometry.out_height * geometry.out_width * channels * 2 if linear else 0),
        code_bytes=_code_bytes(geometry, taps, by_words=by_words),
        shared_code=(pair_code(unroll, linear=linear), ("mcuq_expand_words", 170)),
        variant=f"{unroll} pairs a turn, {'any zero point' if linear else 'zero point -128'}",
    )


KERNEL = Kernel("conv_2d/dsp", ("CONV_2D",), "mcuq_stream_parameters", plans, refuses, frozenset({"dsp"}))
