"""Elementwise rescaling where a table would be too long, for any core: QUANTIZE, RELU and RELU6 of int16."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.arithmetic.multiplier import quantize_multiplier
from mcuq.ir import FLOAT32, Graph, Node, Tensor, Value
from mcuq.ops.activation import NONE, RELU, RELU6, quantized_range
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work, in_place, only

CLAMP_OF = {"QUANTIZE": NONE, "RELU": RELU, "RELU6": RELU6}


@dataclass(frozen=True, slots=True)
class RescaleShape:
    """The C types of both sides."""

    from_type: str
    to_type: str


@dataclass(frozen=True, slots=True)
class RescaleParameters:
    """`input_offset` is added before, `output_offset` after the factor."""

    elements: int
    input_offset: int
    multiplier: int
    shift: int
    output_offset: int
    output_min: int
    output_max: int


def _factor(x: Value, y: Tensor) -> tuple[int, int]:
    return quantize_multiplier(quantization_of(x).scale / quantization_of(y).scale)


def plan(node: Node, graph: Graph) -> Work:
    """The step of one elementwise op."""
    x, y = graph[node.inputs[0]], graph.tensor(node.outputs[0])
    multiplier, shift = _factor(x, y)
    low, high = quantized_range(CLAMP_OF[node.op], y)
    return Work(
        RescaleShape(x.dtype.c, y.dtype.c),
        RescaleParameters(
            elements=y.elements,
            input_offset=-quantization_of(x).zero_point,
            multiplier=multiplier,
            shift=shift,
            output_offset=quantization_of(y).zero_point,
            output_min=low,
            output_max=high,
        ),
        overlaps=in_place(node, graph, margin_bytes=max(y.bytes - x.bytes, 0)),
    )


def _refuses(node: Node, graph: Graph) -> str | None:
    return "its input is float" if graph[node.inputs[0]].dtype == FLOAT32 else None


KERNEL = Kernel(
    "rescale/portable", tuple(CLAMP_OF), "mcuq_rescale_parameters", only(plan), _refuses, arithmetics=("int16x8",)
)
