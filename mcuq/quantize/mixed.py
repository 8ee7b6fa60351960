"""Which layers deserve more weight bits: each layer's rounding alone, measured at the network's output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq import interpreter
from mcuq.ir import FLOAT32, Constant, Graph, Node, with_changes
from mcuq.quantize.calibrate import Progress
from mcuq.quantize.convert import dtype_of_width
from mcuq.quantize.inputs import before_softmax
from mcuq.quantize.layers import bias_of, from_matrices, groups_of, layer_name, roles_of, to_matrices, weights_of
from mcuq.quantize.plan import Plan
from mcuq.quantize.recipe import Mixed, Recipe, Scheme
from mcuq.quantize.statistics import input_statistics
from mcuq.quantize.weights import quantize_weights

Array = npt.NDArray[Any]

SAMPLES = 128


@dataclass(frozen=True, slots=True)
class RoundingNoise:
    """The squared output error that one layer's weight rounding alone causes, and what a rise would cost."""

    output: str
    layer: str
    noise: float
    extra_bytes: int


def _rounded_alone(graph: Graph, node: Node, floats: Array, scheme: Scheme, recipe: Recipe) -> Graph:
    """The float graph in which only this node's weights are rounded."""
    constant = weights_of(node, graph)
    weights = to_matrices(node, constant.values.astype(np.float64), groups_of(node, graph))
    statistics = input_statistics(node, graph, floats, floats)
    floor = np.full(weights.shape[:2], 1e-30)
    made = quantize_weights(weights, bias_of(node, graph), statistics, scheme, recipe.refine, floor)
    real = (made.q - made.zero_points[:, :, None]) * made.scales[:, :, None]
    changed = [replace(constant, values=from_matrices(node, real, constant.shape).astype(np.float32))]
    roles = roles_of(node)
    if roles is not None and len(node.inputs) > roles.bias:
        old = graph.constant(node.inputs[roles.bias])
        values = made.bias.reshape(old.shape).astype(np.float32)
        changed.append(Constant(old.name, old.shape, FLOAT32, None, values))
    return with_changes(graph, graph.nodes, changed)


def rounding_noise(
    graph: Graph, plan: Plan, recipe: Recipe, mixed: Mixed, held: Sequence[Array], progress: Progress | None = None
) -> tuple[RoundingNoise, ...]:
    """One value a layer whose weights have fewer than `mixed.weight_bits` bits, in execution order."""
    samples = [array[:SAMPLES] for array in held]
    ends = before_softmax(graph)
    reference = interpreter.run(ends, samples)
    activations = interpreter.run_all(graph, samples)
    layers = [n for n in graph.nodes if roles_of(n) and plan.scheme_of(n).weight_bits < mixed.weight_bits]
    found = []
    for index, node in enumerate(layers):
        scheme = plan.scheme_of(node)
        changed = _rounded_alone(ends, node, activations[node.inputs[0]], scheme, recipe)
        answers = interpreter.run(changed, samples)
        noise = sum(float(np.square(a - b, dtype=np.float64).sum()) for a, b in zip(answers, reference, strict=True))
        elements = weights_of(node, graph).elements
        extra = dtype_of_width(mixed.weight_bits).bytes_of(elements) - dtype_of_width(scheme.weight_bits).bytes_of(
            elements
        )
        found.append(RoundingNoise(node.outputs[0], layer_name(node), noise, extra))
        if progress is not None:
            progress(f"measuring {layer_name(node)}", index + 1, len(layers))
    return tuple(found)


def raised_layers(noises: Sequence[RoundingNoise], budget_bytes: float) -> tuple[str, ...]:
    """The outputs of the layers to raise: those that remove most noise a byte, as long as they fit the budget."""
    chosen, left = [], budget_bytes
    for line in sorted(noises, key=lambda line: -line.noise / max(line.extra_bytes, 1)):
        if line.extra_bytes <= left and line.noise > 0:
            chosen.append(line.output)
            left -= line.extra_bytes
    return tuple(chosen)


def with_mixed_widths(
    graph: Graph, plan: Plan, recipe: Recipe, held: Sequence[Array], progress: Progress | None = None
) -> Plan:
    """The plan with more weight bits where the recipe's `mixed` table wants them; the same plan where it has none."""
    mixed = recipe.mixed
    if mixed is None:
        return plan
    noises = rounding_noise(graph, plan, recipe, mixed, held, progress)
    sizes = (
        dtype_of_width(min(plan.scheme_of(n).weight_bits, 8)).bytes_of(weights_of(n, graph).elements)
        for n in graph.nodes
        if roles_of(n)
    )
    raised = raised_layers(noises, sum(sizes) * mixed.extra_percent / 100)
    schemes = {name: replace(plan.schemes[name], weight_bits=mixed.weight_bits) for name in raised}
    return replace(plan, schemes={**plan.schemes, **schemes})
