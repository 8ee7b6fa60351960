"""One exported int8 file, three ways to run it: TensorFlow Lite Micro, the interpreter, C on a simulated Cortex-M4."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mcuq import pipeline
from mcuq.build import find_toolchain
from mcuq.errors import ToolMissing
from mcuq.pipeline.engine import engine_for
from tests.benchmarks import schemes
from tests.benchmarks.quantizers import ic
from tests.benchmarks.schemes import Subject
from tests.ops.oracle import assert_equals_tflm

LEAST_PER_SECOND = 100


def same_bytes_everywhere(subject: Subject, folder: Path) -> None:
    """Quantized, saved and loaded again, all test inputs give the same bytes everywhere."""
    pytest.importorskip("unicorn", reason="the simulator is not installed")
    board = pipeline.find_board("cortex-m4")
    try:
        find_toolchain(board)
    except ToolMissing as missing:
        pytest.skip(str(missing))
    made = pipeline.quantize(subject.graph, subject.calibration, "int8", samples=len(subject.calibration)).graph
    path = pipeline.save(made, folder / "net.tflite", folder / "net")
    graph = pipeline.load(path)
    samples = pipeline.load_samples({"x": subject.inputs, "y": subject.labels}, graph)
    assert samples.count == len(subject.inputs)
    assert_equals_tflm(graph, samples.inputs)
    built = pipeline.build(graph, board, folder / "out", name="net")
    assert pipeline.run(built, samples, count_samples=0).bit_exact


def test_the_demo_is_the_same_everywhere(tmp_path: Path) -> None:
    """The digits network on all 160 samples that did not calibrate it."""
    same_bytes_everywhere(schemes.digits(), tmp_path)


@pytest.mark.slow
@pytest.mark.zoo
@pytest.mark.parametrize("name", sorted(schemes.ZOO_SUBJECTS))
def test_real_networks_are_the_same_everywhere(zoo: Path, name: str, tmp_path: Path) -> None:
    """KWS on its 800 clips, the motion classifier on its 950 windows."""
    same_bytes_everywhere(schemes.ZOO_SUBJECTS[name](zoo), tmp_path)


@pytest.mark.slow
@pytest.mark.zoo
def test_ic_is_evaluated_fast(zoo: Path) -> None:
    """At least 100 images a second on one core: processor time, so that a busy machine does not matter."""
    graph = pipeline.load(zoo / "models/ic_resnet8_int8.tflite")
    samples = pipeline.load_samples({"x": ic(zoo).inputs[:200]}, graph)
    with engine_for(graph) as engine:
        if engine.note is not None:
            pytest.skip(engine.note)
        start = time.process_time()
        engine.run(samples.inputs, None)
        seconds = time.process_time() - start
    assert samples.count / seconds >= LEAST_PER_SECOND
