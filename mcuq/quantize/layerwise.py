"""Converting a graph node by node while float and quantized network run side by side on held samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.interpreter import run_node
from mcuq.ir import Constant, Graph, Node, Value
from mcuq.quantize.calibrate import Progress
from mcuq.quantize.convert import Conversion
from mcuq.quantize.figures import LayerFigures, layer_figures
from mcuq.quantize.layers import bias_of, groups_of, layer_name, roles_of, to_matrices, weights_of
from mcuq.quantize.recipe import Scheme
from mcuq.quantize.statistics import input_statistics
from mcuq.quantize.weights import LayerWeights, quantize_weights

Array = npt.NDArray[Any]
RUN_BATCH = 32


def to_real(value: Value, array: Array) -> Array:
    """What the stored numbers of `value` stand for, float32."""
    q = value.quantization
    if not value.dtype.is_integer or q is None:
        return array
    return ((array.astype(np.float32) - q.zero_point) * np.float32(q.scale)).astype(np.float32)


def run_in_chunks(node: Node, graph: Graph, arrays: Sequence[Array]) -> tuple[Array, ...]:
    """The node on all samples, some at a time, because its windows take much memory."""
    samples = max(len(array) for array in arrays)
    parts = []
    for start in range(0, samples, RUN_BATCH):
        chunk = tuple(a if len(a) == 1 else a[start : start + RUN_BATCH] for a in arrays)
        parts.append(run_node(node, graph, chunk))
    return tuple(np.concatenate(results) for results in zip(*parts, strict=True))


@dataclass(slots=True)
class SideBySide:
    """Held samples as they pass through both networks; arrays of values that nobody reads any more are dropped."""

    graph: Graph
    conversion: Conversion
    floats: dict[str, Array]
    stored: dict[str, Array]
    done: int = 0

    def run_new_nodes(self) -> None:
        """Run what the conversion has added since the last time."""
        partial = Graph("", self.conversion.values, (), (), ())
        for node in self.conversion.nodes[self.done :]:
            arrays = [self._operand(partial[name]) for name in node.inputs]
            results = run_in_chunks(node, partial, arrays)
            self.stored.update(zip(node.outputs, results, strict=True))
        self.done = len(self.conversion.nodes)

    def _operand(self, value: Value) -> Array:
        return value.values[None] if isinstance(value, Constant) else self.stored[value.name]

    def run_float(self, node: Node) -> None:
        """Run one node of the float network."""
        operands = [
            v.values[None] if isinstance(v, Constant) else self.floats[v.name] for v in self.graph.operands(node)
        ]
        self.floats.update(zip(node.outputs, run_in_chunks(node, self.graph, operands), strict=True))

    def drop_unused(self, remaining: Sequence[Node]) -> None:
        """Forget what neither the remaining nodes nor the outputs read."""
        needed = {name for node in remaining for name in node.inputs} | set(self.graph.outputs)
        self.floats = {name: array for name, array in self.floats.items() if name in needed}
        kept = {version.name for name in needed for version in self.conversion.versions.get(name, ())}
        self.stored = {name: array for name, array in self.stored.items() if name in kept}


def _scale_floor(scheme: Scheme, x: Value, bias: Array, weights: Array) -> Array:
    """The least weight scales [groups, rows] for which the bias fits its integer; a row of zeros follows its bias."""
    shape = weights.shape[:2]
    if not scheme.is_integer or x.quantization is None:
        return np.full(shape, 1e-30)
    reach = np.abs(bias).reshape(shape) / x.quantization.scale
    dead = np.abs(weights).max(axis=2) == 0
    return np.maximum(np.where(dead, np.maximum(reach / 2**20, 2.0**-20), reach / 2**29), 1e-12)


def _unchanged(weights: Array, bias: Array) -> LayerWeights:
    return LayerWeights(weights, np.ones(weights.shape[:2]), np.zeros(weights.shape[:2]), bias)


def layer_weights(node: Node, state: SideBySide) -> LayerWeights:
    """Quantized weights of the next node, whose inputs both networks have computed."""
    conversion, graph = state.conversion, state.graph
    scheme = conversion.plan.scheme_of(node)
    weights = to_matrices(node, weights_of(node, graph).values.astype(np.float64), groups_of(node, graph))
    bias = bias_of(node, graph)
    if scheme.arithmetic == "float" and scheme.weight_bits > 8:
        return _unchanged(weights, bias)
    x = conversion.read(node.inputs[0], scheme)
    state.run_new_nodes()
    statistics = input_statistics(node, graph, state.floats[node.inputs[0]], to_real(x, state.stored[x.name]))
    floor = _scale_floor(scheme, x, bias, weights)
    ratio = _requantisation_ratio(node, conversion, scheme, x)
    return quantize_weights(weights, bias, statistics, scheme, conversion.recipe.refine, floor, ratio)


def _requantisation_ratio(node: Node, conversion: Conversion, scheme: Scheme, x: Value) -> float | None:
    """The input's scale over the output's, where the factor between them has 15 bits and the recipe wants it exact."""
    if scheme.arithmetic != "int16x8" or not conversion.recipe.refine.exact_multipliers:
        return None
    y = conversion.quantization(node.outputs[0], scheme)
    return None if x.quantization is None or y is None else x.quantization.scale / y.scale


def convert_layerwise(
    conversion: Conversion, held: Sequence[Array], progress: Progress | None = None
) -> tuple[Graph, tuple[LayerFigures, ...]]:
    """The converted graph and, for every node of the float graph, how near its output stays to the float one."""
    graph = conversion.graph
    conversion.start()
    state = SideBySide(graph, conversion, dict(zip(graph.inputs, held, strict=True)), {})
    for name, array in state.floats.items():
        state.stored[name] = _stored(conversion.values[name], array)
    figures = []
    for index, node in enumerate(graph.nodes):
        weights = layer_weights(node, state) if roles_of(node) is not None else None
        new = conversion.convert(node, weights)
        state.run_new_nodes()
        state.run_float(node)
        value = conversion.values[new.outputs[0]]
        figures.append(layer_figures(node, new, conversion, state.floats[node.outputs[0]], state.stored[value.name]))
        state.drop_unused(graph.nodes[index + 1 :])
        if progress is not None:
            progress(f"quantizing {layer_name(node)}", index + 1, len(graph.nodes))
    return conversion.finish(), tuple(figures)


def _stored(value: Value, array: Array) -> Array:
    """Float samples as the new graph's input stores them."""
    q = value.quantization
    if not value.dtype.is_integer or q is None:
        return array
    codes = np.rint(array.astype(np.float64) / q.scale) + q.zero_point
    stored: Array = np.clip(codes, value.dtype.minimum, value.dtype.maximum).astype(value.dtype.numpy)
    return stored
