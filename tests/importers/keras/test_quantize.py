"""From a Keras model to fixed point and C: every way to hand it over, whole models, and the commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from mcuq import cli, pipeline
from mcuq.build import find_toolchain
from mcuq.errors import ToolMissing
from mcuq.exporters import save_graph
from mcuq.importers import load_keras
from mcuq.passes import simplify
from mcuq.quantize import load_recipe, quantize
from tests.codegen.harness import assert_equal_interpreter, case_of
from tests.importers.keras.compare import keras_module, random_inputs, randomised, sequential
from tests.importers.keras.test_to_c import _stored

keras = keras_module()
layers = keras.layers


def chain() -> Any:
    """A Sequential model of the usual layers."""
    return sequential(
        (10, 9, 3),
        layers.ZeroPadding2D(1),
        layers.Conv2D(6, 3, strides=2, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.SeparableConv2D(8, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Dropout(0.5),
        layers.Flatten(),
        layers.Dense(12, activation="relu"),
        layers.Reshape((3, 4)),
        layers.Conv1D(5, 2, activation="tanh"),
        layers.GlobalAveragePooling1D(),
        layers.Dense(4, activation="softmax"),
    )


def branches() -> Any:
    """A functional model with two inputs and two outputs, joined by Add, Multiply and Concatenate."""
    image, numbers = keras.Input((8, 8, 3), name="image"), keras.Input((5,), name="numbers")
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    y = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.Add()([x, y])
    gate = layers.Conv2D(4, 1, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.AveragePooling2D(2)(layers.Multiply()([x, gate]))
    joined = layers.Concatenate()([layers.Flatten()(x), layers.Dense(6, activation="relu")(numbers)])
    outputs = [layers.Dense(3, name="classes")(joined), layers.Dense(1, activation="sigmoid", name="alarm")(joined)]
    return randomised(keras.Model([image, numbers], outputs))


@pytest.mark.parametrize("recipe", ["int8", "int4", "int8-q", "int16x8"])
@pytest.mark.parametrize("make", [chain, branches])
def test_whole_models_to_c(make: Callable[[], Any], recipe: str, tmp_path: Path) -> None:
    """Quantized, C gives every output of the interpreter byte for byte."""
    graph = simplify(load_keras(make()))
    inputs = random_inputs(graph)
    made = simplify(quantize(graph, [inputs], load_recipe(recipe)).graph)
    assert len(made.outputs) == len(graph.outputs)
    assert_equal_interpreter([(case_of(made, "m"), _stored(made, inputs))], tmp_path)


def test_files_and_memory_give_the_same(tmp_path: Path) -> None:
    """A model in memory, .keras and .h5 quantize to the same graph; tf.data calibrates as arrays do."""
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed (pip install 'mcuq[keras]')")
    model = chain()
    x = np.random.default_rng(0).normal(size=(64, 10, 9, 3)).astype(np.float32)
    sources = [model]
    for suffix in (".keras", ".h5"):
        model.save(tmp_path / f"net{suffix}")
        sources.append(tmp_path / f"net{suffix}")
    graphs = [pipeline.quantize(pipeline.load(source), x, samples=64, first=True).graph for source in sources]
    graphs.append(pipeline.quantize(pipeline.load(model), tf.data.Dataset.from_tensor_slices(x).batch(32)).graph)
    stored = {save_graph(type(g)("net", g.values, g.nodes, g.inputs, g.outputs)) for g in graphs}
    assert len(stored) == 1


@pytest.mark.system
@pytest.mark.parametrize("form", ["net.keras", "net.h5", "net"])
def test_commands_take_keras(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mcuq quantize` and `mcuq build` take .keras, .h5 and a SavedModel; the firmware is bit-exact."""
    pytest.importorskip("unicorn", reason="the simulator is not installed")
    try:
        find_toolchain(pipeline.find_board("cortex-m4"))
    except ToolMissing as missing:
        pytest.skip(str(missing))
    monkeypatch.chdir(tmp_path)
    model = chain()
    if form == "net":
        pytest.importorskip("tensorflow", reason="TensorFlow is not installed (pip install 'mcuq[keras]')")
        model.export(form, verbose=False)
    else:
        model.save(form)
    x = np.random.default_rng(0).normal(size=(80, 10, 9, 3)).astype(np.float32)
    np.savez("data.npz", x=x, y=np.asarray(model.predict(x, verbose=0)).argmax(1))

    def mcuq(*arguments: str) -> str:
        result = CliRunner().invoke(cli.app, list(arguments))
        assert result.exit_code == 0, result.output
        return result.stdout

    data = ("--data", "data.npz", "--samples", "60")
    assert "agreement" in mcuq("quantize", form, *data, "-o", "net.tflite")
    mcuq("build", form, *data, "--board", "cortex-m4", "-o", "out")
    assert "bit-exact" in mcuq("run", "out", "--data", "data.npz", "--limit", "20", "--bit-exact")
