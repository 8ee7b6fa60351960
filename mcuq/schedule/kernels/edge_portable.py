"""QUANTIZE from float32 and DEQUANTIZE to float32, for any core: the only float code, at the edge of the model."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import FLOAT32, Graph, Node, Value
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import INTEGER_ARITHMETICS, Kernel, Work, in_place, only


@dataclass(frozen=True, slots=True)
class EdgeShape:
    """The stored C type of the quantized side; what is rounded lies within +-`limit`."""

    c_type: str
    minimum: int
    maximum: int
    limit: int


@dataclass(frozen=True, slots=True)
class EdgeParameters:
    """real = scale * (q - zero_point)."""

    elements: int
    scale: float
    zero_point: int


def _shape(quantized: Value) -> EdgeShape:
    dtype = quantized.dtype
    return EdgeShape(dtype.c, dtype.minimum, dtype.maximum, 4 << dtype.bits)


def plan_quantize(node: Node, graph: Graph) -> Work:
    """The step of one QUANTIZE; it writes a byte after it has read the four of the same element."""
    y = graph.tensor(node.outputs[0])
    q = quantization_of(y)
    return Work(
        _shape(y),
        EdgeParameters(y.elements, q.scale, q.zero_point),
        overlaps=in_place(node, graph),
    )


def plan_dequantize(node: Node, graph: Graph) -> Work:
    """The step of one DEQUANTIZE; four bytes are written for one or two read, so the output starts below."""
    x = graph[node.inputs[0]]
    q = quantization_of(x)
    return Work(
        _shape(x),
        EdgeParameters(x.elements, q.scale, q.zero_point),
        overlaps=in_place(node, graph, margin_bytes=4 * x.elements - x.bytes),
    )


def _refuses(node: Node, graph: Graph) -> str | None:
    return None if graph[node.inputs[0]].dtype == FLOAT32 else "its input is not float"


_TYPE = "mcuq_edge_parameters"
QUANTIZE = Kernel(
    "quantize/portable", ("QUANTIZE",), _TYPE, only(plan_quantize), _refuses, arithmetics=INTEGER_ARITHMETICS
)
DEQUANTIZE = Kernel(
    "dequantize/portable", ("DEQUANTIZE",), _TYPE, only(plan_dequantize), arithmetics=INTEGER_ARITHMETICS
)
