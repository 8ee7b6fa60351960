"""ADD and SUB in Q format, for any core: operands in the finer of their scales, one rounding shift of the sum."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.arithmetic.shift import right_shift
from mcuq.ir import Graph, Node
from mcuq.ops.activation import quantized_range
from mcuq.ops.binary import LEFT_SHIFT, sum_multipliers
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work, in_place, only
from mcuq.schedule.kernels.binary_portable import SumShape, operand_constants, pair_loops
from mcuq.schedule.kernels.rates import element_cycles


@dataclass(frozen=True, slots=True)
class SumShiftParameters:
    """`a_left` and `b_left` shift to the left, `shift` to the right."""

    a_offset: int
    b_offset: int
    a_left: int
    b_left: int
    shift: int
    output_offset: int
    output_min: int
    output_max: int


def plan(node: Node, graph: Graph) -> Work:
    """The step of one ADD or SUB: the card's shifts less what both operands have in common, which loses no bit."""
    (a, b), y = graph.operands(node), graph.tensor(node.outputs[0])
    factors = sum_multipliers(a, b, y)
    a_left, b_left = (LEFT_SHIFT - int(right_shift(*factor)) for factor in (factors.first, factors.second))
    common = min(a_left, b_left)
    low, high = quantized_range(node.attrs.activation, y)
    return Work(
        SumShape(pair_loops(a.shape, b.shape, y.shape), node.op == "SUB", y.dtype.c, LEFT_SHIFT),
        SumShiftParameters(
            a_offset=-quantization_of(a).zero_point,
            b_offset=-quantization_of(b).zero_point,
            a_left=a_left - common,
            b_left=b_left - common,
            shift=int(right_shift(*factors.output)) - common,
            output_offset=quantization_of(y).zero_point,
            output_min=low,
            output_max=high,
        ),
        operand_constants(node, graph),
        cycles=element_cycles("sum/shift", y.elements),
        overlaps=in_place(node, graph),
    )


KERNEL = Kernel("sum/shift", ("ADD", "SUB"), "mcuq_sum_shift_parameters", only(plan), arithmetics=("shift",))
