"""AVERAGE_POOL_2D for cores with DSP instructions: four channels of a pixel are added at a time, as int16 pairs."""

from __future__ import annotations

from mcuq.ir import INT8, Graph, Node
from mcuq.ops.activation import quantized_range
from mcuq.schedule.kernel import Kernel, Work, only
from mcuq.schedule.kernels.pool_portable import PoolParameters, PoolShape
from mcuq.schedule.kernels.raster import raster_overlap
from mcuq.schedule.kernels.window_shape import WindowShape, window_shape

MOST_PIXELS = 255  # 128 times as many fit int16


def _geometry(node: Node, graph: Graph) -> WindowShape:
    return window_shape(graph[node.inputs[0]], graph.tensor(node.outputs[0]), node.attrs.window)


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    g = _geometry(node, graph)
    if graph[node.inputs[0]].dtype != INT8 or g.channels % 4 or g.padded:
        return "it is made for int8 without padding, channels in fours"
    return None if g.window_height * g.window_width <= MOST_PIXELS else "sums of its windows leave int16"


def plan(node: Node, graph: Graph) -> Work:
    """The step of one pooling."""
    y = graph.tensor(node.outputs[0])
    g = _geometry(node, graph)
    low, high = quantized_range(node.attrs.activation, y)
    return Work(
        PoolShape(g, y.dtype.c, y.dtype.minimum, node.attrs.halves_up),
        PoolParameters(low, high),
        overlaps=raster_overlap(node, graph, g),
        cycles=y.elements * (3 * g.window_height * g.window_width + 30),
        code_bytes=260,
    )


KERNEL = Kernel(
    "average_pool_2d/dsp", ("AVERAGE_POOL_2D",), "mcuq_pool_parameters", only(plan), refuses, frozenset({"dsp"})
)
