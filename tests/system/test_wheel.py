"""The wheel carries everything that an installation needs, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

FOLDERS = ("templates", "firmware", "boards")


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of this checkout, opened."""
    builder = pytest.importorskip("hatchling.builders.wheel", reason="hatchling is needed to build the wheel.")
    folder = tmp_path_factory.mktemp("dist")
    return zipfile.ZipFile(next(builder.WheelBuilder(str(root)).build(directory=str(folder), versions=["standard"])))


def files_below(folder: Path) -> set[str]:
    """The files of a folder, caches apart, as paths relative to it."""
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in paths}


@pytest.mark.parametrize("name", FOLDERS)
def test_data_folders_come_along(wheel: zipfile.ZipFile, root: Path, name: str) -> None:
    """Each file of the folder beside the package is in the wheel, inside the package."""
    prefix = f"mcuq/_data/{name}/"
    packed = {entry.removeprefix(prefix) for entry in wheel.namelist() if entry.startswith(prefix)}
    assert packed == files_below(root / name)


def test_package_comes_along(wheel: zipfile.ZipFile, root: Path) -> None:
    """Each file of the package is in the wheel: modules, demo models and samples, py.typed."""
    packed = {entry for entry in wheel.namelist() if entry.startswith("mcuq/") and "/_data/" not in entry}
    assert packed == {f"mcuq/{name}" for name in files_below(root / "mcuq")}


def test_nothing_else_comes_along(wheel: zipfile.ZipFile) -> None:
    """The wheel holds the package and its metadata only: no tests, no caches, no objects."""
    tops = {entry.split("/")[0] for entry in wheel.namelist()}
    assert len(tops) == 2
    assert {"mcuq"} == {top for top in tops if not top.endswith(".dist-info")}
    assert not [entry for entry in wheel.namelist() if "__pycache__" in entry or entry.endswith((".pyc", ".o"))]


def test_command_and_licence_are_declared(wheel: zipfile.ZipFile) -> None:
    """Installing the wheel makes the `mcuq` command, and the licence text comes with it."""
    entry_points = next(name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    assert "mcuq = mcuq.cli:main" in wheel.read(entry_points).decode()
    assert [name for name in wheel.namelist() if name.endswith("/licenses/LICENSE")]


def test_unpacked_wheel_finds_its_data(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """Outside the checkout the data folders are found inside the package."""
    wheel.extractall(tmp_path)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import mcuq.resources as r, mcuq.demo as d; "
        "print(r.templates(), r.firmware(), r.boards(), d.model_path(), sep='\\n'); assert d.data_path().is_file()"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    data = tmp_path / "mcuq" / "_data"
    expected = [data / name for name in FOLDERS] + [tmp_path / "mcuq" / "demo" / "digits_int8.tflite"]
    assert [Path(line) for line in done.stdout.splitlines()] == expected
