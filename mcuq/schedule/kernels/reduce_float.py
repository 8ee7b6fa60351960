"""AVERAGE_POOL_2D, MAX_POOL_2D, MEAN and SOFTMAX in float, for any core."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
from mcuq.ops.mean import count_of
from mcuq.schedule.kernel import Kernel, Work, in_place, only
from mcuq.schedule.kernels.float_weights import PointersOnly
from mcuq.schedule.kernels.mean_portable import MeanShape, merged_dimensions
from mcuq.schedule.kernels.rates import element_cycles
from mcuq.schedule.kernels.window_shape import WindowShape, window_shape


@dataclass(frozen=True, slots=True)
class FloatPoolShape:
    """The geometry, and what is done to the result."""

    window: WindowShape
    activation: str


@dataclass(frozen=True, slots=True)
class FloatSoftmaxShape:
    """`rows` rows of `depth` elements."""

    rows: int
    depth: int


@dataclass(frozen=True, slots=True)
class FloatSoftmaxParameters:
    """exp(beta * x) / sum."""

    beta: float


def plan_pool(node: Node, graph: Graph) -> Work:
    """The step of one pooling."""
    x, y = graph[node.inputs[0]], graph.tensor(node.outputs[0])
    window = window_shape(x, y, node.attrs.window)
    cycles = element_cycles("pool/float", y.elements * window.window_height * window.window_width)
    return Work(FloatPoolShape(window, node.attrs.activation), PointersOnly(), cycles=cycles)


def plan_mean(node: Node, graph: Graph) -> Work:
    """The step of one mean."""
    x = graph[node.inputs[0]]
    kept, reduced = merged_dimensions(x.shape, node.attrs.axes)
    cycles = element_cycles("mean/float", x.elements)
    return Work(MeanShape(kept, reduced, count_of(node.attrs, x)), PointersOnly(), cycles=cycles)


def plan_softmax(node: Node, graph: Graph) -> Work:
    """The step of one softmax."""
    x = graph[node.inputs[0]]
    shape = FloatSoftmaxShape(x.elements // x.shape[-1], x.shape[-1])
    return Work(
        shape,
        FloatSoftmaxParameters(float(node.attrs.beta)),
        overlaps=in_place(node, graph),
        cycles=element_cycles("softmax/float", x.elements),
    )


AVERAGE = Kernel("average_pool_2d/float", ("AVERAGE_POOL_2D",), "", only(plan_pool), arithmetics=("float",))
MAX = Kernel("max_pool_2d/float", ("MAX_POOL_2D",), "", only(plan_pool), arithmetics=("float",))
MEAN = Kernel("mean/float", ("MEAN",), "", only(plan_mean), arithmetics=("float",))
SOFTMAX = Kernel(
    "softmax/float", ("SOFTMAX",), "mcuq_float_softmax_parameters", only(plan_softmax), arithmetics=("float",)
)
