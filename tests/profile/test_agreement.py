"""Two implementations of the documented rules agree: the simulator's edges priced in Python, and a plugin inside QEMU.

The plugin decodes instructions from their bits and prices them while they run; nothing is shared but the rules.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mcuq import pipeline
from mcuq.artifacts import Build
from mcuq.build import find_toolchain
from mcuq.errors import ToolMissing

BOARD = "cortex-m4"
TOLERANCE = 0.01
SOURCE = Path(__file__).with_name("cortex_m4_cycles.c")
QEMU = "qemu-system-arm"
FLAGS = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-fPIC", "-shared")


def plugin_version() -> int:
    """The version of the plugin interface that the installed QEMU speaks."""
    text = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"version (\d+)\.(\d+)", text)
    assert match is not None, text
    release = int(match.group(1)), int(match.group(2))
    return 1 if release < (9, 0) else 2 if release < (9, 1) else 3


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled plugin; skips where QEMU or its plugins are absent."""
    pytest.importorskip("unicorn", reason="the simulator is not installed")
    if shutil.which(QEMU) is None or shutil.which("gcc") is None:
        pytest.skip("qemu-system-arm or gcc is not installed")
    probe = subprocess.run([QEMU, "-M", "none", "-plugin", "/absent.so"], capture_output=True, text=True, check=False)
    if "Could not load plugin" not in probe.stderr:
        pytest.skip("this QEMU was built without plugins")
    path = tmp_path_factory.mktemp("plugin") / "cortex_m4_cycles.so"
    subprocess.run(["gcc", *FLAGS, f"-DPLUGIN_VERSION={plugin_version()}", str(SOURCE), "-o", str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, str], Build]:
    """Builds a model with a compiler; skips where that is absent."""

    def build(model: Path, compiler: str) -> Build:
        board = pipeline.find_board(BOARD)
        try:
            find_toolchain(board, compiler)
        except ToolMissing as missing:
            pytest.skip(str(missing))
        folder = tmp_path_factory.mktemp("build")
        return pipeline.build(pipeline.load(model), board, folder, name="net", compiler=compiler)

    return build


def assert_agreement(build: Build, plugin: Path, folder: Path) -> None:
    """Both count the same instructions in one inference, and cycles within 1 %."""
    out = folder / "counts.txt"
    entry = build.image.symbols[f"{build.name}_invoke"].address
    arguments = f"-plugin {plugin},entry={entry:#x},out={out}"
    samples = pipeline.random_samples(build.graph)
    measured = pipeline.run(build, samples, link="qemu", count_samples=1, qemu_args=arguments)
    assert measured.first_difference is None
    instructions, cycles = (int(text) for text in out.read_text(encoding="ascii").splitlines()[0].split())
    profile = pipeline.profile(build, samples)
    assert instructions == profile.cost.instructions
    assert cycles == pytest.approx(profile.cost.cycles, rel=TOLERANCE)


@pytest.mark.parametrize("compiler", ["gcc", "zig"])
def test_the_demo(
    digits_model: Path, built: Callable[[Path, str], Build], plugin: Path, tmp_path: Path, compiler: str
) -> None:
    """On the demo, by either compiler, both count the same instructions, and cycles within 1 %."""
    assert_agreement(built(digits_model, compiler), plugin, tmp_path)


def test_a_float_model(built: Callable[[Path, str], Build], plugin: Path, tmp_path: Path, root: Path) -> None:
    """The demo in floating point exercises loads, stores and arithmetic of the FPU."""
    assert_agreement(built(root / "mcuq" / "demo" / "digits_float.tflite", "gcc"), plugin, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["ic_resnet8_int8", "kws_ref_int8", "vww_mobilenet025_int8", "ad_toycar_int8"])
def test_reference_models(
    zoo: Path, built: Callable[[Path, str], Build], plugin: Path, tmp_path: Path, model: str
) -> None:
    """So they do on the reference models."""
    assert_agreement(built(zoo / "models" / f"{model}.tflite", "gcc"), plugin, tmp_path)
