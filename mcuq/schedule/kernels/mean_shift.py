"""MEAN in Q format, for any core: the sum is shifted and divided, no multiplier."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
from mcuq.ops.mean import count_of, division_of
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work, only
from mcuq.schedule.kernels.mean_portable import MeanShape, merged_dimensions
from mcuq.schedule.kernels.rates import element_cycles


@dataclass(frozen=True, slots=True)
class MeanShiftParameters:
    """`sum_offset` is added to the sum, which is then shifted left and divided."""

    sum_offset: int
    left: int
    divisor: int
    output_offset: int


def plan(node: Node, graph: Graph) -> Work:
    """The step of one mean."""
    x, y = graph[node.inputs[0]], graph.tensor(node.outputs[0])
    count = count_of(node.attrs, x)
    kept, reduced = merged_dimensions(x.shape, node.attrs.axes)
    left, divisor = division_of(node.attrs, x, y)
    return Work(
        MeanShape(kept, reduced, count),
        MeanShiftParameters(
            sum_offset=-quantization_of(x).zero_point * count,
            left=left,
            divisor=divisor,
            output_offset=quantization_of(y).zero_point,
        ),
        cycles=element_cycles("mean/shift", x.elements),
    )


KERNEL = Kernel("mean/shift", ("MEAN",), "mcuq_mean_shift_parameters", only(plan), arithmetics=("shift",))
