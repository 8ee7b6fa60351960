"""AVERAGE_POOL_2D and MAX_POOL_2D for any core."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
from mcuq.ops.activation import quantized_range
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels.window_shape import WindowShape, window_shape


@dataclass(frozen=True, slots=True)
class PoolShape:
    """The geometry alone."""

    window: WindowShape


@dataclass(frozen=True, slots=True)
class PoolParameters:
    """The clamp of the fused activation."""

    output_min: int
    output_max: int


def plan(node: Node, graph: Graph) -> Work:
    """The step of one pooling."""
    x, y = graph[node.inputs[0]], graph.tensor(node.outputs[0])
    low, high = quantized_range(node.attrs.activation, y)
    return Work(PoolShape(window_shape(x, y, node.attrs.window)), PoolParameters(low, high))


AVERAGE = Kernel("average_pool_2d/portable", ("AVERAGE_POOL_2D",), "mcuq_pool_parameters", plan)
MAX = Kernel("max_pool_2d/portable", ("MAX_POOL_2D",), "mcuq_pool_parameters", plan)
