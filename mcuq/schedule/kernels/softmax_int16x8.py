"""SOFTMAX of int16, for any core: exponentials and the reciprocal of their sum from interpolated tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.arithmetic.int16_tables import exp_table, one_over_one_plus_table
from mcuq.artifacts import PackedConstant
from mcuq.ir import Graph, Node
from mcuq.ops.int16_curves import difference_multiplier
from mcuq.schedule.kernel import Kernel, Work, in_place, only
from mcuq.schedule.kernels.rates import element_cycles


@dataclass(frozen=True, slots=True)
class SoftmaxInt16Shape:
    """`rows` rows of `depth` elements."""

    rows: int
    depth: int


@dataclass(frozen=True, slots=True)
class SoftmaxInt16Parameters:
    """The factor from differences of inputs to steps of 10/65535."""

    multiplier: int
    shift: int


def plan(node: Node, graph: Graph) -> Work:
    """The step of one softmax; exponentials wait in the output until their sum is known."""
    x = graph[node.inputs[0]]
    depth = x.shape[-1]
    return Work(
        SoftmaxInt16Shape(x.elements // depth, depth),
        SoftmaxInt16Parameters(*difference_multiplier(node.attrs.beta, x)),
        (
            PackedConstant("exponentials", "int16_t", exp_table().astype(np.int16)),
            PackedConstant("reciprocals", "int16_t", one_over_one_plus_table().astype(np.int16)),
        ),
        overlaps=in_place(node, graph),
        cycles=element_cycles("softmax/int16x8", x.elements),
    )


KERNEL = Kernel("softmax/int16x8", ("SOFTMAX",), "mcuq_softmax_int16_parameters", only(plan), arithmetics=("int16x8",))
