"""FULLY_CONNECTED with int4 weights for cores with DSP instructions: eight outputs at a time, of an input as int16.

Weights are used with the 8 that packing adds to them, which leaves one AND a word of lanes; eight times the sum of the
input, made once a row, is taken off each output's sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from mcuq.artifacts import PackedConstant
from mcuq.ir import INT4, Graph, Node
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels.fully_connected_dsp import (
    OUTPUTS,
    FullyConnectedDspParameters,
    by_words,
    folded_layer,
    stream_of,
    taps_of,
)
from mcuq.schedule.kernels.mixed_lanes import clamp_of, refusal_of_types
from mcuq.schedule.kernels.packing_int4 import packed_lanes

Array = npt.NDArray[Any]

UNROLLS = (8, 2)  # pairs a turn of the inner loop, the preferred one first


@dataclass(frozen=True, slots=True)
class FullyConnectedInt4Shape:
    """`rows` inputs of `depth` elements, padded to `pairs` pairs, `unroll` of them a turn."""

    rows: int
    depth: int
    out_channels: int
    pairs: int
    unroll: int
    by_words: bool
    linear: bool


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    reason = refusal_of_types(node, graph, (INT4,))
    if reason is not None:
        return reason
    _, linear = clamp_of(node, graph)
    return folded_layer(node, graph).refusal(takes_large_factors=not linear)


def plans(node: Node, graph: Graph) -> tuple[Work, ...]:
    """As many pairs a turn as divide them."""
    pairs, order = taps_of(graph.constant(node.inputs[1]).shape[1], min(UNROLLS))
    zero_point = quantization_of(graph.tensor(node.outputs[0])).zero_point
    stream = stream_of(folded_layer(node, graph), zero_point, order, is_common=False, packed=packed_lanes)
    return tuple(_plan(node, graph, stream, pairs, unroll) for unroll in UNROLLS if pairs % unroll == 0)


def _plan(node: Node, graph: Graph, stream: Array, pairs: int, unroll: int) -> Work:
    outputs, depth = graph.constant(node.inputs[1]).shape
    rows, blocks = graph[node.inputs[0]].elements // depth, -(-outputs // OUTPUTS)
    _, linear = clamp_of(node, graph)
    a_block = 21 * pairs + 6 * pairs // unroll + 125 + (16 if linear else 0)
    return Work(
        shape=FullyConnectedInt4Shape(rows, depth, outputs, pairs, unroll, by_words(depth), linear),
        parameters=FullyConnectedDspParameters(0),
        constants=(PackedConstant("stream", "uint32_t", stream),),
        scratch_bytes=4 * (1 + pairs),
        cycles=rows * (blocks * a_block + 4 * depth),
        code_bytes=100,
        shared_code=(
            (f"mcuq_dot_8_int4_{unroll}{'_linear' if linear else ''}", 70 * unroll + 360),
            ("mcuq_expand_row", 100),
        ),
        variant=f"{2 * unroll} taps a turn",
    )


KERNEL = Kernel(
    "fully_connected/dsp_w4", ("FULLY_CONNECTED",), "mcuq_stream_parameters", plans, refuses, frozenset({"dsp"})
)
