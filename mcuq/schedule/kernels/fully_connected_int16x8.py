"""FULLY_CONNECTED of int16 with int8 weights, for any core: four outputs at a time."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
from mcuq.ops.fully_connected import multipliers_of
from mcuq.schedule.kernel import Kernel, Work, only
from mcuq.schedule.kernels.int16_sums import int16_sums
from mcuq.schedule.kernels.rates import layer_cycles


@dataclass(frozen=True, slots=True)
class FullyConnectedInt16Shape:
    """`rows` inputs of `depth` elements; `wide`: sums need 64 bits."""

    rows: int
    depth: int
    out_channels: int
    wide: bool


def plan(node: Node, graph: Graph) -> Work:
    """The step of one fully connected layer."""
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    outputs, depth = weights.shape
    sums = int16_sums(node, graph, weights.values, multipliers_of(x, weights, y))
    shape = FullyConnectedInt16Shape(x.elements // depth, depth, outputs, sums.wide)
    return Work(shape, sums.parameters, sums.constants, cycles=layer_cycles("fully_connected/int16x8", node, graph))


KERNEL = Kernel(
    "fully_connected/int16x8", ("FULLY_CONNECTED",), "mcuq_int16_parameters", only(plan), arithmetics=("int16x8",)
)
