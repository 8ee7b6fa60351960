"""What the end of a model says about its answers: classes with logits, or a reconstruction of its input."""

from __future__ import annotations

from mcuq.ir import Graph, Tensor

RECONSTRUCTION_ELEMENTS = 8  # fewer are taken for classes
_PASSES_ON = ("DEQUANTIZE", "QUANTIZE", "RESHAPE")
_SQUASHES = ("SOFTMAX", "LOGISTIC")


def squashed_by(graph: Graph) -> str | None:
    """SOFTMAX or LOGISTIC where the first output is one, None otherwise."""
    found = _last(graph)
    return found[0] if found else None


def logits_of(graph: Graph) -> str | None:
    """The name of what the last SOFTMAX or LOGISTIC reads; None where the model ends otherwise."""
    found = _last(graph)
    if found is None or not isinstance(graph[found[1]], Tensor) or found[1] in (*graph.inputs, *graph.outputs):
        return None
    return found[1]


def is_reconstruction(graph: Graph) -> bool:
    """Whether the model gives one value of the same size as its one input, as autoencoders do."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1 or squashed_by(graph):
        return False
    elements = graph.tensor(graph.inputs[0]).elements
    return elements == graph.tensor(graph.outputs[0]).elements and elements >= RECONSTRUCTION_ELEMENTS


def _last(graph: Graph) -> tuple[str, str] | None:
    """The op that squashes the first output, and the name of what it reads."""
    node = graph.producer(graph.outputs[0])
    while node is not None and node.op in _PASSES_ON:
        node = graph.producer(node.inputs[0])
    return (node.op, node.inputs[0]) if node is not None and node.op in _SQUASHES else None
