"""From float nodes to integer nodes, one at a time: formats, constants, and the cuts between schemes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.arithmetic.shift import is_power_of_two
from mcuq.errors import QuantizationFailed
from mcuq.ir import DTYPES, FLOAT32, INT16, INT32, INT64, Constant, DType, Graph, Node, Quantization, Tensor, Value
from mcuq.ops import broken_limits, call_on, card_of
from mcuq.ops.card import NoAttrs
from mcuq.ops.quantize import Quantize
from mcuq.quantize.layers import from_matrices, layer_name, roles_of, weights_of
from mcuq.quantize.plan import Plan, format_of, has_fixed_scale, keeps_scale
from mcuq.quantize.ranges import Format, Range, as_float32, quantization_of_range
from mcuq.quantize.recipe import Recipe, Scheme
from mcuq.quantize.weights import LayerWeights

Array = npt.NDArray[Any]
RangeOf = Callable[[str, Scheme], Range]

FIXED_INT16 = Quantization((2.0**-15,), (0,))  # of SOFTMAX, LOGISTIC and TANH in int16
FLOAT16_BITS = 16


def dtype_of_width(bits: int) -> DType:
    """The narrowest signed integer type that holds that many bits."""
    return min((d for d in DTYPES if d.kind == "int" and d.bits >= bits), key=lambda d: d.bits)


def serves(value: Value, form: Format | None) -> bool:
    """Whether a node that works in `form` can read the value as it is."""
    if form is None:
        return value.dtype == FLOAT32
    q = value.quantization
    if value.dtype != form.dtype or q is None:
        return False
    return not form.power_of_two or (is_power_of_two(q.scale) and not (form.symmetric and q.zero_point))


@dataclass(slots=True)
class Conversion:
    """A graph in the making.

    `nodes` grow in execution order; `versions` are the forms that each float value has so far; `inputs` are scales of
    graph inputs that were chosen otherwise than by their range.
    """

    graph: Graph
    plan: Plan
    recipe: Recipe
    range_of: RangeOf
    inputs: Mapping[str, Quantization] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    versions: dict[str, list[Value]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def unique(self, stem: str) -> str:
        """A value name that is not taken; a constant's own name may be kept."""
        name, attempt = stem, 1
        own = stem in self.graph.values and self.graph.is_constant(stem)
        while name in self.values or (name in self.graph.values and not (own and name == stem)):
            attempt += 1
            name = f"{stem}_{attempt}"
        return name

    def add(self, value: Value) -> Value:
        """Put a value into the new graph."""
        self.values[value.name] = value
        return value

    def start(self) -> None:
        """The graph's inputs, in the form in which the application gives them."""
        for name in self.graph.inputs:
            tensor, scheme = self.graph.tensor(name), self.plan.schemes[name]
            form = format_of(scheme) if self.recipe.input == "integer" else None
            if form is not None:
                tensor = replace(tensor, dtype=form.dtype, quantization=self.quantization(name, scheme))
            self.versions[name] = [self.add(tensor)]

    def quantization(self, name: str, scheme: Scheme) -> Quantization | None:
        """What the calibrated range gives for that value and all that share its scale; None in float schemes."""
        form = format_of(scheme)
        if form is None:
            return None
        if name in self.inputs and len(self.plan.groups[name]) == 1:
            return self.inputs[name]
        limits = Range(0.0, 0.0)
        for member in self.plan.groups[name]:
            limits = limits.union(self.range_of(member, scheme))
        return quantization_of_range(limits, form)

    def read(self, name: str, scheme: Scheme, wanted: Quantization | None = None) -> Value:
        """The value in a form that a node of that scheme can read, cut in where there is none yet."""
        if self.graph.is_constant(name):
            return self._constant_operand(name, scheme)
        form = format_of(scheme)
        for version in self.versions[name]:
            if serves(version, form) and wanted in (None, version.quantization):
                return version
        return self._cut(name, scheme, wanted)

    def _cut(self, name: str, scheme: Scheme, wanted: Quantization | None) -> Value:
        """A QUANTIZE or DEQUANTIZE after the value's first form."""
        source, form = self.versions[name][0], format_of(scheme)
        dtype = FLOAT32 if form is None else form.dtype
        q = wanted or self.quantization(name, scheme)
        made = self.add(Tensor(self.unique(f"{name}_{dtype.name}"), source.shape, dtype, q))
        op, attrs = ("DEQUANTIZE", NoAttrs()) if form is None else ("QUANTIZE", Quantize(dtype.name))
        self.nodes.append(Node(op, (source.name,), (made.name,), attrs, _cut_arithmetic(source, made), (name,)))
        self.versions[name].append(made)
        return made

    def _constant_operand(self, name: str, scheme: Scheme) -> Value:
        """A constant that is no weight, such as the second operand of an ADD, quantized by its own range."""
        constant, form = self.graph.constant(name), format_of(scheme)
        if form is None or constant.dtype != FLOAT32:
            return self.add(constant)
        values = constant.values.astype(np.float64)
        q = quantization_of_range(Range(float(values.min()), float(values.max())), form)
        codes = np.clip(np.rint(values / q.scale) + q.zero_point, form.dtype.minimum, form.dtype.maximum)
        new = Constant(
            self.unique(f"{name}_{form.dtype.name}"), constant.shape, form.dtype, q, codes.astype(form.dtype.numpy)
        )
        return self.add(new)

    def convert(self, node: Node, weights: LayerWeights | None = None) -> Node:
        """Add the node in its scheme, or in the next that can do it; raises QuantizationFailed when none can."""
        scheme = self.plan.scheme_of(node)
        attempts = [scheme] if weights is not None else _fallbacks(scheme)
        reasons: tuple[str, ...] = ()
        for attempt in attempts:
            kept = dict(self.values), list(self.nodes), {k: list(v) for k, v in self.versions.items()}
            new, results = self._converted(node, attempt, weights)
            operands = tuple(self.values[name] for name in new.inputs)
            broken = broken_limits(new.op, call_on(new.attrs, operands, results), new.arithmetic)
            if not broken:
                return self._accepted(node, new, results, scheme, attempt, reasons)
            reasons = reasons or broken
            self.values, self.nodes, self.versions = kept
        raise QuantizationFailed(
            f"layer '{layer_name(node)}': {node.op} in {scheme.arithmetic} arithmetic: {reasons[0]}; "
            "give it another arithmetic by a rule of the recipe"
        )

    def _accepted(
        self, node: Node, new: Node, results: tuple[Tensor, ...], scheme: Scheme, used: Scheme, reasons: tuple[str, ...]
    ) -> Node:
        if used is not scheme:
            self.warnings.append(
                f"layer '{layer_name(node)}': {node.op} is computed in {used.arithmetic} arithmetic, "
                f"because in {scheme.arithmetic} it is {reasons[0]}"
            )
        self.nodes.append(new)
        for name, result in zip(node.outputs, results, strict=True):
            self.versions[name] = [self.add(result)]
        return new

    def _converted(self, node: Node, scheme: Scheme, weights: LayerWeights | None) -> tuple[Node, tuple[Tensor, ...]]:
        operands = self._operands(node, scheme, weights)
        results = []
        for name in node.outputs:
            tensor, form = self.graph.tensor(name), format_of(scheme)
            dtype = FLOAT32 if form is None else form.dtype
            results.append(
                replace(
                    tensor,
                    name=self._output_name(name, form),
                    dtype=dtype,
                    quantization=self._result(node, scheme, operands),
                )
            )
        new = replace(
            node,
            inputs=tuple(value.name for value in operands),
            outputs=tuple(result.name for result in results),
            arithmetic=scheme.arithmetic,
        )
        return new, tuple(results)

    def _output_name(self, name: str, form: Format | None) -> str:
        """The value's own name, but for an integer one that the application wants as float."""
        needs_cut = form is not None and name in self.graph.outputs and self.recipe.output == "float32"
        return self.unique(f"{name}_{form.dtype.name}") if needs_cut and form is not None else name

    def _result(self, node: Node, scheme: Scheme, operands: tuple[Value, ...]) -> Quantization | None:
        form = format_of(scheme)
        if form is None:
            return None
        if keeps_scale(node):
            return operands[0].quantization
        if has_fixed_scale(node):
            fixed = card_of(node.op).fixed_output
            assert fixed is not None
            return FIXED_INT16 if form.dtype == INT16 else Quantization((fixed[0],), (fixed[1],))
        return self.quantization(node.outputs[0], scheme)

    def _operands(self, node: Node, scheme: Scheme, weights: LayerWeights | None) -> tuple[Value, ...]:
        if roles_of(node) is not None and weights is not None:
            x = self.read(node.inputs[0], scheme)
            return (x, *self._parameters(node, scheme, weights, x))
        if keeps_scale(node) and scheme.is_integer and len(node.inputs) > 1:
            readings = [self.read(name, scheme) for name in node.inputs]
            if len({value.quantization for value in readings}) > 1:
                wanted = self.quantization(node.outputs[0], scheme)
                readings = [self.read(name, scheme, wanted) for name in node.inputs]
            return tuple(readings)
        return tuple(self.read(name, scheme) for name in node.inputs)

    def _parameters(self, node: Node, scheme: Scheme, weights: LayerWeights, x: Value) -> tuple[Value, ...]:
        """Weights and bias as constants of the new graph."""
        constant = weights_of(node, self.graph)
        roles = roles_of(node)
        assert roles is not None
        made = self.add(_weight_constant(self.unique, node, constant, scheme, weights))
        stem = node.inputs[roles.bias] if len(node.inputs) > roles.bias else f"{node.outputs[0]}_bias"
        channels = constant.shape[roles.channel_axis]
        bias = weights.bias.reshape(-1)
        if not scheme.is_integer:
            values = bias.astype(np.float32)
            return made, self.add(Constant(self.unique(stem), (channels,), FLOAT32, None, values))
        assert x.quantization is not None
        assert made.quantization is not None
        dtype = INT64 if scheme.arithmetic == "int16x8" else INT32
        scales = tuple(
            as_float32(float(np.float32(x.quantization.scale) * np.float32(s))) for s in made.quantization.scales
        )
        limit = (1 << 40) if dtype == INT64 else (1 << 30)
        codes = np.clip(np.rint(bias / np.array(scales)), -limit, limit).astype(dtype.numpy)
        axis = None if len(scales) == 1 else 0
        q = Quantization(scales, (0,) * len(scales), axis)
        return made, self.add(Constant(self.unique(stem), (channels,), dtype, q, codes))

    def finish(self) -> Graph:
        """The graph with its outputs in the form that the application wants."""
        outputs = []
        for name in self.graph.outputs:
            version = self.versions[name][0]
            if self.recipe.output == "float32" and version.dtype != FLOAT32 and version.name != name:
                made = self.add(Tensor(name, version.shape, FLOAT32, None))
                arithmetic = _cut_arithmetic(version, made)
                self.nodes.append(Node("DEQUANTIZE", (version.name,), (name,), NoAttrs(), arithmetic, (name,)))
                version = made
            outputs.append(version.name)
        used = (
            {name for node in self.nodes for name in (*node.inputs, *node.outputs)}
            | set(self.graph.inputs)
            | set(outputs)
        )
        values = {name: value for name, value in self.values.items() if name in used}
        return Graph(self.graph.name, values, tuple(self.nodes), self.graph.inputs, tuple(outputs))


