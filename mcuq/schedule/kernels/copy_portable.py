"""CONCATENATION (where aliasing cannot do it) and PAD for any core: runs of elements are copied and filled."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mcuq.arithmetic import ARITHMETICS
from mcuq.artifacts import PackedConstant
from mcuq.ir import Constant, Graph, Node
from mcuq.ops.pad import fill_of
from mcuq.schedule.kernel import Kernel, Work, only


@dataclass(frozen=True, slots=True)
class ConcatenationShape:
    """`outer` times, `runs[k]` elements are taken from operand k."""

    outer: int
    runs: tuple[int, ...]
    c_type: str


@dataclass(frozen=True, slots=True)
class PadShape:
    """Four dimensions: sizes of the input, and what is added before and after each."""

    sizes: tuple[int, int, int, int]
    before: tuple[int, int, int, int]
    after: tuple[int, int, int, int]
    c_type: str


@dataclass(frozen=True, slots=True)
class PadParameters:
    """The stored number that the frame is made of."""

    value: int


@dataclass(frozen=True, slots=True)
class NoParameters:
    """The parameters of a kernel that has none."""


def plan_concatenation(node: Node, graph: Graph) -> Work:
    """The step of one concatenation."""
    axis = node.attrs.axis
    operands = graph.operands(node)
    runs = tuple(math.prod(value.shape[axis:]) for value in operands)
    constants = tuple(
        PackedConstant(f"operand_{index}", value.dtype.c, value.values.reshape(-1))
        for index, value in enumerate(operands)
        if isinstance(value, Constant)
    )
    outer = math.prod(operands[0].shape[:axis])
    return Work(ConcatenationShape(outer, runs, operands[0].dtype.c), NoParameters(), constants)


def _four(values: tuple[int, ...], fill: int) -> tuple[int, int, int, int]:
    a, b, c, d = (fill,) * (4 - len(values)) + values
    return a, b, c, d


def plan_pad(node: Node, graph: Graph) -> Work:
    """The step of one padding."""
    x = graph[node.inputs[0]]
    shape = PadShape(_four(x.shape, 1), _four(node.attrs.before, 0), _four(node.attrs.after, 0), x.dtype.c)
    return Work(shape, PadParameters(fill_of(node.attrs, x)))


EVERY = tuple(arithmetic.name for arithmetic in ARITHMETICS)
CONCATENATION = Kernel("concatenation/portable", ("CONCATENATION",), "", only(plan_concatenation), arithmetics=EVERY)
PAD = Kernel("pad/portable", ("PAD",), "mcuq_pad_parameters", only(plan_pad), arithmetics=EVERY)
