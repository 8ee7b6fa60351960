"""Files of any kind: the format is found by content, and every failure says what is wrong with which file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcuq.errors import InvalidModel
from mcuq.exporters import export_tflite, save_graph
from mcuq.importers import FORMATS, load_model
from mcuq.importers import load as loading
from tests.importers.models import small_conv


def test_tflite_by_content(tmp_path: Path) -> None:
    """A .tflite file is known by its bytes, and the graph is called after the file."""
    path = tmp_path / "keywords.bin"
    path.write_bytes(export_tflite(small_conv()))
    assert load_model(path).name == "keywords"


def test_container_by_content(tmp_path: Path) -> None:
    """A .mcuq file keeps the graph's own name."""
    path = tmp_path / "saved.zip"
    path.write_bytes(save_graph(small_conv()))
    assert load_model(path) == small_conv()


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("none.tflite", None, "there is no file"),
        ("empty.tflite", b"", "is empty"),
        ("text.tflite", b"hello world", "not a .tflite file"),
        ("text.mcuq", b"hello world", "not a sound .mcuq file"),
        ("model.onnx", b"hello world", "not a model that mcuq can read"),
        ("other.zip", b"PK\x03\x04 something else", "not a model that mcuq can read"),
    ],
)
def test_files_that_hold_no_model(tmp_path: Path, name: str, data: bytes | None, words: str) -> None:
    """The error names the file and what is wrong with it."""
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InvalidModel) as caught:
        load_model(path)
    assert words in str(caught.value)
    assert name in str(caught.value)


def test_directories(tmp_path: Path) -> None:
    """A directory that is not a SavedModel is a mistake."""
    with pytest.raises(InvalidModel, match="is a directory"):
        load_model(tmp_path)


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that no microcontroller holds is not even read."""
    monkeypatch.setattr(loading, "MAX_FILE_BYTES", 100)
    path = tmp_path / "large.tflite"
    path.write_bytes(bytes(101))
    with pytest.raises(InvalidModel, match="at most 100"):
        load_model(path)


def test_damage_names_the_file(tmp_path: Path) -> None:
    """The place inside the file comes with the file's name."""
    path = tmp_path / "cut.tflite"
    path.write_bytes(export_tflite(small_conv())[:-60])
    with pytest.raises(InvalidModel, match=r"cut\.tflite.*outside of the file"):
        load_model(path)


def test_formats_are_listed() -> None:
    """Every format has a name and at least one suffix."""
    assert [known.name for known in FORMATS][:2] == ["TFLite", "mcuq"]
    assert all(known.suffixes for known in FORMATS)
