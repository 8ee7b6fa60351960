"""FULLY_CONNECTED for cores with DSP instructions: the input as int16, eight outputs at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mcuq.artifacts import PackedConstant
from mcuq.ir import Graph, Node
from mcuq.ops.fully_connected import multipliers_of
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work, only
from mcuq.schedule.kernels.mixed_lanes import (
    Folded,
    factors,
    folded,
    natural_order,
    pair_words,
    refusal_of_types,
    swapped_order,
)

OUTPUTS = 8  # at a time
UNROLLS = (16, 8, 2)  # pairs a turn of the inner loop, the preferred one first


@dataclass(frozen=True, slots=True)
class FullyConnectedDspShape:
    """`rows` inputs of `depth` elements, padded to `pairs` pairs."""

    rows: int
    depth: int
    out_channels: int
    pairs: int
    unroll: int
    by_words: bool
    linear: bool


@dataclass(frozen=True, slots=True)
class FullyConnectedDspParameters:
    """What padding reads as; there is none here."""

    zero_point: int


def _folded(node: Node, graph: Graph) -> Folded:
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    return folded(node, graph, weights.values, multipliers_of(x, weights, y))


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    if graph.constant(node.inputs[1]).shape[0] % OUTPUTS:
        return "the outputs are no multiple of 8"
    return refusal_of_types(node, graph) or _folded(node, graph).refusal()


def _stream(node: Node, graph: Graph, order: np.ndarray) -> np.ndarray:
    """A block of eight outputs at a time: start values, four words a pair of taps, factors (see mcuq/dsp.h)."""
    layer = _folded(node, graph)
    zero_point = quantization_of(graph[node.outputs[0]]).zero_point
    parts = []
    for start in range(0, len(layer.rows), OUTPUTS):
        b = layer.bias[start : start + OUTPUTS]
        parts.append(np.stack([256 * b[1::2] + b[0::2], b[0::2]], axis=1).reshape(-1))
        halves = [pair_words(layer.rows[start + k : start + k + 4], order) for k in (0, 4)]
        parts.append(np.concatenate(halves, axis=1).reshape(-1))
        parts += [np.array(factors(m, s, zero_point), np.int64) for m, s in layer.multipliers[start : start + OUTPUTS]]
    return (np.concatenate(parts) & 0xFFFFFFFF).astype(np.uint32)


def plan(node: Node, graph: Graph) -> Work:
    """The step of one fully connected layer."""
    x, y = graph[node.inputs[0]], graph.tensor(node.outputs[0])
    outputs, depth = graph.constant(node.inputs[1]).shape
    smallest = min(UNROLLS)
    pairs = -(-depth // (2 * smallest)) * smallest
    by_words = depth % 4 == 0
    order = swapped_order(depth, pairs) if by_words else natural_order(depth, pairs)
    unroll = next(unroll for unroll in UNROLLS if pairs % unroll == 0)
    return Work(
        shape=FullyConnectedDspShape(
            rows=x.elements // depth,
            depth=depth,
            out_channels=outputs,
            pairs=pairs,
            unroll=unroll,
            by_words=by_words,
            linear=quantization_of(y).zero_point != -128,
        ),
        parameters=FullyConnectedDspParameters(0),
        constants=(PackedConstant("stream", "uint32_t", _stream(node, graph, order)),),
        scratch_bytes=4 * pairs,
        cycles=(x.elements // depth) * ((outputs // OUTPUTS) * (186 * pairs // 10 + 110) + 3 * depth),
        code_bytes=200,
        shared_code=((f"mcuq_dot_8_by_{unroll}", 70 * unroll + 330), ("mcuq_expand_row", 100)),
    )


KERNEL = Kernel(
    "fully_connected/dsp", ("FULLY_CONNECTED",), "mcuq_stream_parameters", only(plan), refuses, frozenset({"dsp"})
)
