"""The documentation is true: trees, commands, links are real, the tutorial's firmware runs, the API is whole."""

from __future__ import annotations

import inspect
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import typer
import yaml

import mcuq
from mcuq import artifacts, cli, demo, errors, interpreter, pipeline
from mcuq.codegen import LAYOUTS
from tests import layout_trees

PAGES = (
    "docs/README.md",
    "docs/ci.md",
    "docs/field.md",
    "docs/placement.md",
    "docs/tutorials/keras-to-zephyr.md",
    "docs/tutorials/makefile-stm32.md",
    *(f"docs/layouts/{layout.name}.md" for layout in LAYOUTS),
)


@pytest.mark.parametrize("layout", [layout.name for layout in LAYOUTS])
def test_every_layout_has_a_page_with_its_tree(layout: str, root: Path) -> None:
    """A page shows the files that its layout writes, and so does the README."""
    page = (root / "docs" / "layouts" / f"{layout}.md").read_text(encoding="utf-8")
    assert layout_trees.marked(layout) in page
    assert f"`--layout {layout}`:\n\n```\n{layout_trees.tree(layout)}\n```" in (root / "README.md").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_links_exist(page: str, root: Path) -> None:
    """Each `mcuq` command has its verb and its options, and each relative link leads somewhere."""
    text = (root / page).read_text(encoding="utf-8")
    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    for line in re.findall(
        r"(?:^ {4}(?:- )?|^ *- run: |^ *run: |`|>-\n +)mcuq ([^`]*?)(?:`|$)", text.replace("\\\n", " "), re.M
    ):
        verb, *words = line.split()
        assert verb in commands, line
        known = {
            option for parameter in commands[verb].params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        assert {word for word in words if re.match(r"--?[a-z]", word)} <= known, line
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", text) if "://" not in target]
    targets = [re.sub(r"\s+", "", target) for target in targets]
    assert [target for target in targets if not (root / page).parent.joinpath(target.partition("#")[0]).exists()] == []


def test_the_ci_files_are_yaml_with_known_options(root: Path) -> None:
    """Both files parse, and every option of their mcuq commands is one of the command line's."""
    text = (root / "docs" / "ci.md").read_text(encoding="utf-8")
    github, gitlab = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
    steps = [step["run"] for step in github["jobs"]["gate"]["steps"] if "run" in step]
    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    asked = [line for line in (*steps, *gitlab["model"]["script"]) if line.startswith("mcuq ")]
    assert [line.split()[1] for line in asked] == ["run", "diff"] * 2
    for line in asked:
        known = {option for parameter in commands[line.split()[1]].params for option in parameter.opts}
        assert set(re.findall(r"(?<!\S)--[a-z-]+", line)) <= known


def tutorial_files(root: Path, folder: Path) -> None:
    """The files of the STM32 tutorial, under their names."""
    text = (root / "docs" / "tutorials" / "makefile-stm32.md").read_text(encoding="utf-8")
    for name, content in re.findall(r"^`([\w.]+)`[^\n]*:\n\n```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        (folder / name).write_text(content)
    explained = re.search(r"^`startup.c`.*?```c\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert explained is not None
    (folder / "startup.c").write_text(explained[1])


def word_at(monitor: socket.socket, address: int) -> int:
    """A word of the machine's memory, asked of QEMU's monitor."""
    monitor.sendall(f"xp /1wx {address:#x}\n".encode())
    said = b""
    while (found := re.search(rb"[0-9a-f]{8,16}: 0x([0-9a-f]{8})", said)) is None:
        said += monitor.recv(4096)
    return int(found[1], 16)


@pytest.mark.system
def test_the_stm32_tutorial_runs(root: Path, tmp_path: Path) -> None:
    """What the page shows builds without a warning and computes the interpreter's class on QEMU's STM32F405."""
    for tool in ("arm-none-eabi-gcc", "arm-none-eabi-nm", "qemu-system-arm", "make"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    graph, board = pipeline.load(demo.model_path()), pipeline.find_board("netduinoplus2")
    pipeline.codegen(graph, tmp_path / "digits", name="digits", board=board, layout="make", selftest=1)
    tutorial_files(root, tmp_path)
    done = subprocess.run(["make", "-s"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    symbols = subprocess.run(
        ["arm-none-eabi-nm", "firmware.elf"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    (address,) = (int(line.split()[0], 16) for line in symbols.stdout.splitlines() if line.endswith(" result"))
    half = np.full((1, 1, 8, 8, 1), 0, np.int8)  # 0.5 is 127.5 steps from -128, rounded away from zero
    expected = int(np.argmax(interpreter.run(graph, (half,))[0]))
    assert expected != 0, "0 is what the word is before anything has run"
    path = tmp_path / "monitor"
    command = [
        "qemu-system-arm",
        "-M",
        "netduinoplus2",
        "-kernel",
        "firmware.elf",
        "-display",
        "none",
        "-serial",
        "null",
    ]
    with subprocess.Popen([*command, "-monitor", f"unix:{path},server=on,wait=off"], cwd=tmp_path) as machine:
        try:
            deadline = time.monotonic() + 60
            while not path.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            with socket.socket(socket.AF_UNIX) as monitor:
                monitor.connect(str(path))
                while (result := word_at(monitor, address)) == 0 and time.monotonic() < deadline:
                    time.sleep(0.05)
        finally:
            machine.kill()
    assert result == expected


def test_every_public_name_is_documented() -> None:
    """Functions of the package, values between rooms and errors say what they are."""
    public = [getattr(pipeline, name) for name in mcuq.__all__]
    for module in (artifacts, errors):
        public += [
            value for _, value in inspect.getmembers(module, inspect.isclass) if value.__module__.startswith("mcuq")
        ]
    assert [item for item in public if not (getattr(item, "__doc__", None) or "").strip()] == []


def test_the_python_api_becomes_pages(tmp_path: Path) -> None:
    """pdoc writes a page for the pipeline, with every function of it."""
    pytest.importorskip("pdoc", reason="pdoc is not installed")
    command = [sys.executable, "-m", "pdoc", "-o", str(tmp_path), "mcuq.pipeline", "mcuq.artifacts", "mcuq.errors"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "mcuq" / "pipeline.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in page for name in ("quantize", "build", "run", "profile"))


def test_the_c_api_becomes_pages(root: Path, tmp_path: Path) -> None:
    """Doxygen writes a page for the model's header, with what each function answers."""
    if shutil.which("doxygen") is None:
        pytest.skip("doxygen is not installed")
    folder = tmp_path / "build" / "docs" / "digits"
    pipeline.codegen(pipeline.load(demo.model_path()), folder, name="digits", layout="make", selftest=1, protocol=True)
    shutil.copytree(root / "docs", tmp_path / "docs")
    done = subprocess.run(["doxygen", "docs/c.doxyfile"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "build" / "docs" / "c" / "digits_8h.html").read_text(encoding="utf-8")
    for name in ("digits_init", "digits_invoke", "digits_step", "digits_input_0", "digits_argmax_output_0"):
        assert f">{name}</a>" in page, name
    assert "One inference: every step in order." in page
