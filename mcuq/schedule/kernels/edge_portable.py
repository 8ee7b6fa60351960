"""QUANTIZE from float32 and DEQUANTIZE to float32, for any core: the only float code, at the edge of the model."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import FLOAT32, Graph, Node
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work, in_place


@dataclass(frozen=True, slots=True)
class EdgeShape:
    """The stored C type of the quantized side."""

    c_type: str
    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class EdgeParameters:
    """real = scale * (q - zero_point)."""

    elements: int
    scale: float
    zero_point: int


def plan_quantize(node: Node, graph: Graph) -> Work:
    """The step of one QUANTIZE; it writes a byte after it has read the four of the same element."""
    y = graph.tensor(node.outputs[0])
    q = quantization_of(y)
    return Work(
        EdgeShape(y.dtype.c, y.dtype.minimum, y.dtype.maximum),
        EdgeParameters(y.elements, q.scale, q.zero_point),
        overlaps=in_place(node, graph),
    )


def plan_dequantize(node: Node, graph: Graph) -> Work:
    """The step of one DEQUANTIZE; four bytes are written for each that is read, so the output starts 3n below."""
    x = graph[node.inputs[0]]
    q = quantization_of(x)
    return Work(
        EdgeShape(x.dtype.c, x.dtype.minimum, x.dtype.maximum),
        EdgeParameters(x.elements, q.scale, q.zero_point),
        overlaps=in_place(node, graph, margin_bytes=3 * x.elements),
    )


def _refuses(node: Node, graph: Graph) -> str | None:
    return None if graph[node.inputs[0]].dtype == FLOAT32 else "its input is not float"


QUANTIZE = Kernel("quantize/portable", ("QUANTIZE",), "mcuq_edge_parameters", plan_quantize, _refuses)
DEQUANTIZE = Kernel("dequantize/portable", ("DEQUANTIZE",), "mcuq_edge_parameters", plan_dequantize)
