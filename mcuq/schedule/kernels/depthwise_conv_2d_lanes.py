"""DEPTHWISE_CONV_2D of any window for cores without DSP instructions: an int32 plane, two outputs at a time.

Nothing is packed into lanes here: a lane would have to be emptied after every other tap. The plane holds padded rows,
or columns taken for rows, so that no window leaves it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.artifacts import PackedConstant
from mcuq.ir import Graph, Node
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels.channel_planes import (
    Steps,
    band_of,
    folded_depthwise,
    geometry_of,
    overlap_of,
    plane_rows,
    steps_of,
    transposed,
)
from mcuq.schedule.kernels.lanes import FEATURES, channel_constants, is_linear, parameters, refusal_of_types
from mcuq.schedule.kernels.window_shape import WindowShape

PLANE_BYTES = (2048, 512)  # of the plane of a band, at most: the fast way, and one with little scratch


@dataclass(frozen=True, slots=True)
class DepthwiseLanesShape:
    """`band` output rows at a time; a row of the plane has `line` pixels; `linear`: see lanes."""

    window: WindowShape
    steps: Steps
    multiplier: int
    band: int
    line: int
    linear: bool


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    return refusal_of_types(node, graph) or folded_depthwise(node, graph).refusal()


def _line(g: WindowShape) -> int:
    """Pixels of a padded row: what the last window reads, or what the image fills."""
    return max((g.out_width - 1) * g.stride_x + (g.window_width - 1) * g.dilation_x + 1, g.pad_left + g.width)


def _cycles(g: WindowShape, outputs: int, band: int) -> int:
    """Taps and what follows a sum; then widening the rows of each band."""
    bands = -(-g.out_height // band)
    rows = g.height + (bands - 1) * max(0, plane_rows(g, 1) - g.stride_y)
    taps = g.window_height * g.window_width
    twos, one = divmod(g.out_width, 2)
    row = twos * (10 * taps + 75) + one * (7 * taps + 40) + 20
    return outputs * (g.out_height * row + 40 * bands) + g.channels * rows * (7 * g.width + 12)


def plans(node: Node, graph: Graph) -> tuple[Work, ...]:
    """A band of many rows, or of few; columns in place of rows where they take fewer cycles."""
    g, outputs = geometry_of(node, graph), graph[node.outputs[0]].shape[3]
    ways = []
    for limit in PLANE_BYTES:
        both = [(shape, band_of(shape, 4 * _line(shape), limit), shape is not g) for shape in (g, transposed(g))]
        ways.append(min(both, key=lambda way: _cycles(way[0], outputs, way[1])))
    return tuple(_plan(node, graph, shape, band, columns=columns) for shape, band, columns in dict.fromkeys(ways))


def _plan(node: Node, graph: Graph, g: WindowShape, band: int, *, columns: bool) -> Work:
    y, layer = graph.tensor(node.outputs[0]), folded_depthwise(node, graph)
    size = (g.window_height, g.window_width)
    weights = [row.reshape(size[::-1]).T if columns else row.reshape(size) for row in layer.rows]
    return Work(
        shape=DepthwiseLanesShape(
            window=g,
            steps=steps_of(geometry_of(node, graph), y.shape[3], columns=columns),
            multiplier=node.attrs.depth_multiplier,
            band=band,
            line=_line(g),
            linear=is_linear(node, graph),
        ),
        parameters=parameters(node, graph),
        constants=(
            PackedConstant("weights", "int8_t", np.array(weights, np.int8).reshape(-1)),
            channel_constants(layer, quantization_of(y).zero_point),
        ),
        scratch_bytes=4 * _line(g) * plane_rows(g, band),
        overlaps=(overlap_of(node, graph, g, band, columns=columns),),
        cycles=_cycles(g, y.shape[3], band),
        code_bytes=500,
        variant=f"{band} {'column' if columns else 'row'}{'s' if band > 1 else ''} at a time",
    )


KERNEL = Kernel("depthwise_conv_2d/lanes", ("DEPTHWISE_CONV_2D",), "mcuq_lanes_parameters", plans, refuses, FEATURES)
