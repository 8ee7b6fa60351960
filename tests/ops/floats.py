"""Integer graphs turned into float ones: the same shapes and attributes, weights in any of the ways to store them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.interpreter import run_all
from mcuq.ir import FLOAT16, FLOAT32, INT4, INT8, Constant, Graph, Node, Quantization, Tensor, Value, verify
from mcuq.ops.reshape import Reshape

Array = npt.NDArray[Any]

AXES = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
EDGES = ("QUANTIZE", "DEQUANTIZE")
STORAGES = ("float32", "float16", "int8", "int4", "hybrid")
RUN_TIME_OPS = (
    *("ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "LOGISTIC"),
    *("MAX_POOL_2D", "MEAN", "MUL", "PAD", "RELU", "RELU6", "RESHAPE", "SOFTMAX", "SUB", "TANH"),
)


def real_values(value: Constant) -> Array:
    """What a constant stands for, as float32."""
    q = value.quantization
    if q is None:
        return value.values.astype(np.float32)
    shape = [-1 if k == q.axis else 1 for k in range(len(value.shape))]
    scales, zero_points = (np.array(entries, np.float32).reshape(shape) for entries in (q.scales, q.zero_points))
    return ((value.values.astype(np.float32) - zero_points) * scales).astype(np.float32)


def as_float16(value: Constant) -> Constant:
    """The constant in half precision, clamped to its range; every eighth element subnormal there."""
    halves = np.clip(real_values(value), -60000, 60000).astype(np.float16)
    halves.reshape(-1)[::8] *= np.float16(1e-5)
    return Constant(value.name, value.shape, FLOAT16, None, halves)


def as_float32(value: Constant) -> Constant:
    """The constant in single precision."""
    return Constant(value.name, value.shape, FLOAT32, None, real_values(value))


def _weights(node: Node, graph: Graph, storage: str) -> list[Constant]:
    weights = graph.constant(node.inputs[1])
    biases = [graph.constant(name) for name in node.inputs[2:]]
    if storage == "float16":
        return [as_float16(weights), *(as_float16(bias) for bias in biases)]
    stored = as_float32(weights) if storage == "float32" else weights
    if storage == "int4":
        stored = replace(weights, dtype=INT4, values=(weights.values // 18).astype(np.int8))
    return [stored, *(as_float32(bias) for bias in biases)]


def _node(node: Node, storage: str) -> Node:
    if node.op in AXES:
        arithmetic = "hybrid" if storage == "hybrid" else "float"
        attrs = node.attrs
        if node.op == "FULLY_CONNECTED":
            attrs = replace(attrs, asymmetric_inputs=len(node.inputs) > 2)
        return replace(node, arithmetic=arithmetic, attrs=attrs)
    if node.op == "PAD":
        return replace(node, arithmetic="float", attrs=replace(node.attrs, value=None))
    return replace(node, arithmetic="float")


def _value(value: Value) -> Value:
    return as_float32(value) if isinstance(value, Constant) else Tensor(value.name, value.shape, FLOAT32)


def floated(graph: Graph, storage: str) -> Graph:
    """The graph between floats; QUANTIZE and DEQUANTIZE become reshapes that change nothing."""
    values = {name: _value(value) for name, value in graph.values.items()}
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.op in EDGES:
            shape = graph[node.outputs[0]].shape
            nodes.append(replace(node, op="RESHAPE", attrs=Reshape(shape), arithmetic="float"))
            continue
        nodes.append(_node(node, storage))
        if node.op in AXES:
            values |= {value.name: value for value in _weights(node, graph, storage)}
    return verify(replace(graph, values=values, nodes=tuple(nodes)))


def float_inputs(graph: Graph, seed: int, samples: int = 6) -> tuple[Array, ...]:
    """One array [samples, *shape] an input: ordinary, large, tiny, all equal, all zero, of one sign."""
    rng = np.random.default_rng(seed)
    tensors = [graph.tensor(name) for name in graph.inputs]
    arrays = [rng.normal(size=(samples, *value.shape)).astype(np.float32) * np.float32(3) for value in tensors]
    for array in arrays:
        array[1] *= 1000
        array[2] *= 1e-20
        array[3] = array[3].flat[0]
        array[4] = 0
        array[5] = np.abs(array[5])
    return tuple(arrays)


def _magnitude(node: Node, graph: Graph, values: dict[str, Array], sample: int) -> float:
    """What errors of a float32 result are relative to: the greatest operand, or sum of products of magnitudes."""

    def greatest(name: str) -> float:
        array = graph.constant(name).values if graph.is_constant(name) else values[name][sample]
        return float(np.abs(array.astype(np.float64)).max(initial=0))

    operands = [greatest(name) for name in node.inputs]
    if node.op == "MUL":
        return operands[0] * operands[1]
    if node.op == "MEAN":  # a long sum drifts when all elements are equal
        return operands[0] * (1 + graph[node.inputs[0]].elements / 50)
    if node.op not in AXES:
        return max(operands)
    weights = np.abs(real_values(graph.constant(node.inputs[1])).astype(np.float64))
    taps = np.moveaxis(weights, AXES[node.op], 0).reshape(weights.shape[AXES[node.op]], -1).sum(axis=1)
    return operands[0] * float(taps.max()) + (operands[2] if len(operands) > 2 else 0.0)


def references(graph: Graph, inputs: tuple[Array, ...]) -> tuple[dict[str, Array], dict[tuple[str, int], float]]:
    """The interpreter's values, and for each computed value and sample the magnitude of its errors."""
    values = run_all(graph, inputs)
    samples = range(len(inputs[0]))
    magnitudes = {
        (name, k): _magnitude(node, graph, values, k) for node in graph.nodes for name in node.outputs for k in samples
    }
    return values, magnitudes


def as_stored(graph: Graph, storage: str) -> Graph:
    """A float32 graph with the weights of its layers stored as float16, or as int8 with a scale a channel."""
    if storage == "float32":
        return graph
    values = dict(graph.values)
    for node in graph.nodes:
        if node.op in AXES:
            weights = graph.constant(node.inputs[1])
            values[weights.name] = as_float16(weights) if storage == "float16" else as_bytes(weights, AXES[node.op])
    return verify(replace(graph, values=values, nodes=tuple(_node(node, storage) for node in graph.nodes)))


def as_bytes(value: Constant, axis: int) -> Constant:
    """The constant in int8 with a scale for each index along `axis`."""
    others = tuple(k for k in range(len(value.shape)) if k != axis)
    scales = np.maximum(np.abs(value.values).max(axis=others, keepdims=True) / np.float32(127), np.float32(1e-6))
    codes = np.round(value.values / scales).astype(np.int8)
    return Constant(value.name, value.shape, INT8, _per_channel(scales, axis), codes)


def _per_channel(scales: Array, axis: int) -> Quantization:
    flat = tuple(float(scale) for scale in scales.reshape(-1))
    return Quantization(flat, (0,) * len(flat), axis)
