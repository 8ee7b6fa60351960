"""A model as a shared library gives the interpreter's bytes, whatever number of threads runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcuq import interpreter, pipeline
from mcuq.build.compile import build_shared_library
from mcuq.errors import DeviceError, ToolMissing
from mcuq.importers.samples import load_samples
from mcuq.ir import Graph
from mcuq.pipeline.firmware import generated
from mcuq.run.library import Library


@pytest.fixture(scope="module")
def library_path(tmp_path_factory: pytest.TempPathFactory, digits: Graph) -> Path:
    """The demo model, compiled."""
    sources = generated(digits, frozenset(), False, "digits")[2]
    try:
        return build_shared_library(
            sources, tmp_path_factory.mktemp("library") / "digits.so", pipeline.find_board("host")
        )
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def digits(digits_model: Path) -> Graph:
    """The demo model."""
    return pipeline.load(digits_model)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_outputs_are_the_interpreters(library_path: Path, digits: Graph, digits_data: Path, threads: int) -> None:
    """Every byte of every sample, in the order of the samples."""
    _, plan, _ = generated(digits, frozenset(), False, "digits")
    planned = generated(digits, frozenset(), False, "digits")[0]
    samples = load_samples(digits_data, digits, 41)
    seen: list[tuple[int, int]] = []
    library = Library(library_path, "digits", planned, plan, threads)
    found = library.run(samples.inputs, lambda done, total: seen.append((done, total)))
    np.testing.assert_array_equal(found[0], interpreter.run(digits, samples.inputs)[0])
    assert all(total == 41 and 0 < done <= 41 for done, total in seen)


def test_fewer_samples_than_threads_are_fine(library_path: Path, digits: Graph, digits_data: Path) -> None:
    """Threads without work do nothing."""
    planned, plan, _ = generated(digits, frozenset(), False, "digits")
    samples = load_samples(digits_data, digits, 1)
    found = Library(library_path, "digits", planned, plan, 4).run(samples.inputs)
    np.testing.assert_array_equal(found[0], interpreter.run(digits, samples.inputs)[0])


def test_what_is_no_library_is_an_error(tmp_path: Path, digits: Graph) -> None:
    """A damaged file is named."""
    planned, plan, _ = generated(digits, frozenset(), False, "digits")
    path = tmp_path / "broken.so"
    path.write_bytes(b"not a library")
    with pytest.raises(DeviceError, match=r"broken\.so"):
        Library(path, "digits", planned, plan)
