"""FULLY_CONNECTED for any core: four outputs at a time."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
from mcuq.ops.activation import quantized_range
from mcuq.ops.fully_connected import multipliers_of
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels.packing import (
    bias_constant,
    bias_of,
    fold_zero_point,
    multiplier_constants,
    weights_constant,
)


@dataclass(frozen=True, slots=True)
class FullyConnectedShape:
    """`rows` inputs of `depth` elements; `per_channel`: multipliers differ between outputs."""

    rows: int
    depth: int
    out_channels: int
    folded: bool
    per_channel: bool


@dataclass(frozen=True, slots=True)
class FullyConnectedParameters:
    """`multiplier` and `shift` serve all outputs unless the multipliers are per channel."""

    input_offset: int
    output_offset: int
    output_min: int
    output_max: int
    multiplier: int
    shift: int


def plan(node: Node, graph: Graph) -> Work:
    """The step of one fully connected layer."""
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    outputs, depth = weights.shape
    zero_point = quantization_of(x).zero_point
    bias = bias_of(node, graph, outputs)
    folded = fold_zero_point(bias, weights.values, zero_point)
    multipliers = multipliers_of(x, weights, y)
    per_channel = len(set(multipliers)) > 1
    low, high = quantized_range(node.attrs.activation, y)
    return Work(
        shape=FullyConnectedShape(x.elements // depth, depth, outputs, folded is not None, per_channel),
        parameters=FullyConnectedParameters(
            input_offset=0 if folded is not None else -zero_point,
            output_offset=quantization_of(y).zero_point,
            output_min=low,
            output_max=high,
            multiplier=multipliers[0][0],
            shift=multipliers[0][1],
        ),
        constants=(
            weights_constant(weights.values),
            bias_constant(bias if folded is None else folded),
            *(multiplier_constants(multipliers) if per_channel else ()),
        ),
    )


KERNEL = Kernel("fully_connected/portable", ("FULLY_CONNECTED",), "mcuq_fully_connected_parameters", plan)
