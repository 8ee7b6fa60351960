"""Keras models with random weights, and the comparison of their answers with those of the imported graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mcuq.importers import load_keras
from mcuq.interpreter import run
from mcuq.ir import Graph, verify
from mcuq.ops import refusals
from mcuq.passes import simplify

TOLERANCE = 1e-5  # of the greatest answer; both sides compute in float32, in orders of their own
SAMPLES = 3


def keras_module() -> Any:
    """The keras package; skips the asking test file where it is missing."""
    return pytest.importorskip("keras", reason="Keras is not installed (pip install 'mcuq[keras]')")


def randomised(model: Any, seed: int = 0) -> Any:
    """The model with weights drawn at random; variances stay positive, and Normalization keeps what it has seen."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if type(layer).__name__ != "Normalization":
            drawn = [rng.normal(size=weight.shape, scale=0.5).astype(np.float32) for weight in layer.get_weights()]
            if type(layer).__name__ == "BatchNormalization":
                drawn = [np.abs(weight) + np.float32(0.1) for weight in drawn]
            layer.set_weights(drawn)
    return model


def sequential(shape: tuple[int, ...], *layers: Any) -> Any:
    """A Sequential model of these layers with random weights."""
    keras = keras_module()
    return randomised(keras.Sequential([keras.Input(shape), *layers]))


def functional(shape: tuple[int, ...], build: Callable[[Any], Any]) -> Any:
    """A functional model of one input with random weights."""
    keras = keras_module()
    x = keras.Input(shape)
    return randomised(keras.Model(x, build(x)))


def random_inputs(graph: Graph, seed: int = 1) -> list[Any]:
    """Inputs [samples, *shape] for every input of the graph."""
    rng = np.random.default_rng(seed)
    shapes = (graph.tensor(name).shape for name in graph.inputs)
    return [rng.normal(size=(SAMPLES, *shape)).astype(np.float32) for shape in shapes]


def assert_same_answers(graph: Graph, model: Any) -> None:
    """The graph is legal, supported, and computes what the model predicts, as it is and simplified."""
    inputs = random_inputs(graph)
    fed = [array[:, 0] for array in inputs]
    theirs = model.predict(fed if len(fed) > 1 else fed[0], verbose=0)
    theirs = theirs if isinstance(theirs, (list, tuple)) else [theirs]
    for candidate in (graph, simplify(graph)):
        assert refusals(verify(candidate)) == ()
        ours = run(candidate, inputs)
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            other = np.asarray(other)
            assert mine.shape == (SAMPLES, 1, *other.shape[1:])
            np.testing.assert_allclose(mine[:, 0], other, rtol=0, atol=TOLERANCE * max(1e-3, np.abs(other).max()))


def assert_imports(model: Any) -> Graph:
    """The graph of the model, which gives the same answers."""
    graph = load_keras(model)
    assert_same_answers(graph, model)
    return graph
