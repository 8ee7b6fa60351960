"""Every layer that mcuq reads gives Keras' own answers."""

from __future__ import annotations

import numpy as np
import pytest

from mcuq.importers import load_keras
from mcuq.importers.keras import READERS
from tests.importers.keras.cases import MERGES, ONE_LAYER, model_of_layer, model_of_merge
from tests.importers.keras.compare import assert_imports, functional, keras_module, sequential

keras = keras_module()
layers = keras.layers


@pytest.mark.parametrize("name", ONE_LAYER)
def test_layer_equals_keras(name: str) -> None:
    """A model of one layer gives the same numbers, for several shapes, strides and paddings."""
    graph = assert_imports(model_of_layer(name))
    assert all(node.origin for node in graph.nodes)


@pytest.mark.parametrize("name", [reader.name for reader in READERS if reader.name not in MERGES])
def test_every_reader_has_a_test(name: str) -> None:
    """A layer in the list is either compared on its own or gives back what it gets."""
    if not any(key.split()[0] == name for key in ONE_LAYER):
        arguments = {"RandomContrast": (0.1,), "RandomBrightness": (0.1,), "ActivityRegularization": ()}
        plain = ("Identity", "RandomFlip")
        given = arguments.get(name, () if name in plain else (0.1, 0.1) if name == "RandomTranslation" else (0.1,))
        shape = (6, 3) if name.endswith("1D") else (6, 5, 3)
        graph = assert_imports(sequential(shape, layers.ReLU(), getattr(layers, name)(*given)))
        assert [node.op for node in graph.nodes] == ["RELU"]


@pytest.mark.parametrize(
    ("name", "count"), [(name, count) for name in MERGES for count in (2, 3) if (name, count) != ("Subtract", 3)]
)
def test_merging_layer_equals_keras(name: str, count: int) -> None:
    """Branches are joined as Keras joins them, however many there are."""
    assert_imports(model_of_merge(name, count))


@pytest.mark.parametrize("axis", [1, 2, 3, -1, -2])
def test_concatenation_along_any_axis(axis: int) -> None:
    """The axis counts from the batch, from either end."""
    join = layers.Concatenate(axis=axis)
    assert_imports(functional((6, 5, 3), lambda x: join([layers.Conv2D(4, 1)(x), layers.Conv2D(4, 1)(x)])))


@pytest.mark.parametrize("axis", [1, 2])
def test_concatenation_of_sequences(axis: int) -> None:
    """A sequence that is held as an image and one that is not join along the user's axis."""
    join = layers.Concatenate(axis=axis)
    assert_imports(functional((6, 4), lambda x: join([layers.Conv1D(4, 1)(x), x])))
    assert_imports(functional((6, 4), lambda x: join([layers.Conv1D(4, 1)(x), layers.Conv1D(4, 3, padding="same")(x)])))


def test_squeeze_and_excite() -> None:
    """A gate a channel multiplies an image: sizes of 1 broadcast."""

    def build(x: object) -> object:
        gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
        gate = layers.Conv2D(3, 1, activation="sigmoid")(gate)
        return layers.Multiply()([x, gate])

    assert_imports(functional((6, 5, 3), build))


def test_one_dimensional_layers_in_a_row_need_one_reshape_each_way() -> None:
    """A sequence stays an image of height 1 from the first convolution to the last."""
    model = sequential(
        (32, 3),
        layers.Conv1D(4, 3, padding="same"),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling1D(2),
        layers.SeparableConv1D(6, 3),
        layers.Dropout(0.5),
        layers.Conv1D(4, 3),
    )
    graph = assert_imports(model)
    assert [node.op for node in graph.nodes].count("RESHAPE") == 2


def test_normalization_that_has_seen_data() -> None:
    """Statistics that adapt() gathered are those that the graph normalises with."""
    layer = layers.Normalization()
    layer.adapt(np.random.default_rng(3).normal(3, 2, (50, 4)).astype(np.float32))
    model = keras.Sequential([keras.Input((4,)), layer])
    assert_imports(model)


def test_origins_are_the_users_names() -> None:
    """Every node names the layer that it comes from, and the last value of a layer has its name."""
    model = sequential((8, 8, 3), layers.SeparableConv2D(4, 3, name="stem"), layers.BatchNormalization(name="norm"))
    graph = load_keras(model, "mine")
    assert graph.name == "mine"
    assert [node.origin for node in graph.nodes] == [("stem",), ("stem",), ("norm",), ("norm",)]
    assert [node.outputs for node in graph.nodes][1::2] == [("stem",), ("norm",)]
    assert {node.arithmetic for node in graph.nodes} == {"float"}
