"""Whole models: branches, several inputs and outputs, models inside models, shared layers, Keras 3 and 2."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mcuq
from mcuq.errors import InvalidModel, UnsupportedModel
from mcuq.importers import load_keras
from mcuq.interpreter import run
from tests.importers.keras.compare import assert_imports, assert_same_answers, keras_module, randomised, sequential

keras = keras_module()
layers = keras.layers


def residual_network() -> Any:
    """A small network with branches, as vision models have them."""
    image = keras.Input((12, 10, 3), name="image")
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(image)
    y = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x))
    y = layers.Conv2D(8, 1)(layers.ReLU(max_value=6)(y))
    x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.Flatten()(layers.AveragePooling2D(2)(x))
    return randomised(keras.Model(image, layers.Dense(4, activation="softmax", name="scores")(x), name="residual"))


def test_residual_network() -> None:
    """A functional model with branches gives the same answers, and its input and output keep their names."""
    graph = assert_imports(residual_network())
    assert (graph.name, graph.inputs, graph.outputs) == ("residual", ("image",), ("scores",))


@pytest.mark.parametrize(("name", "width"), [("MobileNet", 0.25), ("MobileNetV2", 0.35)])
def test_networks_that_come_with_keras(name: str, width: float) -> None:
    """Published networks give the same answers."""
    make = getattr(keras.applications, name)
    assert_imports(make(input_shape=(32, 32, 3), alpha=width, weights=None, classes=10))


def test_several_inputs_and_outputs() -> None:
    """Inputs and outputs stand in the model's order, whatever the order of the layers."""
    first, second = keras.Input((5,), name="first"), keras.Input((6, 5), name="second")
    late = layers.Dense(3, name="late")(layers.GlobalAveragePooling1D()(layers.Conv1D(4, 3)(second)))
    early = layers.Dense(2, name="early")(first)
    joined = layers.Concatenate(name="joined")([late, early])
    graph = assert_imports(randomised(keras.Model([second, first], [joined, early, late])))
    assert graph.inputs == ("second", "first")
    assert graph.outputs == ("joined", "early", "late")


def test_dictionary_of_inputs() -> None:
    """Named inputs come in Keras' own order."""
    inputs = {"b": keras.Input((5,), name="b"), "a": keras.Input((4,), name="a")}
    model = randomised(keras.Model(inputs, layers.Concatenate()([layers.Dense(3)(inputs["b"]), inputs["a"]])))
    graph = load_keras(model)
    rng = np.random.default_rng(0)
    fed = {name: rng.normal(size=(2, *graph.tensor(name).shape)).astype(np.float32) for name in graph.inputs}
    theirs = model.predict({name: array[:, 0] for name, array in fed.items()}, verbose=0)
    ours = run(graph, [fed[name] for name in graph.inputs])[0][:, 0]
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_models_inside_models() -> None:
    """Layers of an inner model are called model/layer, at any depth."""
    core = keras.Sequential([keras.Input((8,)), layers.Dense(6, activation="relu", name="fc")], name="core")
    inner = keras.Input((8,))
    middle = keras.Model(inner, layers.Add()([core(inner), layers.Dense(6)(inner)]), name="middle")
    outer = keras.Input((3, 8))
    model = keras.Model(outer, layers.Dense(2)(middle(layers.Flatten()(layers.Conv1D(4, 2)(outer)))))
    graph = assert_imports(model)
    assert ("middle/core/fc",) in [node.origin for node in graph.nodes]


def test_shared_layers_share_their_weights() -> None:
    """A layer that is called twice appears twice in the graph and once among the constants."""
    left, right = keras.Input((7,)), keras.Input((7,))
    shared = layers.Dense(4, name="shared")
    graph = assert_imports(randomised(keras.Model([left, right], layers.Subtract()([shared(left), shared(right)]))))
    assert [node.origin for node in graph.nodes][:2] == [("shared",), ("shared",)]
    assert len([name for name in graph.values if graph.is_constant(name)]) == 2


