"""FULLY_CONNECTED for any core: four outputs at a time."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
from mcuq.ops.activation import quantized_range
from mcuq.ops.fully_connected import multipliers_of
from mcuq.ops.requirements import quantization_of
from mcuq.ops.weighted import weight_zero_points
from mcuq.schedule.kernel import Kernel, Work, only
from mcuq.schedule.kernels.packing import (
    bias_constant,
    bias_of,
    multiplier_constants,
    packed_bias,
    right_shifts,
    stored_shift,
    weights_constant,
    zero_point_constants,
)
from mcuq.schedule.kernels.packing_int4 import refuses_other_weights


@dataclass(frozen=True, slots=True)
class FullyConnectedShape:
    """`rows` inputs of `depth` elements; `per_channel`: multipliers differ between outputs.

    `folded` and `rounded`: what the bias already holds (packing.PackedBias); `asymmetric`: weights have zero points.
    """

    rows: int
    depth: int
    out_channels: int
    folded: bool
    per_channel: bool
    rounded: bool = False
    asymmetric: bool = False


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
    multipliers, zeros = multipliers_of(x, weights, y), weight_zero_points(weights, outputs)
    shifts = right_shifts(multipliers, node.arithmetic)
    bias = packed_bias(bias_of(node, graph, outputs), weights.values, zeros, zero_point, shifts, padded=False)
    per_channel = len(set(multipliers)) > 1
    low, high = quantized_range(node.attrs.activation, y)
    return Work(
        shape=FullyConnectedShape(
            x.elements // depth, depth, outputs, bias.folded, per_channel, bias.rounded, bool(zeros.any())
        ),
        parameters=FullyConnectedParameters(
            input_offset=0 if bias.folded else -zero_point,
            output_offset=quantization_of(y).zero_point,
            output_min=low,
            output_max=high,
            multiplier=multipliers[0][0],
            shift=stored_shift(multipliers[0], node.arithmetic),
        ),
        constants=(
            weights_constant(weights.values),
            bias_constant(bias.values),
            *(multiplier_constants(multipliers, node.arithmetic) if per_channel else ()),
            *zero_point_constants(zeros),
        ),
        cycles=(x.elements // depth) * outputs * (5 * depth + 30),
        code_bytes=260,
    )


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel does not compute the node, or None: int4 weights would lie in bytes, where they can be packed."""
    packed = refuses_other_weights(node, graph) is None
    return "its weights can stay int4" if packed else None


KERNEL = Kernel(
    "fully_connected/portable", ("FULLY_CONNECTED",), "mcuq_fully_connected_parameters", only(plan), refuses
)
