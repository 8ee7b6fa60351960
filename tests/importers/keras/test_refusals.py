"""What mcuq does not read is said for all layers at once, each with its reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcuq.errors import UnsupportedModel
from mcuq.importers import load_keras, load_model
from tests.importers.keras.compare import functional, keras_module, sequential

keras = keras_module()
layers = keras.layers

REFUSED: dict[str, tuple[tuple[int, ...], Callable[[], Any], str]] = {
    "channels first": ((3, 9, 8), lambda: layers.MaxPooling2D(data_format="channels_first"), "channels_last"),
    "groups": ((9, 8, 4), lambda: layers.Conv2D(4, 3, groups=2), "2 groups"),
    "activation": ((5,), lambda: layers.Dense(3, activation="gelu"), "activation is gelu"),
    "own activation": ((5,), lambda: layers.Dense(3, activation=lambda x: x), "of your own"),
    "leaky": ((5,), lambda: layers.LeakyReLU(), "activations linear, relu"),
    "slope": ((5,), lambda: layers.ReLU(negative_slope=0.1), "slope"),
    "max_value": ((5,), lambda: layers.ReLU(max_value=3), "max_value 3"),
    "softmax axis": ((5, 4), lambda: layers.Softmax(axis=1), "axis 1"),
    "permute": ((5, 4), lambda: layers.Permute((2, 1)), "moves elements"),
    "upsampling": ((5, 4, 3), lambda: layers.UpSampling2D(), "enlarge"),
    "recurrent": ((5, 4), lambda: layers.LSTM(3), "state"),
    "layer normalization": ((5, 4), lambda: layers.LayerNormalization(), "BatchNormalization"),
    "batch normalization axis": ((5, 4), lambda: layers.BatchNormalization(axis=1), "axis 1"),
    "wrapped": ((5, 4), lambda: layers.TimeDistributed(layers.Dense(2)), "wrapped"),
    "lambda": ((5,), lambda: layers.Lambda(lambda x: x * 2, output_shape=(5,)), "piece of Python"),
    "three dimensions": ((4, 4, 4, 2), lambda: layers.Conv3D(2, 3), "does not do this layer"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_layer(name: str) -> None:
    """The error names the layer and the reason."""
    shape, make, reason = REFUSED[name]
    layer = make()
    with pytest.raises(UnsupportedModel) as caught:
        load_keras(sequential(shape, layer))
    assert f"'{layer.name}'" in str(caught.value)
    assert reason in str(caught.value)
    assert [refusal.layers for refusal in caught.value.reasons] == [(layer.name,)]


class Mine(layers.Layer):  # type: ignore[misc]
    """A user's own layer."""

    def call(self, x: Any) -> Any:
        """Twice x."""
        return x * 2


def model_of_trouble() -> Any:
    """A model with four layers that are refused, one of them inside another model."""
    inner = keras.Sequential([keras.Input((5,)), layers.Dense(4, activation="elu", name="curved")], name="inner")

    def build(x: Any) -> Any:
        x = layers.PReLU(name="sloped")(Mine(name="mine")(x))
        return layers.ReLU(negative_slope=0.5, name="bent")(inner(layers.Dense(5, name="good")(x)))

    return functional((5,), build)


def _reasons(error: UnsupportedModel) -> dict[str, str]:
    return {refusal.layers[0]: refusal.reason for refusal in error.reasons}


def test_all_refusals_at_once() -> None:
    """A model with several unsupported layers lists all of them, in order, those of inner models included."""
    with pytest.raises(UnsupportedModel) as caught:
        load_keras(model_of_trouble())
    assert list(_reasons(caught.value)) == ["mine", "sloped", "inner/curved", "bent"]
    assert "of your own" in _reasons(caught.value)["mine"]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_all_refusals_of_a_file(tmp_path: Path, suffix: str) -> None:
    """A file says the same, without the program that knows the user's own layer."""
    path = tmp_path / f"trouble{suffix}"
    model_of_trouble().save(path)
    with pytest.raises(UnsupportedModel) as caught:
        load_model(path)
    assert set(_reasons(caught.value)) == {"mine", "sloped", "inner/curved", "bent"}


def test_a_number_as_operand() -> None:
    """x + 1 has a next step."""
    x = keras.Input((5,))
    with pytest.raises(UnsupportedModel, match="Rescaling"):
        load_keras(keras.Model(x, layers.Dense(3)(x) + 1.0))


def test_an_operation_that_is_not_a_layer() -> None:
    """keras.ops are refused by name."""
    x = keras.Input((5,))
    with pytest.raises(UnsupportedModel, match=r"Transpose.*operation on tensors"):
        load_keras(keras.Model(x, keras.ops.transpose(layers.Dense(3)(x))))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"shape": (None, 9)}, r"open \(\[None, 9\]\); build the model with fixed sizes"),
        ({"batch_shape": (4, 6, 9)}, "4 samples at a time"),
        ({"shape": (6, 9), "dtype": "uint8"}, "takes uint8"),
    ],
)
def test_refused_input(arguments: dict[str, Any], reason: str) -> None:
    """Inputs of open size, of several samples and of other types are refused with the next step."""
    x = keras.Input(**arguments, name="signal")
    with pytest.raises(UnsupportedModel, match=f"'signal'.*{reason}"):
        load_keras(keras.Model(x, layers.Conv1D(2, 3)(x)))
