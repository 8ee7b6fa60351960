"""ADD and SUB of equal shapes for cores with DSP instructions, faster for 2 KB of flash: operands scaled by table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.arithmetic import TFLM
from mcuq.artifacts import PackedConstant
from mcuq.ir import Graph, Node
from mcuq.ops.activation import quantized_range
from mcuq.ops.binary import LEFT_SHIFT, sum_multipliers
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work, in_place, only
from mcuq.schedule.kernels.mixed_lanes import Array
from mcuq.schedule.kernels.sum_dsp import refuses as refuses_dsp

TURN = 4  # elements


@dataclass(frozen=True, slots=True)
class SumTablesShape:
    """`shift` to the right after the multiplication; `corrected`: negative sums round the other way (see sum_dsp)."""

    elements: int
    shift: int
    corrected: bool
    clamped: bool


@dataclass(frozen=True, slots=True)
class SumTablesParameters:
    """`rounding` holds both roundings and the zero point."""

    multiplier: int
    rounding: int
    output_min: int
    output_max: int


def _table(zero_point: int, factor: tuple[int, int], sign: int) -> Array:
    """Four times the scaled operand, int32 [256], by the stored byte."""
    stored = np.arange(256, dtype=np.uint8).view(np.int8).astype(np.int64)
    scaled = TFLM.requantize((stored - zero_point) << LEFT_SHIFT, *factor)
    return np.asarray(4 * sign * scaled, np.int32)


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    return refuses_dsp(node, graph)


def plan(node: Node, graph: Graph) -> Work:
    """The step of one ADD or SUB."""
    (a, b), y = graph.operands(node), graph.tensor(node.outputs[0])
    factors = sum_multipliers(a, b, y)
    low, high = quantized_range(node.attrs.activation, y)
    zero_point = quantization_of(y).zero_point
    e = -factors.output[1]
    tables = (
        _table(quantization_of(a).zero_point, factors.first, 1),
        _table(quantization_of(b).zero_point, factors.second, -1 if node.op == "SUB" else 1),
    )
    # Where the lower bound is the zero point, every negative sum is clamped, however it was rounded.
    corrected = low < zero_point
    return Work(
        SumTablesShape(y.elements, e + 1, corrected, (low, high) != (-128, 127)),
        SumTablesParameters(factors.output[0], (1 << e) + 1 + (zero_point << (e + 1)), low, high),
        constants=(
            PackedConstant("a_table", "int32_t", tables[0]),
            PackedConstant("b_table", "int32_t", tables[1]),
        ),
        overlaps=in_place(node, graph),
        cycles=(14 + 2 * corrected) * y.elements + 60,
        code_bytes=180,
        variant="tables",
    )


KERNEL = Kernel("sum/dsp_tables", ("ADD", "SUB"), "mcuq_sum_tables_parameters", only(plan), refuses, frozenset({"dsp"}))
