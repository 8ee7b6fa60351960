"""Real models on devices: built for a Cortex-M4, equal to TFLM's recorded outputs on host, simulator and QEMU.

The interpreter equals the recorded outputs (tests/ops/test_zoo.py says so for all of them); here devices equal both.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mcuq import pipeline
from mcuq.artifacts import Build, Measurement, Samples
from mcuq.interpreter import run
from mcuq.ir import Graph
from tests.system.test_boards import need

Array = npt.NDArray[Any]

MODELS = (
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
# Instructions per inference of TFLM's reference kernels on a Cortex-M4, which ours must stay below.
REFERENCE_CODE_LIMIT_BYTES = 20 * 1024
TFLM_INSTRUCTIONS = {
    "ic_resnet8_int8": 107.4e6,
    "kws_ref_int8": 43.0e6,
    "vww_mobilenet025_int8": 100.3e6,
    "ad_toycar_int8": 1.95e6,
}


def golden(zoo: Path, model: str) -> tuple[Array, Array]:
    """`(inputs, outputs)` as recorded, TFLM's own where they differ from LiteRT's, one row a sample."""
    if model == "person_detect_int8":
        recorded = np.load(zoo / "goldens" / "person_detect_int8_on_bmp.npz")
        return recorded["inputs"], recorded["outputs"]
    recorded = np.load(zoo / "goldens" / "random" / f"{model}.npz")
    own = zoo / "goldens" / "random_tflm" / f"{model}.npz"
    outputs = np.load(own) if own.is_file() else recorded
    steps = ("step0", "step1")
    return (
        np.concatenate([recorded[f"in0_{step}"] for step in steps]),
        np.concatenate([outputs[f"out0_{step}"] for step in steps]),
    )


def samples_of(graph: Graph, inputs: Array, labels: Array | None = None) -> Samples:
    """The rows of `inputs` as samples of a model with one input."""
    return Samples((inputs.reshape(-1, *graph.tensor(graph.inputs[0]).shape),), labels, "recorded")


Builder = Callable[[str, str], Build]


@pytest.fixture(scope="module")
def built(zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """`built(model, board)`: each built once."""
    made: dict[tuple[str, str], Build] = {}

    def build(model: str, board: str) -> Build:
        if (model, board) not in made:
            graph = pipeline.load(zoo / "models" / f"{model}.tflite")
            folder = tmp_path_factory.mktemp(model)
            made[model, board] = pipeline.build(graph, pipeline.find_board(board), folder, name=model)
        return made[model, board]

    return build


def assert_equals_recorded(build: Build, link: str, samples: Samples, outputs: Array, **options: Any) -> Measurement:
    """The interpreter gives the recorded outputs, and the device what the interpreter gives."""
    count = options.get("limit", len(outputs))
    (reference,) = run(build.graph, [array[:count] for array in samples.inputs])
    np.testing.assert_array_equal(reference.reshape(outputs[:count].shape), outputs[:count])
    measured = pipeline.run(build, samples, link=link, **options)
    assert measured.first_difference is None
    assert measured.bit_exact
    return measured


@pytest.mark.slow
@pytest.mark.parametrize(("board", "link"), [("host", "host"), ("cortex-m4", "sim")])
@pytest.mark.parametrize("model", MODELS)
def test_recorded_outputs(zoo: Path, built: Builder, model: str, board: str, link: str) -> None:
    """All recorded outputs come out of the device, and every intermediate step equals the reference."""
    need(board, link)
    build = built(model, board)
    inputs, outputs = golden(zoo, model)
    samples = samples_of(build.graph, inputs)
    measured = assert_equals_recorded(build, link, samples, outputs, per_step=True, count_samples=1)
    if link == "sim":
        assert measured.instructions is not None
        assert measured.instructions.max < TFLM_INSTRUCTIONS.get(model, float("inf"))


@pytest.mark.slow
@pytest.mark.parametrize("board", ["cortex-m3", "cortex-m4"])
@pytest.mark.parametrize("model", MODELS)
def test_code_is_small(built: Builder, model: str, board: str) -> None:
    """With the default trade, all flash but the constants stays below 20 KB, firmware included."""
    need(board)
    assert built(model, board).image.code_bytes < REFERENCE_CODE_LIMIT_BYTES


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_recorded_outputs_on_qemu(zoo: Path, built: Builder, model: str) -> None:
    """The same ELF on QEMU gives the first recorded output."""
    need("cortex-m4", "qemu")
    build = built(model, "cortex-m4")
    inputs, outputs = golden(zoo, model)
    assert_equals_recorded(build, "qemu", samples_of(build.graph, inputs), outputs, limit=1, count_samples=1)


@pytest.mark.slow
@pytest.mark.parametrize(("board", "link"), [("host", "host"), ("cortex-m4", "sim")])
def test_all_of_keyword_spotting(zoo: Path, built: Builder, board: str, link: str) -> None:
    """All 1000 inputs of kws01 give TFLM's outputs on the device: 90.1 % are right."""
    need(board, link)
    build = built("kws_ref_int8", board)
    data = np.load(zoo / "data" / "kws01.npz")
    outputs = np.load(zoo / "goldens" / "kws_ref_int8_on_kws01.npz")["outputs_tflm"]
    samples = samples_of(build.graph, data["inputs"], data["labels"])
    measured = assert_equals_recorded(build, link, samples, outputs, count_samples=1)
    assert measured.accuracy == pytest.approx(0.901)


@pytest.mark.slow
@pytest.mark.parametrize(("board", "link"), [("host", "host"), ("cortex-m4", "sim")])
def test_all_of_image_classification(zoo: Path, built: Builder, board: str, link: str) -> None:
    """All 200 inputs of ic01 give TFLM's outputs on the device: 86.5 % are right."""
    need(board, link)
    build = built("ic_resnet8_int8", board)
    data = np.load(zoo / "data" / "cifar10_ic01.npz")
    outputs = np.load(zoo / "goldens" / "ic_resnet8_int8_on_ic01.npz")["outputs_tflm"]
    images = (data["images"].astype(np.int16) - 128).astype(np.int8)
    samples = samples_of(build.graph, images, data["labels"])
    measured = assert_equals_recorded(build, link, samples, outputs, count_samples=1)
    assert measured.accuracy == pytest.approx(0.865)


ROADS = [
    pytest.param(board.name, link, id=f"{board.name}-{link}")
    for board in pipeline.all_boards()
    for link in board.links
    if link in ("sim", "qemu") and not board.is_host
]


@pytest.mark.slow
@pytest.mark.parametrize(("board", "link"), ROADS)
def test_keyword_spotting_on_every_board(zoo: Path, built: Builder, board: str, link: str) -> None:
    """Where memory allows it, DS-CNN gives TFLM's bytes on the board's own start-up, UART and memories."""
    need(board, link)
    graph = pipeline.load(zoo / "models" / "kws_ref_int8.tflite")
    if not pipeline.inspect(graph, pipeline.find_board(board)).fits:
        pytest.skip(f"it does not fit {board}")
    inputs, outputs = golden(zoo, "kws_ref_int8")
    made = built("kws_ref_int8", board)
    assert_equals_recorded(made, link, samples_of(made.graph, inputs), outputs, limit=2, count_samples=1)
