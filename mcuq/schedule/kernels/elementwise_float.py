"""ADD, SUB, MUL, LOGISTIC, TANH, RELU and RELU6 in float, for any core."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.artifacts import PackedConstant
from mcuq.ir import Constant, Graph, Node
from mcuq.schedule.kernel import Kernel, Work, in_place, only
from mcuq.schedule.kernels.binary_portable import PairDimension, pair_loops
from mcuq.schedule.kernels.float_weights import PointersOnly
from mcuq.schedule.kernels.rates import element_cycles

_OPERATORS = {"ADD": "+", "SUB": "-", "MUL": "*"}
_FUNCTIONS = {"LOGISTIC": "mcuq_logistic", "TANH": "mcuq_tanh", "RELU": "mcuq_relu", "RELU6": "mcuq_relu6"}


@dataclass(frozen=True, slots=True)
class FloatBinaryShape:
    """The loops, outermost first, C's operator between the operands, and what is done to the result."""

    loops: tuple[PairDimension, ...]
    operator: str
    activation: str


@dataclass(frozen=True, slots=True)
class FloatUnaryShape:
    """The C function of one element."""

    function: str


@dataclass(frozen=True, slots=True)
class FloatUnaryParameters:
    """How many elements there are."""

    elements: int


def plan_binary(node: Node, graph: Graph) -> Work:
    """The step of one ADD, SUB or MUL."""
    (a, b), y = graph.operands(node), graph.tensor(node.outputs[0])
    shape = FloatBinaryShape(pair_loops(a.shape, b.shape, y.shape), _OPERATORS[node.op], node.attrs.activation)
    constants = tuple(
        PackedConstant(f"operand_{index}", "float", value.values.reshape(-1))
        for index, value in enumerate((a, b))
        if isinstance(value, Constant)
    )
    cycles = element_cycles("binary/float", graph[node.outputs[0]].elements)
    return Work(shape, PointersOnly(), constants, overlaps=in_place(node, graph), cycles=cycles)


def plan_unary(node: Node, graph: Graph) -> Work:
    """The step of one function of each element."""
    parameters = FloatUnaryParameters(graph[node.inputs[0]].elements)
    cycles = element_cycles("unary/float", parameters.elements)
    return Work(FloatUnaryShape(_FUNCTIONS[node.op]), parameters, overlaps=in_place(node, graph), cycles=cycles)


BINARY = Kernel("binary/float", tuple(_OPERATORS), "", only(plan_binary), arithmetics=("float",))
UNARY = Kernel(
    "unary/float", tuple(_FUNCTIONS), "mcuq_float_unary_parameters", only(plan_unary), arithmetics=("float",)
)
