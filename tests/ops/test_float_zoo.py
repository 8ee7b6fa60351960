"""Real float and dynamic-range models: the interpreter and generated C against LiteRT's outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mcuq.importers import load_model
from mcuq.interpreter import run
from mcuq.ir import Graph
from mcuq.passes import simplify
from tests.codegen.harness import _frame, build_driver, case_of, run_program

Array = npt.NDArray[Any]

# The greatest error relative to the greatest output; hybrid layers give LiteRT's very sums.
MODELS = {
    "hello_world_float": 2e-6,
    "kws_ref_float": 1e-6,
    "kws_ref_dynrange": 1e-6,
    "ic_resnet8_float": 5e-6,
    "ad_toycar_float": 2e-6,
    "ad_toycar_dynrange": 0.0,
}


def _golden(zoo: Path, name: str) -> tuple[Graph, Array, Array]:
    """The model, its inputs and LiteRT's outputs, each with a leading sample axis."""
    graph = simplify(load_model(zoo / "models" / f"{name}.tflite"))
    with np.load(zoo / "goldens" / "random" / f"{name}.npz") as golden:
        inputs, outputs = (np.stack([golden[f"{end}0_step{k}"] for k in (0, 1)]) for end in ("in", "out"))
    return graph, inputs, outputs


@pytest.mark.parametrize("name", MODELS)
def test_interpreter_equals_litert(zoo: Path, name: str) -> None:
    """The interpreter's outputs are LiteRT's but for the order of float sums."""
    graph, inputs, expected = _golden(zoo, name)
    np.testing.assert_allclose(run(graph, [inputs])[0], expected, rtol=0, atol=MODELS[name] * np.abs(expected).max())


@pytest.mark.parametrize("name", MODELS)
def test_c_equals_litert(zoo: Path, name: str, tmp_path: Path) -> None:
    """Generated C gives LiteRT's outputs within the same tolerance, and reads and writes nothing that it should not."""
    graph, inputs, expected = _golden(zoo, name)
    case = case_of(graph)
    answer = run_program(build_driver([case], tmp_path), _frame(case, [inputs]))
    per_sample = len(answer) // len(inputs)
    outputs = [answer[(k + 1) * per_sample - expected[k].nbytes : (k + 1) * per_sample] for k in range(len(inputs))]
    got = np.stack([np.frombuffer(data, np.float32).reshape(expected.shape[1:]) for data in outputs])
    np.testing.assert_allclose(got, expected, rtol=0, atol=MODELS[name] * np.abs(expected).max())
