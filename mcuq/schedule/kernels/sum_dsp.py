"""ADD and SUB of equal shapes for cores with DSP instructions: every factor in one multiplication.

The operand with the larger scale has the factor 1/2 exactly, so its 20 extra bits become 19 and nothing is rounded.
For the others, with A = 4 * sum: (A * multiplier >> 32) + (2^e + 1) + zero_point * 2^(e + 1), less 2 for negative sums,
shifted right by e + 1, equals TFLM's two roundings plus the zero point (see mixed_lanes: 4 instead of 256).
"""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import INT8, Constant, Graph, Node
from mcuq.ops.activation import quantized_range
from mcuq.ops.binary import SumMultipliers, sum_multipliers
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work, in_place, only

HALF = (1 << 30, 0)  # multiplier and shift of 1/2
OPERAND_SHIFTS = range(1, 19)
OUTPUT_SHIFTS = range(1, 23)


@dataclass(frozen=True, slots=True)
class SumDspShape:
    """Whether each operand's factor is 1/2, and what follows the sum."""

    a_is_half: bool
    b_is_half: bool
    subtracts: bool
    clamped: bool


@dataclass(frozen=True, slots=True)
class SumDspParameters:
    """Shifts are the right shifts e; `output_rounding` holds both roundings and the zero point."""

    elements: int
    a_offset: int
    b_offset: int
    a_multiplier: int
    b_multiplier: int
    output_multiplier: int
    a_shift: int
    b_shift: int
    output_shift: int
    output_rounding: int
    output_min: int
    output_max: int


def _factors(node: Node, graph: Graph) -> SumMultipliers:
    a, b = graph.operands(node)
    return sum_multipliers(a, b, graph.tensor(node.outputs[0]))


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    (a, b), y = graph.operands(node), graph.tensor(node.outputs[0])
    if node.arithmetic != "tflm" or any(value.dtype != INT8 for value in (a, b, y)):
        return "it is made for int8 with TFLM's rounding"
    if any(isinstance(value, Constant) for value in (a, b)) or a.elements != y.elements or b.elements != y.elements:
        return "an operand is broadcast or constant"
    factors = _factors(node, graph)
    if any(f != HALF and -f[1] not in OPERAND_SHIFTS for f in (factors.first, factors.second)):
        return "an operand's factor is outside of 2^-19 to 1/2"
    return None if -factors.output[1] in OUTPUT_SHIFTS else "the output's factor is outside of 2^-23 to 1/2"


def plan(node: Node, graph: Graph) -> Work:
    """The step of one ADD or SUB."""
    (a, b), y = graph.operands(node), graph.tensor(node.outputs[0])
    factors = _factors(node, graph)
    low, high = quantized_range(node.attrs.activation, y)
    e = -factors.output[1]
    return Work(
        SumDspShape(
            a_is_half=factors.first == HALF,
            b_is_half=factors.second == HALF,
            subtracts=node.op == "SUB",
            clamped=(low, high) != (-128, 127),
        ),
        SumDspParameters(
            elements=y.elements,
            a_offset=-quantization_of(a).zero_point,
            b_offset=-quantization_of(b).zero_point,
            a_multiplier=factors.first[0],
            b_multiplier=factors.second[0],
            output_multiplier=factors.output[0],
            a_shift=-factors.first[1],
            b_shift=-factors.second[1],
            output_shift=e + 1,
            output_rounding=(1 << e) + 1 + (quantization_of(y).zero_point << (e + 1)),
            output_min=low,
            output_max=high,
        ),
        overlaps=in_place(node, graph),
        cycles=25 * y.elements + 50,
        code_bytes=130,
    )


KERNEL = Kernel("sum/dsp", ("ADD", "SUB"), "mcuq_sum_dsp_parameters", only(plan), refuses, frozenset({"dsp"}))
