"""How far a kernel that walks an image pixel by pixel may write its output over its own input."""

from __future__ import annotations

import numpy as np

from mcuq.artifacts import Overlap
from mcuq.ir import Graph, Node
from mcuq.schedule.kernels.window_shape import WindowShape


def raster_margin_bytes(g: WindowShape, in_pixel_bytes: int, out_pixel_bytes: int) -> int:
    """The least distance by which the output must start below the input.

    The kernel writes output pixels in raster order, and while it writes one it may still read that pixel's window. So
    the end of every pixel must not pass the first byte that this or a later window reads:
    (p + 1) * out_pixel <= margin + first(p), where first(p) is the least window start of all pixels from p on.
    """
    top = np.maximum(np.arange(g.out_height) * g.stride_y - g.pad_top, 0)
    left = np.maximum(np.arange(g.out_width) * g.stride_x - g.pad_left, 0)
    starts = ((np.minimum(top, g.height)[:, None] * g.width) + np.minimum(left, g.width)[None, :]).ravel()
    first_needed = np.minimum.accumulate(starts[::-1])[::-1] * in_pixel_bytes
    ends = np.arange(1, len(starts) + 1) * out_pixel_bytes
    return int((ends - first_needed).max())


def raster_overlap(node: Node, graph: Graph, g: WindowShape) -> tuple[Overlap, ...]:
    """The overlap of a sliding-window kernel's output with its input."""
    x, y = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    in_pixel = x.dtype.bytes_of(x.shape[3])
    out_pixel = y.dtype.bytes_of(y.shape[3])
    return (Overlap(x.name, y.name, raster_margin_bytes(g, in_pixel, out_pixel)),)
