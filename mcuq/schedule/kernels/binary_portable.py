"""ADD, SUB and MUL for any core: one loop, or nested loops where an operand is broadcast."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.artifacts import PackedConstant
from mcuq.ir import Constant, Graph, Node
from mcuq.ops.activation import quantized_range
from mcuq.ops.binary import left_shift_of, sum_multipliers
from mcuq.ops.mul import product_multiplier
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import INTEGER_ARITHMETICS, Kernel, Work, in_place, only
from mcuq.schedule.kernels.packing import stored_shift


@dataclass(frozen=True, slots=True)
class PairDimension:
    """`size` elements; the strides of both operands, 0 where an operand is broadcast."""

    size: int
    stride_a: int
    stride_b: int


@dataclass(frozen=True, slots=True)
class BinaryShape:
    """The loops, outermost first, and the elements; the output is written in order."""

    loops: tuple[PairDimension, ...]
    c_type: str = "int8_t"


@dataclass(frozen=True, slots=True)
class SumShape:
    """The same for ADD and SUB; operands get `left_shift` extra bits."""

    loops: tuple[PairDimension, ...]
    subtracts: bool
    c_type: str
    left_shift: int


@dataclass(frozen=True, slots=True)
class SumParameters:
    """Offsets and factors of ADD and SUB."""

    a_offset: int
    b_offset: int
    a_multiplier: int
    b_multiplier: int
    output_multiplier: int
    a_shift: int
    b_shift: int
    output_shift: int
    output_offset: int
    output_min: int
    output_max: int


@dataclass(frozen=True, slots=True)
class ProductParameters:
    """Offsets and factor of MUL."""

    a_offset: int
    b_offset: int
    multiplier: int
    shift: int
    output_offset: int
    output_min: int
    output_max: int


def _strides(shape: tuple[int, ...], rank: int) -> list[int]:
    """Element strides a dimension of the broadcast rank; 0 where the size is 1."""
    padded = (1,) * (rank - len(shape)) + shape
    strides: list[int] = []
    stride = 1
    for size in reversed(padded):
        strides.insert(0, 0 if size == 1 else stride)
        stride *= size
    return strides


def pair_loops(a: tuple[int, ...], b: tuple[int, ...], y: tuple[int, ...]) -> tuple[PairDimension, ...]:
    """Loops over the output, with dimensions of size 1 dropped and neighbours merged where both operands allow it."""
    loops: list[PairDimension] = []
    for size, stride_a, stride_b in zip(y, _strides(a, len(y)), _strides(b, len(y)), strict=True):
        if size == 1:
            continue
        inner = PairDimension(size, stride_a, stride_b)
        outer = loops[-1] if loops else None
        if outer and outer.stride_a == stride_a * size and outer.stride_b == stride_b * size:
            loops[-1] = PairDimension(outer.size * size, stride_a, stride_b)
        else:
            loops.append(inner)
    return tuple(loops) or (PairDimension(1, 0, 0),)


def operand_constants(node: Node, graph: Graph) -> tuple[PackedConstant, ...]:
    """The operands that are constants, as arguments of the kernel."""
    return tuple(
        PackedConstant(f"operand_{index}", value.dtype.c, value.values.reshape(-1))
        for index, value in enumerate(graph.operands(node))
        if isinstance(value, Constant)
    )


def plan_sum(node: Node, graph: Graph) -> Work:
    """The step of one ADD or SUB."""
    (a, b), y = graph.operands(node), graph.tensor(node.outputs[0])
    factors = sum_multipliers(a, b, y)
    low, high = quantized_range(node.attrs.activation, y)
    return Work(
        SumShape(pair_loops(a.shape, b.shape, y.shape), node.op == "SUB", y.dtype.c, left_shift_of(a)),
        SumParameters(
            a_offset=-quantization_of(a).zero_point,
            b_offset=-quantization_of(b).zero_point,
            a_multiplier=factors.first[0],
            b_multiplier=factors.second[0],
            output_multiplier=factors.output[0],
            a_shift=factors.first[1],
            b_shift=factors.second[1],
            output_shift=factors.output[1],
            output_offset=quantization_of(y).zero_point,
            output_min=low,
            output_max=high,
        ),
        operand_constants(node, graph),
        overlaps=in_place(node, graph),
        cycles=45 * y.elements + 50,
        code_bytes=260,
    )


def plan_product(node: Node, graph: Graph) -> Work:
    """The step of one MUL."""
    (a, b), y = graph.operands(node), graph.tensor(node.outputs[0])
    multiplier, shift = product_multiplier(a, b, y)
    low, high = quantized_range(node.attrs.activation, y)
    return Work(
        BinaryShape(pair_loops(a.shape, b.shape, y.shape), y.dtype.c),
        ProductParameters(
            a_offset=-quantization_of(a).zero_point,
            b_offset=-quantization_of(b).zero_point,
            multiplier=multiplier,
            shift=stored_shift((multiplier, shift), node.arithmetic),
            output_offset=quantization_of(y).zero_point,
            output_min=low,
            output_max=high,
        ),
        operand_constants(node, graph),
        overlaps=in_place(node, graph),
        cycles=25 * y.elements + 50,
        code_bytes=150,
    )


SUM = Kernel(
    "sum/portable", ("ADD", "SUB"), "mcuq_sum_parameters", only(plan_sum), arithmetics=("tflm", "single", "int16x8")
)
PRODUCT = Kernel(
    "mul/portable", ("MUL",), "mcuq_product_parameters", only(plan_product), arithmetics=INTEGER_ARITHMETICS
)
