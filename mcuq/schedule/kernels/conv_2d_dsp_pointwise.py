"""CONV_2D 1x1 for cores with DSP instructions, one function for layers of every size: for little flash.

The schedule is that of conv_2d/dsp, two pixels times four channels; sizes are parameters, and one right shift serves
all channels.
"""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.artifacts import PackedConstant
from mcuq.ir import Graph, Node
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels import conv_2d_dsp as own
from mcuq.schedule.kernels.common_shift import common_shift
from mcuq.schedule.kernels.conv_2d_dsp_rows import geometry_of
from mcuq.schedule.kernels.mixed_lanes import BLOCK, conv_stream, swapped_order

UNROLLS = (8, 4)  # pairs of taps a turn
LARGEST = (1 << 15) - 1  # of a parameter


@dataclass(frozen=True, slots=True)
class PointwiseShape:
    """All that the function depends on."""

    unroll: int


@dataclass(frozen=True, slots=True)
class PointwiseParameters:
    """The sizes of one layer (mcuq/parameters.h)."""

    pixels: int
    channels: int
    out_channels: int
    shift: int


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    g, outputs = geometry_of(node, graph), graph.tensor(node.outputs[0]).shape[3]
    if (g.window_height, g.window_width, g.stride_y, g.stride_x) != (1, 1, 1, 1) or g.padded:
        return "it is made for 1x1 windows"
    if g.channels % (2 * min(UNROLLS)) or outputs % BLOCK or g.out_height * g.out_width > LARGEST:
        return "it is made for channels in eights, outputs in fours"
    reason = own.refuses(node, graph)
    if reason is not None:
        return reason
    y = graph.tensor(node.outputs[0])
    zero_point = quantization_of(y).zero_point
    if zero_point != y.dtype.minimum:
        return "its negative sums need a correction"
    found = common_shift(own.folded_layer(node, graph), zero_point)
    return "its channels have no shift in common" if found is None else None


def plans(node: Node, graph: Graph) -> tuple[Work, ...]:
    """As many pairs a turn as divide them."""
    g, y = geometry_of(node, graph), graph.tensor(node.outputs[0])
    layer, taps = own.folded_layer(node, graph), g.channels
    found = common_shift(layer, quantization_of(y).zero_point)
    assert found is not None, node
    shift, requantization = found
    stream = conv_stream(layer, requantization, swapped_order(taps, taps // 2))
    return tuple(
        Work(
            shape=PointwiseShape(unroll),
            parameters=PointwiseParameters(g.out_height * g.out_width, taps, y.shape[3], shift),
            constants=(PackedConstant("stream", "uint32_t", stream),),
            scratch_bytes=4 * taps,
            overlaps=own.overlap_of(node, graph, g),
            cycles=own.cycles_of(g, y.shape[3], taps, taps // 2, unroll, by_words=True),
            code_bytes=150,
            shared_code=((f"mcuq_conv_pair_{unroll}_alike", 56 * unroll + 240), ("mcuq_expand_words", 170)),
            variant=f"shared, {unroll} pairs a turn",
        )
        for unroll in UNROLLS
        if taps // 2 % unroll == 0
    )


KERNEL = Kernel("conv_2d/dsp_pointwise", ("CONV_2D",), "mcuq_pointwise_parameters", plans, refuses, frozenset({"dsp"}))
