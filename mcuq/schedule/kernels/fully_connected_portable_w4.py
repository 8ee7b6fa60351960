"""FULLY_CONNECTED with int4 weights: eight outputs at a time, two products a multiplication."""

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
    right_shifts,
    stored_shift,
    zero_point_constants,
)
from mcuq.schedule.kernels.packing_int4 import (
    ChannelGroup,
    channel_groups,
    folded_bias,
    int4_constants,
    refuses_other_weights,
)
from mcuq.schedule.kernels.rates import layer_cycles


@dataclass(frozen=True, slots=True)
class Int4FullyConnectedShape:
    """As FullyConnectedShape; `groups` are the outputs as the weights are packed."""

    rows: int
    depth: int
    groups: tuple[ChannelGroup, ...]
    out_channels: int
    per_channel: bool
    rounded: bool
    asymmetric: bool


@dataclass(frozen=True, slots=True)
class Int4FullyConnectedParameters:
    """`multiplier` and `shift` serve all outputs unless the multipliers are per channel."""

    output_offset: int
    output_min: int
    output_max: int
    multiplier: int
    shift: int


def plan(node: Node, graph: Graph) -> Work:
    """The step of one fully connected layer."""
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    outputs, depth = weights.shape
    multipliers, zeros = multipliers_of(x, weights, y), weight_zero_points(weights, outputs)
    shifts, groups = right_shifts(multipliers, node.arithmetic), channel_groups(outputs)
    zero_point, per_channel = quantization_of(x).zero_point, len(set(multipliers)) > 1
    bias = folded_bias(bias_of(node, graph, outputs), weights.values, zeros, zero_point, shifts)
    return Work(
        shape=Int4FullyConnectedShape(
            x.elements // depth, depth, groups, outputs, per_channel, bias.rounded, bool(zeros.any())
        ),
        parameters=Int4FullyConnectedParameters(
            quantization_of(y).zero_point,
            *quantized_range(node.attrs.activation, y),
            multiplier=multipliers[0][0],
            shift=stored_shift(multipliers[0], node.arithmetic),
        ),
        constants=(
            *int4_constants(weights.values, groups, signed=False),
            bias_constant(bias.values),
            *(multiplier_constants(multipliers, node.arithmetic) if per_channel else ()),
            *zero_point_constants(zeros),
        ),
        cycles=layer_cycles("fully_connected/portable_w4", node, graph),
    )


KERNEL = Kernel(
    "fully_connected/portable_w4",
    ("FULLY_CONNECTED",),
    "mcuq_int4_fully_connected_parameters",
    only(plan),
    refuses_other_weights,
)
