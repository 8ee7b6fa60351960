"""Keras files and folders are read, or refused in words that help."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcuq.errors import InvalidModel, UnsupportedModel
from mcuq.importers import load_model
from tests.importers.keras.compare import assert_same_answers, keras_module, randomised, sequential

keras = keras_module()
layers = keras.layers


def small_model() -> Any:
    """A model of a few kinds of layers."""
    regular = keras.regularizers.L2(1e-3)
    return sequential(
        (8, 6, 2),
        layers.Conv2D(4, 3, padding="same", kernel_regularizer=regular, kernel_initializer="he_normal"),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.DepthwiseConv2D(3),
        layers.Flatten(),
        layers.Dropout(0.2),
        layers.Dense(3, activation="softmax", bias_constraint=keras.constraints.NonNeg()),
    )


def nested_model() -> Any:
    """A functional model with a Sequential one inside."""
    x = keras.Input((10, 3))
    tower = keras.Sequential([keras.Input((10, 3)), layers.Conv1D(4, 3), layers.GlobalMaxPooling1D()], name="tower")
    shift = layers.Normalization()
    shift.adapt(np.random.default_rng(2).normal(3, 2, (20, 10, 3)).astype(np.float32))
    y = layers.Concatenate()([tower(shift(x)), layers.Flatten()(x)])
    return randomised(keras.Model(x, layers.Dense(2)(y)))


@pytest.mark.parametrize("make", [small_model, nested_model])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_saved_by_keras_3(tmp_path: Path, suffix: str, make: Callable[[], Any]) -> None:
    """Both file formats of Keras 3 give the model's answers, and the graph is called after the file."""
    model, path = make(), tmp_path / f"small{suffix}"
    model.save(path)
    graph = load_model(path)
    assert graph.name == "small"
    assert_same_answers(graph, model)


def test_trained_models_are_read(tmp_path: Path) -> None:
    """What compile() and fit() leave in a file does not matter, not even a loss that mcuq cannot know."""
    model = small_model()
    model.compile(optimizer="adam", loss=lambda y, p: keras.ops.mean((y - p) ** 2))
    x = np.random.default_rng(0).normal(size=(8, 8, 6, 2)).astype(np.float32)
    model.fit(x, np.zeros((8, 3), np.float32), verbose=0)
    model.save(tmp_path / "trained.keras")
    assert_same_answers(load_model(tmp_path / "trained.keras"), model)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_saved_by_keras_2(tmp_path: Path, suffix: str) -> None:
    """Files of Keras 2 are read by Keras 3, or by tf_keras where it must be."""
    legacy = pytest.importorskip("tf_keras", reason="tf_keras is not installed (pip install tf_keras)")
    old = legacy.layers
    x = legacy.Input((8, 6, 3))
    y = old.ReLU()(old.BatchNormalization()(old.DepthwiseConv2D(3, padding="same")(x)))
    core = legacy.Sequential([old.Conv2D(4, 3, activation="relu"), old.Flatten(), old.Dense(3)])
    model = randomised(legacy.Model(x, core(old.Add()([x, y]))))
    path = tmp_path / f"old{suffix}"
    model.save(path)
    assert_same_answers(load_model(path), model)


def test_saved_model_folder(tmp_path: Path) -> None:
    """A SavedModel, which keeps no layers, is read by way of TFLite."""
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed (pip install 'mcuq[keras]')")
    model, folder = small_model(), tmp_path / "exported"
    model.export(folder, verbose=False)
    graph = load_model(folder)
    assert graph.name == "exported"
    assert_same_answers(graph, model)


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    """A folder that is not a SavedModel is called that."""
    with pytest.raises(InvalidModel, match="without a SavedModel"):
        load_model(tmp_path)


def test_a_damaged_saved_model(tmp_path: Path) -> None:
    """What TensorFlow cannot read is an invalid model."""
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed (pip install 'mcuq[keras]')")
    (tmp_path / "saved_model.pb").write_bytes(b"no protocol buffer")
    with pytest.raises(InvalidModel, match="TensorFlow cannot convert"):
        load_model(tmp_path)


