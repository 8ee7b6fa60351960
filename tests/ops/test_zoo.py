"""Real models, whole and step by step, equal TFLM bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcuq.exporters import export_tflite
from mcuq.importers import load_model
from mcuq.interpreter import run
from mcuq.ir import Graph
from tests.ops.oracle import run_tflm
from tests.ops.strategies import inputs_for

INT8_MODELS = (
    "ad_toycar_int8",
    "hello_world_int8",
    "ic_resnet8_int8",
    "ic_resnet_large_int8",
    "kws_ref_int8",
    "micro_speech_int8",
    "person_detect_int8",
    "sww_streaming_int8",
    "vww_mobilenet025_int8",
)


def with_every_value_as_output(graph: Graph) -> Graph:
    """The graph whose outputs are what each of its nodes computes, in execution order."""
    return replace(graph, outputs=tuple(name for node in graph.nodes for name in node.outputs))


def assert_every_step_equals_tflm(graph: Graph, seed: int, samples: int) -> None:
    """Each intermediate value of each sample is TFLM's."""
    laid_open = with_every_value_as_output(graph)
    inputs = inputs_for(laid_open, seed, samples)
    ours = run(laid_open, inputs)
    theirs = run_tflm(export_tflite(laid_open), inputs)
    for name, mine, other in zip(laid_open.outputs, ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other.reshape(mine.shape), f"value '{name}'")


@pytest.mark.parametrize("name", INT8_MODELS)
def test_every_step_equals_tflm(zoo: Path, name: str) -> None:
    """Not only the outputs, which saturate easily, but every tensor of the model is TFLM's."""
    graph = load_model(zoo / "models" / f"{name}.tflite")
    assert_every_step_equals_tflm(graph, seed=7, samples=5)


@pytest.mark.parametrize("name", INT8_MODELS)
def test_outputs_equal_those_of_the_original_file(zoo: Path, name: str) -> None:
    """TFLM on the file as it came, not as mcuq writes it, gives the interpreter's outputs."""
    path = zoo / "models" / f"{name}.tflite"
    graph = load_model(path)
    inputs = inputs_for(graph, 8, 3)
    for ours, theirs in zip(run(graph, inputs), run_tflm(path.read_bytes(), inputs), strict=True):
        np.testing.assert_array_equal(ours, theirs.reshape(ours.shape))


@pytest.mark.parametrize("name", [name for name in INT8_MODELS if name != "person_detect_int8"])
def test_goldens(zoo: Path, name: str) -> None:
    """The recorded outputs come out again: TFLM's own where they differ from LiteRT's."""
    graph = load_model(zoo / "models" / f"{name}.tflite")
    recorded = np.load(zoo / "goldens" / "random" / f"{name}.npz")
    of_tflm = zoo / "goldens" / "random_tflm" / f"{name}.npz"
    outputs = np.load(of_tflm) if of_tflm.is_file() else recorded
    for step in ("step0", "step1"):
        inputs = [recorded[f"in{i}_{step}"].reshape(1, *graph[n].shape) for i, n in enumerate(graph.inputs)]
        for index, output in enumerate(run(graph, inputs)):
            np.testing.assert_array_equal(output.ravel(), outputs[f"out{index}_{step}"].ravel())


def test_person_detection_images(zoo: Path) -> None:
    """The recorded outputs for TFLM's test images come out again."""
    graph = load_model(zoo / "models" / "person_detect_int8.tflite")
    golden = np.load(zoo / "goldens" / "person_detect_int8_on_bmp.npz")
    (outputs,) = run(graph, [golden["inputs"][:, None]])
    np.testing.assert_array_equal(outputs.reshape(golden["outputs"].shape), golden["outputs"])


def test_keyword_spotting_set(zoo: Path) -> None:
    """All 1000 inputs of kws01 give TFLM's outputs, and 90.1 % of the labels."""
    graph = load_model(zoo / "models" / "kws_ref_int8.tflite")
    data = np.load(zoo / "data" / "kws01.npz")
    golden = np.load(zoo / "goldens" / "kws_ref_int8_on_kws01.npz")["outputs_tflm"]
    (outputs,) = run(graph, [data["inputs"].reshape(-1, *graph[graph.inputs[0]].shape)])
    np.testing.assert_array_equal(outputs.reshape(golden.shape), golden)
    assert (golden.argmax(axis=1) == data["labels"]).mean() == pytest.approx(0.901)


def test_image_classification_set(zoo: Path) -> None:
    """All 200 inputs of ic01 give TFLM's outputs, and 86.5 % of the labels."""
    graph = load_model(zoo / "models" / "ic_resnet8_int8.tflite")
    data = np.load(zoo / "data" / "cifar10_ic01.npz")
    golden = np.load(zoo / "goldens" / "ic_resnet8_int8_on_ic01.npz")["outputs_tflm"]
    images = (data["images"].astype(np.int16) - 128).astype(np.int8)[:, None]
    (outputs,) = run(graph, [images])
    np.testing.assert_array_equal(outputs.reshape(golden.shape), golden)
    assert (golden.argmax(axis=1) == data["labels"]).mean() == pytest.approx(0.865)


def test_the_demo_equals_tflm(digits_model: Path) -> None:
    """Every tensor of the demo's model is TFLM's."""
    assert_every_step_equals_tflm(load_model(digits_model), seed=9, samples=6)
