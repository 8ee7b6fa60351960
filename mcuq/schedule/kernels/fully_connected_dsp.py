"""FULLY_CONNECTED for cores with DSP instructions: eight outputs at a time, of an input as int16 or as it is.

Where one factor serves all outputs, it stands once before them. As int16 the input takes scratch and is made once a
row; as it is, it is made into int16 anew for every eight outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import PackedConstant
from mcuq.ir import Graph, Node
from mcuq.ops.fully_connected import multipliers_of
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels.mixed_lanes import (
    QUARTER,
    Folded,
    factors,
    folded,
    natural_order,
    pair_words,
    refusal_of_types,
    swapped_order,
    with_common_factor,
)

Array = npt.NDArray[Any]

OUTPUTS = 8  # at a time
UNROLLS = (16, 8, 2)  # pairs a turn of the inner loop, the preferred one first
DIRECT_UNROLLS = (8, 2)  # the same, where the input is read as it is


@dataclass(frozen=True, slots=True)
class FullyConnectedDspShape:
    """`rows` inputs of `depth` elements, padded to `pairs` pairs.

    `direct`: the input is read as it is; `common`: one factor serves all outputs.
    """

    rows: int
    depth: int
    out_channels: int
    pairs: int
    unroll: int
    by_words: bool
    direct: bool
    common: bool
    linear: bool


@dataclass(frozen=True, slots=True)
class FullyConnectedDspParameters:
    """What padding reads as; there is none here."""

    zero_point: int


def folded_layer(node: Node, graph: Graph) -> Folded:
    """The layer as DSP kernels compute it."""
    x, weights, y = graph[node.inputs[0]], graph.constant(node.inputs[1]), graph.tensor(node.outputs[0])
    return folded(node, graph, weights.values, multipliers_of(x, weights, y))


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    return refusal_of_types(node, graph) or folded_layer(node, graph).refusal()


def _in_blocks(layer: Folded) -> Folded:
    """The layer with outputs of zeros up to a multiple of eight; they are computed and dropped."""
    missing = -len(layer.rows) % OUTPUTS
    return Folded(
        np.pad(layer.rows, ((0, missing), (0, 0))),
        np.pad(layer.bias, (0, missing)),
        layer.multipliers + (QUARTER,) * missing,
    )


def by_words(depth: int) -> bool:
    """Whether an input is a number of whole words, in whose order its taps then are."""
    return depth % 4 == 0


def taps_of(depth: int, multiple: int) -> tuple[int, Array]:
    """Pairs of taps, padded to a multiple, and their order."""
    pairs = -(-depth // (2 * multiple)) * multiple
    return pairs, swapped_order(depth, pairs) if by_words(depth) else natural_order(depth, pairs)


def stream_of(
    given: Folded,
    zero_point: int,
    order: Array,
    *,
    is_common: bool,
    packed: Callable[[Array], Array] = lambda words: words,
) -> Array:
    """A block of eight outputs at a time: start values, four words a pair of taps, factors (see mcuq/dsp.h).

    A common factor stands before the first block instead, and again before the last where that is not whole; `packed`
    is what becomes of the words of all pairs of a block.
    """
    layer = _in_blocks(given)
    factor = np.array(factors(*given.multipliers[0], zero_point), np.int64)
    parts = []
    for start in range(0, len(layer.rows), OUTPUTS):
        if is_common and (start == 0 or start + OUTPUTS > len(given.rows)):
            parts.append(factor)
        b = layer.bias[start : start + OUTPUTS]
        parts.append(np.stack([256 * b[1::2] + b[0::2], b[0::2]], axis=1).reshape(-1))
        halves = [pair_words(layer.rows[start + k : start + k + 4], order) for k in (0, 4)]
        parts.append(packed(np.concatenate(halves, axis=1).reshape(-1)))
        own = () if is_common else layer.multipliers[start : start + OUTPUTS]
        parts += [np.array(factors(m, s, zero_point), np.int64) for m, s in own]
    return (np.concatenate(parts) & 0xFFFFFFFF).astype(np.uint32)


def plans(node: Node, graph: Graph) -> tuple[Work, ...]:
    """The input as int16, or where whole words can be read as it is; each with as many pairs a turn as divide it.

    The loop for any zero point serves all layers, so that one may do.
    """
    zero_point = quantization_of(graph.tensor(node.outputs[0])).zero_point
    depth = graph.constant(node.inputs[1]).shape[1]
    pairs, order = taps_of(depth, min(UNROLLS))
    common = with_common_factor(node, graph)
    stream = stream_of(common or folded_layer(node, graph), zero_point, order, is_common=common is not None)
    ways = [(unroll, False) for unroll in UNROLLS]
    if depth % 4 == 0:
        ways += [(unroll, True) for unroll in DIRECT_UNROLLS]
    return tuple(
        _plan(node, graph, stream, pairs, unroll, direct=direct, common=common is not None, linear=linear)
        for linear in dict.fromkeys((zero_point != -128, True))
        for unroll, direct in ways
        if pairs % unroll == 0
    )


def _plan(
    node: Node, graph: Graph, stream: Array, pairs: int, unroll: int, *, direct: bool, common: bool, linear: bool
) -> Work:
    x = graph[node.inputs[0]]
    outputs, depth = graph.constant(node.inputs[1]).shape
    rows, blocks = x.elements // depth, -(-outputs // OUTPUTS)
    after = (82 if common else 110) + (16 if linear else 0)
    suffix = f"{'_common' if common else ''}{'_linear' if linear else ''}"
    shared: tuple[tuple[str, int], ...]
    if direct:
        cycles = rows * blocks * (197 * pairs // 10 + 6 * pairs // unroll + after)
        shared = ((f"mcuq_dot_8_direct_{unroll}{suffix}", 70 * unroll + 330),)
    else:
        cycles = rows * (blocks * (180 * pairs // 10 + 10 * pairs // unroll + after) + 3 * depth)
        shared = ((f"mcuq_dot_8_by_{unroll}{suffix}", 70 * unroll + 330), ("mcuq_expand_row", 100))
    return Work(
        shape=FullyConnectedDspShape(
            rows=rows,
            depth=depth,
            out_channels=outputs,
            pairs=pairs,
            unroll=unroll,
            by_words=by_words(depth),
            direct=direct,
            common=common,
            linear=linear,
        ),
        parameters=FullyConnectedDspParameters(0),
        constants=(PackedConstant("stream", "uint32_t", stream),),
        scratch_bytes=0 if direct else 4 * pairs,
        cycles=cycles,
        code_bytes=70,
        shared_code=shared,
        variant=f"{2 * unroll} taps a turn, input {'as it is' if direct else 'as int16'}, "
        f"{'any zero point' if linear else 'zero point -128'}",
    )


KERNEL = Kernel(
    "fully_connected/dsp", ("FULLY_CONNECTED",), "mcuq_stream_parameters", plans, refuses, frozenset({"dsp"})
)