def test_shared_models_share_their_weights() -> None:
    """The same holds for a model that is called twice (a siamese network)."""
    tower = sequential((9, 2), layers.Conv1D(3, 3), layers.BatchNormalization(), layers.Flatten())
    left, right = keras.Input((9, 2)), keras.Input((9, 2))
    graph = assert_imports(keras.Model([left, right], layers.Multiply()([tower(left), tower(right)])))
    assert len([name for name in graph.values if graph.is_constant(name)]) == 4


def test_operators_on_tensors() -> None:
    """x + y, x - y and x * y are the layers of these names."""
    x = keras.Input((4, 3))
    a, b = layers.Conv1D(3, 1)(x), layers.Conv1D(3, 1)(x)
    assert_imports(randomised(keras.Model(x, (a + b) * (a - b))))


def test_an_output_given_twice() -> None:
    """A model may give the same tensor as two outputs."""
    x = keras.Input((4,))
    y = layers.Dense(3)(x)
    assert_imports(randomised(keras.Model(x, [y, layers.Dropout(0.5)(y)])))


def test_the_python_api_takes_a_model_in_memory() -> None:
    """mcuq.load(model) is the simplified graph of the model."""
    model = residual_network()
    assert_same_answers(mcuq.load(model), model)


def test_mixed_precision_is_read_as_float32() -> None:
    """A policy of training does not change the weights that are deployed."""
    model = sequential((6,), layers.Dense(4, dtype="mixed_float16"))
    graph = load_keras(model)
    assert all(value.dtype.name == "float32" for value in graph.values.values())


def test_keras_2_models_in_memory() -> None:
    """A tf_keras model is read as a Keras 3 model is."""
    legacy = pytest.importorskip("tf_keras", reason="tf_keras is not installed (pip install tf_keras)")
    old = legacy.layers
    image = legacy.Input((10, 8, 3))
    x = old.SeparableConv2D(6, 3, padding="same", use_bias=False)(image)
    x = old.ReLU(6.0)(old.BatchNormalization()(x))
    x = old.Concatenate()([x, old.Conv2D(2, 3, padding="same", activation="tanh")(image)])
    core = legacy.Sequential([old.GlobalAveragePooling2D(), old.Dense(5, activation="softmax", name="last")])
    model = randomised(legacy.Model(image, core(old.MaxPooling2D()(x))))
    graph = load_keras(model)
    assert_same_answers(graph, model)
    assert graph.nodes[-1].origin == (f"{core.name}/last",)


def test_keras_2_dropout_that_stays_on() -> None:
    """A layer of Keras 2 that was called with training=True would compute something else."""
    legacy = pytest.importorskip("tf_keras", reason="tf_keras is not installed (pip install tf_keras)")
    x = legacy.Input((6,))
    with pytest.raises(UnsupportedModel, match=r"'noisy'.*training=True"):
        load_keras(legacy.Model(x, legacy.layers.Dropout(0.5, name="noisy")(legacy.layers.Dense(3)(x), training=True)))


def test_a_model_that_is_not_built() -> None:
    """A Sequential model without an input shape is refused with what to do."""
    with pytest.raises(UnsupportedModel, match=r"keras\.Input"):
        load_keras(keras.Sequential([layers.Dense(3)]))


def test_a_subclassed_model() -> None:
    """A model whose call() is code is refused with what to do."""

    class Own(keras.Model):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(UnsupportedModel, match=r"model\.export"):
        load_keras(Own())


def test_something_else() -> None:
    """What is not a model is called by its type."""
    with pytest.raises(InvalidModel, match="type int"):
        mcuq.load(3)


def test_weights_that_are_not_finite() -> None:
    """NaN weights are an error that names the layer."""
    model = sequential((4,), layers.Dense(3, name="diverged"))
    kernel, bias = model.layers[0].get_weights()
    model.layers[0].set_weights([np.full_like(kernel, np.nan), bias])
    with pytest.raises(InvalidModel, match=r"'diverged'.*kernel.*NaN"):
        load_keras(model)
