"""Scales of graph inputs in Q format: a finer power of two that clips may serve better than one that does not.

An input cannot be scaled to fit a power of two as the activations inside the network are, so up to half of its codes
would lie idle. Squared error does not tell what clipping costs (rare outliers rule it); the network's own output does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq import interpreter
from mcuq.arithmetic.noise import sqnr_db
from mcuq.ir import Graph, Quantization
from mcuq.quantize.plan import Plan, format_of
from mcuq.quantize.ranges import Format, Range, quantization_of_range, zero_point_for
from mcuq.quantize.recipe import Scheme

Array = npt.NDArray[Any]

SAMPLES = 64
FINER = (0.5, 0.25)
OFFSETS = 17


def before_softmax(graph: Graph) -> Graph:
    """The graph that ends with the logits, where the outputs come from SOFTMAX."""
    ends = {node.outputs[0]: node.inputs[0] for node in graph.nodes if node.op == "SOFTMAX"}
    return replace(graph, outputs=tuple(ends.get(name, name) for name in graph.outputs))


def through(values: Array, q: Quantization, form: Format) -> Array:
    """What remains of real values that are written with that scale and zero point."""
    codes = np.clip(np.rint(values / q.scale) + q.zero_point, form.dtype.minimum, form.dtype.maximum)
    return np.asarray((codes - q.zero_point) * q.scale, np.float32)


def _candidates(values: Array, limits: Range, form: Format) -> list[Quantization]:
    """The scale that clips nothing, and finer ones, each with the zero point of least squared error."""
    whole = quantization_of_range(limits, form)
    found = [whole]
    for finer in FINER:
        scale = whole.scale * finer
        width = scale * (form.dtype.maximum - form.dtype.minimum)
        lows = np.linspace(max(limits.low, -width), min(limits.high - width, 0.0), OFFSETS)
        zeros = {0} if form.symmetric else {zero_point_for(float(low), scale, form) for low in lows}
        tried = [Quantization((scale,), (zero,)) for zero in sorted(zeros)]
        found.append(min(tried, key=lambda q: float(np.square(through(values, q, form) - values).sum())))
    return found


def search_inputs(
    graph: Graph, plan: Plan, held: Sequence[Array], range_of: Callable[[str, Scheme], Range]
) -> dict[str, Quantization]:
    """The best scale of every graph input whose scale must be a power of two, judged by the float network's output."""
    samples = [array[:SAMPLES] for array in held]
    ends = before_softmax(graph)
    chosen: dict[str, Quantization] = {}
    for index, name in enumerate(graph.inputs):
        form = format_of(plan.schemes[name])
        if form is None or not form.power_of_two:
            continue
        reference = interpreter.run(ends, samples)[0]

        def quality(q: Quantization, index: int = index, form: Format = form, reference: Array = reference) -> float:
            changed = [through(a, q, form) if i == index else a for i, a in enumerate(samples)]
            return sqnr_db(reference, interpreter.run(ends, changed)[0])

        chosen[name] = max(
            _candidates(samples[index], range_of(name, plan.schemes[name]).with_zero(), form), key=quality
        )
    return chosen