def _cut_arithmetic(source: Value, made: Value) -> str:
    return "int16x8" if INT16 in (source.dtype, made.dtype) else "tflm"


def _fallbacks(scheme: Scheme) -> list[Scheme]:
    """The scheme, then what a node without weights may be computed in instead."""
    if not scheme.is_integer:
        return [scheme]
    others = [replace(scheme, arithmetic="tflm", activation_bits=None)] if scheme.arithmetic != "tflm" else []
    return [scheme, *others]


def _weight_constant(
    unique: Callable[[str], str], node: Node, constant: Constant, scheme: Scheme, weights: LayerWeights
) -> Constant:
    if scheme.arithmetic == "float" and scheme.weight_bits >= FLOAT16_BITS:
        dtype = next(d for d in DTYPES if d.kind == "float" and d.bits == scheme.weight_bits)
        return Constant(unique(constant.name), constant.shape, dtype, None, constant.values.astype(dtype.numpy))
    dtype = dtype_of_width(scheme.weight_bits)
    codes = from_matrices(node, weights.q, constant.shape).astype(dtype.numpy)
    roles = roles_of(node)
    assert roles is not None
    scales, zero_points = weights.scales.reshape(-1), weights.zero_points.reshape(-1)
    axis: int | None = roles.channel_axis
    if scheme.granularity == "tensor":
        scales, zero_points, axis = scales[:1], zero_points[:1], None
    elif len(scales) == 1:
        axis = None
    q = Quantization(tuple(map(float, scales)), tuple(map(int, zero_points)), axis)
    return Constant(unique(constant.name), constant.shape, dtype, q, codes)
