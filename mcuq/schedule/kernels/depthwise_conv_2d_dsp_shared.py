"""DEPTHWISE_CONV_2D 3x3 for cores with DSP instructions, one function for layers of every size: for little flash.

The schedule is that of depthwise_conv_2d/dsp, four channels as int16 planes and tiles of four outputs; what is a
literal there is a number in the layer's parameters here, read from the stack, which costs some ten cycles a tile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from mcuq.artifacts import PackedConstant
from mcuq.ir import Graph, Node
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels import depthwise_conv_2d_dsp as own
from mcuq.schedule.kernels.mixed_lanes import BLOCK

Array = npt.NDArray[Any]

LARGEST = (1 << 15) - 1  # of a parameter
BEFORE, AFTER = 1, 2  # MCUQ_SPLIT_BEFORE, MCUQ_SPLIT_AFTER


@dataclass(frozen=True, slots=True)
class SharedDepthwiseShape:
    """All that the function depends on."""

    stride: int


@dataclass(frozen=True, slots=True)
class SharedDepthwiseParameters:
    """The sizes of one layer (mcuq/parameters.h)."""

    zero_point: int
    channels: int
    lines: int
    out_lines: int
    out_positions: int
    band: int
    pad_line: int
    in_line: int
    in_step: int
    out_line: int
    out_step: int
    words: int
    edges: int
    line_bytes: int
    plane_bytes: int
    shift: int


def _parameters(node: Node, graph: Graph, limit_bytes: int, shift: int) -> SharedDepthwiseParameters:
    """The sizes, with planes of at most `limit_bytes` where a line leaves the choice."""
    x, y = graph[node.inputs[0]], graph.tensor(node.outputs[0])
    g = own.geometry_of(node, graph)
    lines = own.best_lines(g, y.shape[3])
    stride = g.stride_x
    last = -(-lines.out_positions // own.TILE) * own.TILE - own.TILE
    read = last * stride + (own.TILE + 2 if stride == 1 else 2 * own.TILE + 2)
    line_bytes = 4 * ((max(read, lines.pad_position + lines.positions) + 1) // 2)
    band = own.band_of(lines, stride, BLOCK * line_bytes, limit_bytes)
    filled = lines.pad_position + lines.positions
    return SharedDepthwiseParameters(
        zero_point=quantization_of(x).zero_point,
        channels=g.channels,
        lines=lines.lines,
        out_lines=lines.out_lines,
        out_positions=lines.out_positions,
        band=band,
        pad_line=lines.pad_line,
        in_line=lines.in_line,
        in_step=lines.in_step,
        out_line=lines.out_line,
        out_step=lines.out_step,
        words=filled // 2,
        edges=(BEFORE if lines.pad_position else 0) | (AFTER if filled % 2 else 0),
        line_bytes=line_bytes,
        plane_bytes=line_bytes * ((band - 1) * stride + 3),
        shift=shift,
    )


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    reason = own.refuses(node, graph)
    if reason is not None:
        return reason
    if node.attrs.depth_multiplier != 1 or own.geometry_of(node, graph).channels % BLOCK:
        return "it is made for channels in fours, one output a channel"
    shift, packed, _ = own.requantization_of(node, graph)
    if not packed:
        return "its weights are no bytes"
    if quantization_of(graph.tensor(node.outputs[0])).zero_point != graph.tensor(node.outputs[0]).dtype.minimum:
        return "its negative sums need a correction"
    sizes = _parameters(node, graph, max(own.PLANE_BYTES), shift)
    greatest = max(sizes.in_line, sizes.out_line, sizes.plane_bytes)
    return "its lines are too long" if greatest > LARGEST else None


def _plan(node: Node, graph: Graph, lines: own.Lines, shift: int, stream: Array, limit_bytes: int) -> Work:
    g = own.geometry_of(node, graph)
    sizes = _parameters(node, graph, limit_bytes, shift)
    outputs = graph[node.outputs[0]].shape[3]
    cycles = own.cycles_of(g, lines, outputs, BLOCK, sizes.band, 1)
    calls = outputs * -(-lines.out_lines // sizes.band)
    made = outputs * lines.out_lines
    tiles = made * -(-lines.out_positions // own.TILE)
    return Work(
        shape=SharedDepthwiseShape(g.stride_x),
        parameters=sizes,
        constants=(PackedConstant("stream", "uint32_t", stream),),
        scratch_bytes=BLOCK * sizes.plane_bytes,
        overlaps=(own.overlap_of(node, graph, g, lines, sizes.band),),
        cycles=cycles + 29 * tiles + 22 * made + 45 * calls,
        code_bytes=620,
        shared_code=(("mcuq_split_line", 166),),
        variant=f"shared, {sizes.band} line{'s' if sizes.band > 1 else ''} at a time",
    )


def plans(node: Node, graph: Graph) -> tuple[Work, ...]:
    """A band of many lines, or of few with little scratch."""
    lines = own.best_lines(own.geometry_of(node, graph), graph[node.outputs[0]].shape[3])
    shift, _, stream = own.stream_of(node, graph, lines)
    works = [_plan(node, graph, lines, shift, stream, limit) for limit in own.PLANE_BYTES]
    return tuple({work.scratch_bytes: work for work in works}.values())


KERNEL = Kernel(
    "depthwise_conv_2d/dsp_shared",
    ("DEPTHWISE_CONV_2D",),
    "mcuq_shared_depthwise_parameters",
    plans,
    refuses,
    frozenset({"dsp"}),
)
