"""From Keras to C: every layer in float32 against Keras itself, and in int8 against the interpreter, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcuq.importers import load_keras
from mcuq.interpreter import run
from mcuq.ir import Graph
from mcuq.passes import simplify
from mcuq.quantize import load_recipe, quantize
from tests.codegen.harness import (
    Array,
    Case,
    _frame,
    assert_equal_interpreter,
    build_driver,
    case_of,
    run_program,
)
from tests.importers.keras.cases import MERGES, ONE_LAYER, model_of_layer, model_of_merge
from tests.importers.keras.compare import TOLERANCE, keras_module, random_inputs

keras_module()
MODELS: dict[str, Callable[[], Any]] = {
    **{name: lambda name=name: model_of_layer(name) for name in ONE_LAYER},  # type: ignore[misc]
    **{name: lambda name=name: model_of_merge(name, 2) for name in MERGES},  # type: ignore[misc]
}
IN_ONE_PROGRAM = 10
GROUPS = [tuple(MODELS)[start : start + IN_ONE_PROGRAM] for start in range(0, len(MODELS), IN_ONE_PROGRAM)]


def _answers(case: Case, answer: bytes, position: int, samples: int) -> tuple[Array, int]:
    """The first output of every sample in what the driver wrote, and where the next model's bytes begin."""
    found = []
    output = case.graph.tensor(case.graph.outputs[0])
    for _ in range(samples):
        position += len(case.schedule.steps) * case.plan.arena_bytes
        found.append(np.frombuffer(answer, np.float32, output.elements, position))
        position += output.bytes
    return np.stack(found), position


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_float_c_equals_keras(names: tuple[str, ...], tmp_path: Path) -> None:
    """C in float32 gives what Keras predicts."""
    models = [MODELS[name]() for name in names]
    cases = [case_of(simplify(load_keras(model)), f"m{index}") for index, model in enumerate(models)]
    inputs = [random_inputs(case.graph) for case in cases]
    fed = b"".join(_frame(case, arrays) for case, arrays in zip(cases, inputs, strict=True))
    answer, position = run_program(build_driver(cases, tmp_path), fed), 0
    for name, model, case, arrays in zip(names, models, cases, inputs, strict=True):
        theirs = np.asarray(model.predict(arrays[0][:, 0], verbose=0)).reshape(len(arrays[0]), -1)
        ours, position = _answers(case, answer, position, len(theirs))
        allowed = TOLERANCE * max(1e-3, np.abs(theirs).max())
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=allowed, err_msg=name)
    assert position == len(answer)


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_int8_c_equals_the_interpreter(names: tuple[str, ...], tmp_path: Path) -> None:
    """Quantized to int8, C gives the interpreter's bytes, which are near to Keras' answers."""
    cases = []
    for index, name in enumerate(names):
        graph = simplify(load_keras(MODELS[name]()))
        inputs = random_inputs(graph)
        quantized = simplify(quantize(graph, [inputs], load_recipe("int8")).graph)
        wanted, got = run(graph, inputs)[0], _real(quantized, run(quantized, _stored(quantized, inputs))[0])
        noise = float(np.square(got - wanted).sum() / np.square(wanted).sum())
        assert noise < 0.003, f"{name}: {noise:.1e} of the signal is noise"
        cases.append((case_of(quantized, f"m{index}"), _stored(quantized, inputs)))
    assert_equal_interpreter(cases, tmp_path)


def _stored(graph: Graph, inputs: list[Array]) -> list[Array]:
    """Real inputs as the graph stores them."""
    found = []
    for name, array in zip(graph.inputs, inputs, strict=True):
        tensor = graph.tensor(name)
        q = tensor.quantization
        if q is not None:
            array = np.clip(np.round(array / q.scale) + q.zero_point, tensor.dtype.minimum, tensor.dtype.maximum)
        found.append(array.astype(tensor.dtype.numpy))
    return found


def _real(graph: Graph, output: Array) -> Array:
    """The first output in real numbers."""
    q = graph.tensor(graph.outputs[0]).quantization
    return output if q is None else (output.astype(np.float64) - q.zero_point) * q.scale
