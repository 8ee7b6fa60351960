"""TensorFlow Lite Micro from its wheel: the oracle of record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mcuq.exporters import export_tflite
from mcuq.importers import load_tflite
from mcuq.interpreter import run
from mcuq.ir import Graph

Array = npt.NDArray[Any]
ARENA_BYTES = 4_000_000


def run_tflm(model: bytes, inputs: Sequence[Array], arena_bytes: int = ARENA_BYTES) -> tuple[Array, ...]:
    """The outputs, each [samples, *shape], for inputs with a leading sample axis; skips without the wheel."""
    runtime = pytest.importorskip("tflite_micro.python.tflite_micro.runtime")
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=arena_bytes)
    outputs = load_tflite(model, "oracle").outputs
    rows: list[list[Array]] = [[] for _ in outputs]
    for sample in range(len(inputs[0])):
        for index, array in enumerate(inputs):
            interpreter.set_input(np.ascontiguousarray(array[sample]), index)
        interpreter.invoke()
        for index, row in enumerate(rows):
            row.append(np.array(interpreter.get_output(index)))
    return tuple(np.stack(row) for row in rows)


def assert_equals_tflm(graph: Graph, inputs: Sequence[Array]) -> None:
    """The interpreter on the exported and imported graph gives TFLM's very bytes."""
    model = export_tflite(graph)
    imported = load_tflite(model, graph.name)
    ours = run(imported, inputs)
    theirs = run_tflm(model, inputs, 300_000)
    for name, mine, other in zip(graph.outputs, ours, theirs, strict=True):
        assert mine.dtype == other.dtype
        np.testing.assert_array_equal(mine, other.reshape(mine.shape), f"output '{name}'")
