"""AVERAGE_POOL_2D and MAX_POOL_2D for any core."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
from mcuq.ops.activation import quantized_range
from mcuq.schedule.kernel import INTEGER_ARITHMETICS, Kernel, Work, only
from mcuq.schedule.kernels.raster import raster_overlap
from mcuq.schedule.kernels.window_shape import WindowShape, window_shape


@dataclass(frozen=True, slots=True)
class PoolShape:
    """The geometry, the elements and the least of them; how averages are rounded."""

    window: WindowShape
    c_type: str
    least: int
    halves_up: bool = False


@dataclass(frozen=True, slots=True)
class PoolParameters:
    """The clamp of the fused activation."""

    output_min: int
    output_max: int


def plan(node: Node, graph: Graph) -> Work:
    """The step of one pooling."""
    x, y = graph[node.inputs[0]], graph.tensor(node.outputs[0])
    low, high = quantized_range(node.attrs.activation, y)
    geometry = window_shape(x, y, node.attrs.window)
    shape = PoolShape(geometry, y.dtype.c, y.dtype.minimum, node.attrs.halves_up)
    return Work(
        shape,
        PoolParameters(low, high),
        overlaps=raster_overlap(node, graph, geometry),
        cycles=y.elements * (8 * geometry.window_height * geometry.window_width + 20),
        code_bytes=120,
    )


_TYPE = "mcuq_pool_parameters"
AVERAGE = Kernel("average_pool_2d/portable", ("AVERAGE_POOL_2D",), _TYPE, only(plan), arithmetics=INTEGER_ARITHMETICS)
MAX = Kernel("max_pool_2d/portable", ("MAX_POOL_2D",), _TYPE, only(plan), arithmetics=INTEGER_ARITHMETICS)
