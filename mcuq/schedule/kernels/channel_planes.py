"""One channel of an image at a time as a plane of padded rows, or of columns taken for rows: geometry and overlap."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.artifacts import Overlap
from mcuq.ir import Graph, Node
from mcuq.ops.depthwise_conv_2d import window_of
from mcuq.ops.weighted import channel_multipliers
from mcuq.schedule.kernels.mixed_lanes import Folded, folded
from mcuq.schedule.kernels.window_shape import WindowShape, window_shape


@dataclass(frozen=True, slots=True)
class Steps:
    """Bytes from pixel to pixel along a row, and from row to row, of input and output."""

    in_pixel: int
    in_row: int
    out_pixel: int
    out_row: int


def geometry_of(node: Node, graph: Graph) -> WindowShape:
    """The window of a depthwise convolution over its image."""
    weights = graph.constant(node.inputs[1])
    return window_shape(graph[node.inputs[0]], graph[node.outputs[0]], window_of(node.attrs, weights))


def transposed(g: WindowShape) -> WindowShape:
    """Columns for rows."""
    return WindowShape(
        height=g.width,
        width=g.height,
        channels=g.channels,
        out_height=g.out_width,
        out_width=g.out_height,
        window_height=g.window_width,
        window_width=g.window_height,
        stride_y=g.stride_x,
        stride_x=g.stride_y,
        dilation_y=g.dilation_x,
        dilation_x=g.dilation_y,
        pad_top=g.pad_left,
        pad_left=g.pad_top,
        padded_y=g.padded_x,
        padded_x=g.padded_y,
    )


def steps_of(g: WindowShape, outputs: int, *, columns: bool) -> Steps:
    """Of the image as it lies in memory, `g` being its geometry; `columns` stand for rows."""
    row, out_row = g.width * g.channels, g.out_width * outputs
    return Steps(row, g.channels, out_row, outputs) if columns else Steps(g.channels, row, outputs, out_row)


def folded_depthwise(node: Node, graph: Graph) -> Folded:
    """The layer with one row of weights a channel."""
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    channels = weights.shape[3]
    return folded(node, graph, weights.values.reshape(-1, channels).T, channel_multipliers(x, weights, y, channels))


def plane_rows(g: WindowShape, band: int) -> int:
    """The rows that `band` output rows read."""
    return (band - 1) * g.stride_y + (g.window_height - 1) * g.dilation_y + 1


def band_of(g: WindowShape, row_bytes: int, limit_bytes: int) -> int:
    """As many output rows as fit the limit, one at least."""
    most = limit_bytes // row_bytes
    return min(g.out_height, max(1, (most - plane_rows(g, 1)) // g.stride_y + 1))


def overlap_of(node: Node, graph: Graph, g: WindowShape, band: int, *, columns: bool) -> Overlap:
    """A band of all channels is read before its outputs may pass what the next band reads.

    In one band, a channel is read whole before it is written: over itself, where the shapes agree.
    """
    x, y = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    if columns or band == g.out_height:
        # Every output could meet inputs of channels that are read later, but for the very same place.
        whole = x.shape == y.shape and band == g.out_height
        return Overlap(x.name, y.name, y.bytes, same_start=whole)
    row, out_row = g.width * x.shape[3], g.out_width * y.shape[3]
    starts = [min(max(first * g.stride_y - g.pad_top, 0), g.height) for first in range(0, g.out_height, band)]
    ends = [min(first + band, g.out_height) for first in range(0, g.out_height, band)]
    return Overlap(x.name, y.name, max(end * out_row - start * row for start, end in zip(starts, ends, strict=True)))
