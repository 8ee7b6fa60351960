"""Every rule of a legal graph is enforced, and its sentence is the message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mcuq.errors import IllegalGraph
from mcuq.ir import FLOAT16, INT4, INT8, UINT8, Constant, Graph, Node, Quantization, Tensor, Value, verify
from mcuq.ir.verify import RULES, violations
from mcuq.ops import NoAttrs
from tests.ir.small import small_graph


def with_value(graph: Graph, value: Value, key: str | None = None) -> Graph:
    """The graph with one value added or replaced."""
    return replace(graph, values={**graph.values, key or value.name: value})


def with_quantization(q: Quantization) -> Callable[[Graph], Graph]:
    """The graph whose image is quantized like this."""
    return lambda graph: with_value(graph, replace(graph.tensor("x"), quantization=q))


def second_producer(graph: Graph) -> Graph:
    """Two nodes that compute one value."""
    return replace(graph, nodes=(*graph.nodes, Node("RELU", ("c",), ("r",), NoAttrs(), "tflm", ("again",))))


def computed_constant(graph: Graph) -> Graph:
    """A node that writes weights."""
    return replace(graph, nodes=(*graph.nodes, Node("RELU", ("c",), ("w",), NoAttrs(), "tflm", ("bad",))))


BROKEN: tuple[tuple[str, Callable[[Graph], Graph], str], ...] = (
    (
        "_names_agree",
        lambda graph: with_value(graph, Tensor("other", (1,), INT8), key="key"),
        "a value is stored under its own name: 'key'",
    ),
    (
        "_operands_exist",
        lambda graph: replace(graph, outputs=("nothing",)),
        "a node and the graph itself name only values that exist: 'nothing'",
    ),
    (
        "_operands_exist",
        lambda graph: replace(graph, nodes=(replace(graph.nodes[0], inputs=("x", "w", "gone")), *graph.nodes[1:])),
        "a node and the graph itself name only values that exist: CONV_2D: 'gone'",
    ),
    (
        "_computed_once",
        second_producer,
        "a run-time value has exactly one source: a graph input or one node: 'r'",
    ),
    (
        "_computed_once",
        lambda graph: replace(graph, nodes=graph.nodes[1:]),
        "a run-time value has exactly one source: a graph input or one node: 'c' is never computed",
    ),
    (
        "_constants_are_not_computed",
        computed_constant,
        "a constant is neither an input of the graph nor computed by a node: 'w'",
    ),
    (
        "_constants_are_not_computed",
        lambda graph: replace(graph, inputs=("x", "b")),
        "a constant is neither an input of the graph nor computed by a node: 'b'",
    ),
    (
        "_execution_order",
        lambda graph: replace(graph, nodes=(graph.nodes[1], graph.nodes[0], graph.nodes[2])),
        "a node reads only what was computed before it: RELU reads 'c'",
    ),
    (
        "_shapes_are_positive",
        lambda graph: with_value(graph, Tensor("unused", (1, 0, 2), INT8)),
        "every dimension of a run-time value is at least 1: 'unused' (1, 0, 2)",
    ),
    (
        "_constants_have_their_shape",
        lambda graph: with_value(graph, Constant("w", (2, 1, 1, 3), INT8, None, np.zeros((2, 3), np.int8))),
        "the elements of a constant have its shape and type: 'w' (2, 1, 1, 3) holds (2, 3) int8",
    ),
    (
        "_constants_have_their_shape",
        lambda graph: with_value(graph, Constant("b", (2,), INT8, None, np.zeros(2, np.int16))),
        "the elements of a constant have its shape and type: 'b' (2,) holds (2,) int16",
    ),
    (
        "_narrow_elements_fit",
        lambda graph: with_value(graph, Constant("w", (1, 2), INT4, None, np.array([[7, 8]], np.int8))),
        "the elements of a constant of less than 8 bits lie in its type: 'w'",
    ),
    (
        "_computed_types_have_a_c_type",
        lambda graph: with_value(graph, Tensor("half", (2,), FLOAT16)),
        "float16 and types of less than 8 bits are for constants alone: 'half' is float16",
    ),
    (
        "_quantization_is_sound",
        with_quantization(Quantization((0.0,), (0,))),
        "scales are positive and finite, zero points lie in the type, and there is one of each per channel: 'x'",
    ),
    (
        "_quantization_is_sound",
        with_quantization(Quantization((float("nan"),), (0,))),
        "scales are positive and finite, zero points lie in the type, and there is one of each per channel: 'x'",
    ),
    (
        "_quantization_is_sound",
        with_quantization(Quantization((0.5,), (0, 0))),
        "scales are positive and finite, zero points lie in the type, and there is one of each per channel: 'x'",
    ),
    (
        "_quantization_is_sound",
        with_quantization(Quantization((0.5,), (128,))),
        "'x' has zero points outside int8",
    ),
    (
        "_quantization_is_sound",
        with_quantization(Quantization((0.5, 0.5), (0, 0), 3)),
        "'x' has 2 scales along axis 3 of (1, 2, 2, 3)",
    ),
    (
        "_quantization_is_sound",
        with_quantization(Quantization((0.5, 0.5, 0.5), (0, 0, 0), None)),
        "'x' has 3 scales along axis None of (1, 2, 2, 3)",
    ),
    (
        "_quantization_is_sound",
        with_quantization(Quantization((0.5, 0.5, 0.5), (0, 0, 0), 4)),
        "'x' has 3 scales along axis 4 of (1, 2, 2, 3)",
    ),
)


def test_a_legal_graph_passes_unchanged() -> None:
    """The very same object comes back."""
    graph = small_graph()
    assert violations(graph) == []
    assert verify(graph) is graph


@pytest.mark.parametrize(
    ("rule", "breaking", "message"), BROKEN, ids=[f"{rule}-{k}" for k, (rule, *_) in enumerate(BROKEN)]
)
def test_broken_rules_are_named(rule: str, breaking: Callable[[Graph], Graph], message: str) -> None:
    """The error says which graph, which rule, and where."""
    with pytest.raises(IllegalGraph) as error:
        verify(breaking(small_graph()))
    assert str(error.value).startswith("graph 'small' is not legal: ")
    assert message in str(error.value)


def test_every_rule_is_broken_once() -> None:
    """No rule of the list goes without a graph that breaks it."""
    assert {rule.__name__ for rule in RULES} == {name for name, *_ in BROKEN}


def test_all_violations_are_told_at_once() -> None:
    """Two broken rules give two messages."""
    graph = with_value(small_graph(), Tensor("unused", (0,), UINT8, Quantization((-1.0,), (0,))))
    assert len(violations(graph)) == 2
