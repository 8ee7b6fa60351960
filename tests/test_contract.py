"""What the package promises as a whole: its data come along, its command is named, and importing it is light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mcuq import resources

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HEAVY = ("tensorflow", "keras", "unicorn", "serial", "ziglang", "tflite_micro")


@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        (resources.templates(), "**/*.j2"),
        (resources.firmware(), "include/mcuq/*.h"),
        (resources.firmware(), "protocol/*.c"),
        (resources.boards(), "*.toml"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_resources_are_found(folder: Path, pattern: str) -> None:
    """The folders beside the package are found from inside it and hold what their rooms need."""
    assert list(folder.glob(pattern))


def test_a_missing_folder_is_named() -> None:
    """An incomplete installation is reported by the name of the folder that is missing."""
    with pytest.raises(FileNotFoundError, match="no_such_folder"):
        resources.folder("no_such_folder")


def test_the_package_is_typed() -> None:
    """Type checkers of users' projects see mcuq's types."""
    assert Path(resources.__file__).with_name("py.typed").is_file()


def test_extras_add_up(root: Path) -> None:
    """`all` is the simulator and the compiler, and the core asks for none of the heavy packages."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["optional-dependencies"]["all"] == ["mcuq[sim,zig]"]
    core = " ".join(project["dependencies"])
    assert not [name for name in ("unicorn", "ziglang", "tensorflow", "scikit-learn") if name in core]


@pytest.mark.parametrize("module", ["mcuq", "mcuq.cli"])
def test_importing_is_light(module: str) -> None:
    """Frameworks, emulators and drivers are loaded when they are used, not when mcuq is imported."""
    program = f"import sys, {module}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
