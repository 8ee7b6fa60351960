"""Damaged files give InvalidModel, UnsupportedModel or a sound graph, quickly and in little memory."""

from __future__ import annotations

import io
import json
import os
import random
import resource
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mcuq.errors import InvalidModel, UnsupportedModel
from mcuq.exporters import export_tflite, save_graph
from mcuq.importers import load_container, load_tflite
from mcuq.ir import Graph, verify
from mcuq.ops import refusals
from tests.importers.models import many_ops
from tests.importers.mutations import mutated, mutated_json, places_read

# 20000 and more for a thorough run.
COUNT = int(os.environ.get("MCUQ_FUZZ_COUNT", "400"))
LIMIT_SECONDS, LIMIT_BYTES = 5, 1 << 30


def peak_bytes() -> int:
    """The most memory that this process has had so far (Linux counts in KB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def survives(load: Callable[[], Graph]) -> str:
    """How the import ended; anything but the three allowed ends is an error."""
    started = time.monotonic()
    try:
        graph = load()
    except InvalidModel:
        end = "invalid"
    except UnsupportedModel:
        end = "unsupported"
    else:
        verify(graph)
        refusals(graph)
        end = "imported"
    assert time.monotonic() - started < LIMIT_SECONDS
    return end


def fuzz_tflite(model: bytes, count: int, seed: int) -> dict[str, int]:
    """How `count` damaged copies of the model end."""
    places = places_read(model)
    ends = {"invalid": 0, "unsupported": 0, "imported": 0}
    before_bytes = peak_bytes()
    for index in range(count):
        data = mutated(model, places, seed + index)
        ends[survives(lambda data=data: load_tflite(data, "fuzz"))] += 1
    assert peak_bytes() - before_bytes < LIMIT_BYTES
    return ends


def test_damaged_models_of_every_op() -> None:
    """A model of every op, damaged in every way, never gives a traceback."""
    ends = fuzz_tflite(export_tflite(many_ops()), COUNT, seed=1)
    assert ends["invalid"] > COUNT // 10
    assert ends["imported"] > 0


def test_damaged_demo(digits_model: Path) -> None:
    """The demo, as TFLite's own converter wrote it, never gives a traceback."""
    ends = fuzz_tflite(digits_model.read_bytes(), COUNT, seed=2)
    assert ends["invalid"] > COUNT // 10


@pytest.mark.parametrize("name", ["hello_world_int8", "kws_ref_int8", "audio_preprocessor_int8", "ad_toycar_float"])
def test_damaged_real_models(zoo: Path, name: str) -> None:
    """Real models never give a traceback, whatever is done to them."""
    model = (zoo / "models" / f"{name}.tflite").read_bytes()
    try:
        places = places_read(model)
    except UnsupportedModel:
        places = range(len(model))
    for index in range(COUNT // 2):
        data = mutated(model, places, 1000 + index)
        survives(lambda data=data: load_tflite(data, "fuzz"))


def test_damaged_containers() -> None:
    """mcuq's own files never give a traceback."""
    model = save_graph(many_ops())
    for index in range(COUNT // 2):
        data = mutated(model, range(len(model)), 2000 + index)
        survives(lambda data=data: load_container(data))


def with_other_text(model: bytes, seed: int) -> bytes:
    """The container with a graph.json in which something was replaced."""
    with zipfile.ZipFile(io.BytesIO(model)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    document = mutated_json(json.loads(members["graph.json"]), random.Random(seed))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("graph.json", json.dumps(document))
        archive.writestr("constants.bin", members["constants.bin"])
    return out.getvalue()


def test_damaged_text_in_containers() -> None:
    """A container whose graph.json says something else is sound or refused; its checksum is no protection."""
    model = save_graph(many_ops())
    for index in range(COUNT):
        data = with_other_text(model, index)
        survives(lambda data=data: load_container(data))
