"""The calls of layers that a Keras model is made of, in execution order, alike for Keras 3 and Keras 2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

# Which tensor: its layer, which call of that layer, which output of that call.
Key: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class LayerCall:
    """One call of a layer (or of a model inside the model) on tensors of Keras."""

    layer: Any
    operands: tuple[Any, ...]
    results: tuple[Any, ...]
    in_training: bool


def key_of(tensor: Any) -> Key:
    """What tells the tensor from all others of the model."""
    layer, node_index, tensor_index = tensor._keras_history[:3]
    return id(layer), node_index, tensor_index


def flattened(tensors: Any) -> tuple[Any, ...]:
    """A tensor, or tensors in lists and dictionaries, in Keras' own order."""
    if isinstance(tensors, dict):
        return tuple(one for name in sorted(tensors) for one in flattened(tensors[name]))
    if isinstance(tensors, (list, tuple)):
        return tuple(one for item in tensors for one in flattened(item))
    return (tensors,)


def _call_that_made(tensor: Any) -> LayerCall:
    layer, node_index = tensor._keras_history[:2]
    node = layer._inbound_nodes[node_index]
    # In Keras 3 the mode of the whole model wins over what the call said.
    in_training = getattr(node, "call_kwargs", {}).get("training") is True
    return LayerCall(layer, flattened(node.input_tensors), flattened(node.output_tensors), in_training)


def layer_calls(inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> Iterator[LayerCall]:
    """Every call that the outputs need, each after those that it reads from; stops at `inputs`."""
    known = {key_of(tensor) for tensor in inputs}
    waiting = list(reversed(outputs))
    while waiting:
        if key_of(waiting[-1]) in known:
            waiting.pop()
            continue
        call = _call_that_made(waiting[-1])
        missing = [tensor for tensor in call.operands if key_of(tensor) not in known]
        if missing:
            waiting += reversed(missing)
            continue
        yield call
        known |= {key_of(tensor) for tensor in call.results}