def _archive(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def _members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small.keras and small.h5."""
    folder = tmp_path_factory.mktemp("saved")
    model = small_model()
    model.save(folder / "small.keras")
    model.save(folder / "small.h5")
    return folder


def _load(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    load_model(path)


@pytest.mark.parametrize("missing", ["config.json", "model.weights.h5"])
def test_an_archive_without_a_part(tmp_path: Path, saved: Path, missing: str) -> None:
    """A part of the archive that is not there is named."""
    members = _members(saved / "small.keras")
    del members[missing]
    with pytest.raises(InvalidModel, match=missing):
        _load(tmp_path, "less.keras", _archive(members))


def _with_config(saved: Path, change: Callable[[dict[str, Any]], None]) -> bytes:
    members = _members(saved / "small.keras")
    config = json.loads(members["config.json"])
    change(config)
    return _archive({**members, "config.json": json.dumps(config).encode()})


def _import_other_code(config: dict[str, Any]) -> None:
    config["config"]["layers"][1]["config"]["dtype"] = {"module": "os", "class_name": "system", "config": {}}


def _name_other_class(config: dict[str, Any]) -> None:
    config["config"]["layers"][1].update(module="subprocess", class_name="Popen")


def _drop_layers(config: dict[str, Any]) -> None:
    del config["config"]["layers"]


def _break_layer(config: dict[str, Any]) -> None:
    config["config"]["layers"][1]["config"]["kernel_size"] = "wide"


def _nest(config: dict[str, Any]) -> None:
    inner: dict[str, Any] = {"class_name": "Sequential", "config": {"layers": []}}
    for _ in range(60):
        inner = {"class_name": "Sequential", "config": {"layers": [inner]}}
    config["config"]["layers"].append(inner)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (_import_other_code, InvalidModel, "module 'os'"),
        (_name_other_class, UnsupportedModel, "of your own"),
        (_drop_layers, InvalidModel, "does not list its layers"),
        (_break_layer, InvalidModel, "Keras cannot read it"),
        (_nest, InvalidModel, "nested too deeply"),
    ],
)
def test_a_configuration_that_is_wrong(
    tmp_path: Path, saved: Path, change: Callable[[dict[str, Any]], None], error: type[Exception], words: str
) -> None:
    """Damage is called damage, and other code is not imported."""
    with pytest.raises(error, match=words):
        _load(tmp_path, "wrong.keras", _with_config(saved, change))


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000])
def test_a_configuration_that_is_not_json(tmp_path: Path, saved: Path, text: bytes) -> None:
    """A configuration that does not parse is damage."""
    members = _members(saved / "small.keras") | {"config.json": text}
    with pytest.raises(InvalidModel, match="configuration is damaged"):
        _load(tmp_path, "wrong.keras", _archive(members))


@pytest.mark.parametrize("name", ["small.keras", "small.h5"])
@pytest.mark.parametrize("seed", range(12))
def test_damaged_files(tmp_path: Path, saved: Path, name: str, seed: int) -> None:
    """Cut files and files with random bytes in them load or raise an error of mcuq, never another one."""
    data = bytearray((saved / name).read_bytes())
    rng = np.random.default_rng(seed)
    if seed % 3 == 0:
        data = data[: rng.integers(8, len(data))]
    for index in rng.integers(0 if seed % 2 else 8, len(data), rng.integers(1, 200)):
        data[index] = rng.integers(256)
    with contextlib.suppress(InvalidModel, UnsupportedModel):
        _load(tmp_path, name, bytes(data))


def test_weights_alone(tmp_path: Path) -> None:
    """A file of weights says what to save instead."""
    small_model().save_weights(tmp_path / "only.weights.h5")
    with pytest.raises(UnsupportedModel, match=r"model\.save"):
        load_model(tmp_path / "only.weights.h5")


@pytest.mark.parametrize("kind", ["soft", "external", "elsewhere"])
def test_files_that_point_elsewhere(tmp_path: Path, saved: Path, kind: str) -> None:
    """An .h5 file that would read other files of the machine is refused."""
    h5py = pytest.importorskip("h5py", reason="h5py comes with Keras")
    path = tmp_path / "linked.h5"
    path.write_bytes((saved / "small.h5").read_bytes())
    with h5py.File(path, "a") as file:
        if kind == "soft":
            file["more"] = h5py.SoftLink("/model_weights")
        elif kind == "external":
            file["more"] = h5py.ExternalLink("/etc/hostname", "/")
        else:
            file.create_dataset("more", (4,), "u1", external=[("/etc/hostname", 0, 4)])
    with pytest.raises(InvalidModel, match="another"):
        load_model(path)


def test_a_subclassed_model_in_a_file(tmp_path: Path, saved: Path) -> None:
    """A model whose code is not in the file has a next step."""

    def change(config: dict[str, Any]) -> None:
        config.update(class_name="Own", registered_name="Own", module="__main__")

    with pytest.raises(UnsupportedModel, match=r"model\.export"):
        _load(tmp_path, "own.keras", _with_config(saved, change))
