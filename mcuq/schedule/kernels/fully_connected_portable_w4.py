"""FULLY_CONNECTED with int4 weights: eight outputs at a time, two products an instruction."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels import fully_connected_portable
from mcuq.schedule.kernels.packing_int4 import (
    ChannelGroup,
    channel_groups,
    int4_constants,
    refuses_other_weights,
    repacked,
)


@dataclass(frozen=True, slots=True)
class Int4FullyConnectedShape:
    """As FullyConnectedShape; `groups` are the outputs as the weights are packed."""

    rows: int
    depth: int
    groups: tuple[ChannelGroup, ...]
    out_channels: int
    folded: bool
    per_channel: bool
    rounded: bool
    asymmetric: bool


def plan(node: Node, graph: Graph) -> Work:
    """The step of one fully connected layer: as with int8 weights, but for how the weights are packed."""
    weights = graph.constant(node.inputs[1])
    work = fully_connected_portable.plan(node, graph)
    groups = channel_groups(weights.shape[0])
    shape = Int4FullyConnectedShape(
        work.shape.rows,
        work.shape.depth,
        groups,
        work.shape.out_channels,
        folded=work.parameters.input_offset == 0,
        per_channel=work.shape.per_channel,
        rounded=work.shape.rounded,
        asymmetric=work.shape.asymmetric,
    )
    packed = int4_constants(weights.values, groups, signed=False)
    return Work(shape, work.parameters, repacked(work.constants, packed), overlaps=work.overlaps)


KERNEL = Kernel(
    "fully_connected/portable_w4",
    ("FULLY_CONNECTED",),
    "mcuq_int4_fully_connected_parameters",
    plan,
    refuses_other_weights,
)
