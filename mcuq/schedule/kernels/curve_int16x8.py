"""LOGISTIC and TANH of int16, for any core: a table of the logistic function, interpolated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.arithmetic.int16_tables import curve_factor, sigmoid_table
from mcuq.artifacts import PackedConstant
from mcuq.ir import Graph, Node
from mcuq.ops.int16_curves import LOGISTIC_EXPONENTS, TANH_EXPONENTS
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work, in_place, only
from mcuq.schedule.kernels.rates import element_cycles


@dataclass(frozen=True, slots=True)
class CurveShape:
    """Which of the two curves."""

    is_tanh: bool


@dataclass(frozen=True, slots=True)
class CurveParameters:
    """The factor to steps of the table: a multiplication, a rounding shift to the right."""

    elements: int
    multiplier: int
    shift: int


def plan(node: Node, graph: Graph) -> Work:
    """The step of one LOGISTIC or TANH."""
    x, is_tanh = graph[node.inputs[0]], node.op == "TANH"
    factor = curve_factor(quantization_of(x).scale, TANH_EXPONENTS if is_tanh else LOGISTIC_EXPONENTS)
    table = PackedConstant("table", "uint16_t", sigmoid_table().astype(np.uint16))
    return Work(
        CurveShape(is_tanh),
        CurveParameters(x.elements, *factor),
        (table,),
        overlaps=in_place(node, graph),
        cycles=element_cycles("curve/int16x8", x.elements),
    )


KERNEL = Kernel("curve/int16x8", ("LOGISTIC", "TANH"), "mcuq_curve_parameters", only(plan), arithmetics=("int16x8",))
