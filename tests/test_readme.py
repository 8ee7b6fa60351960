"""The README is true: its examples run, its tables are complete, its commands and links exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import mcuq
from mcuq import cli, demo, interpreter, pipeline, report
from mcuq.artifacts import Measurement
from mcuq.build import WARNING_FLAGS, find_toolchain
from mcuq.errors import ToolMissing
from mcuq.project import FILE_NAME, Gates, Options, Project, read_project
from mcuq.quantize import Recipe, load_recipe
from mcuq.quantize.recipe import Calibration, Mixed, Refine, Rule, Scheme


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    """The text."""
    return (root / "README.md").read_text(encoding="utf-8")


def blocks(readme: str, language: str) -> list[str]:
    """All code blocks of that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)


def block(readme: str, language: str) -> str:
    """The only code block of that language."""
    (text,) = blocks(readme, language)
    return text


def section(readme: str, title: str) -> str:
    """What stands below a heading, up to the next."""
    return re.split(r"^#+ ", readme.split(f"{title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def test_the_embedding_example_compiles_and_runs(readme: str, tmp_path: Path) -> None:
    """The C program, compiled without warnings against what its command writes, says what the interpreter says."""
    if shutil.which("cc") is None:
        pytest.skip("There is no cc.")
    source = block(readme, "c")
    graph = pipeline.load(demo.model_path())
    generated = pipeline.codegen(graph, tmp_path, name="digits")
    (tmp_path / "main.c").write_text(source)
    c_files = [file.path for file in generated.sources.of_role("model") if file.path.endswith(".c")]
    command = ["cc", "-std=c99", *WARNING_FLAGS, "-I.", "main.c", *c_files, "-o", "program"]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "program"], capture_output=True, text=True, check=True)
    assert done.stdout == expected_answer(source)


def expected_answer(source: str) -> str:
    """What the interpreter makes of the example's pixels."""
    graph = pipeline.load(demo.model_path())
    text = re.sub(r"/\*.*?\*/", "", source.split("pixels[DIGITS_INPUT_0_ELEMENTS] = {")[1].split("};")[0])
    real = np.array([int(number) for number in re.findall(r"\d+", text)], np.float32).reshape(1, 1, 8, 8, 1) / 16
    tensor, output = graph.tensor(graph.inputs[0]), graph.tensor(graph.outputs[0])
    assert tensor.quantization is not None
    assert output.quantization is not None
    stored = np.floor(real / np.float32(tensor.quantization.scale) + 0.5) + tensor.quantization.zero_point
    scores = interpreter.run(graph, [stored.clip(-128, 127).astype(np.int8)])[0].reshape(-1)
    best = int(scores.argmax())
    probability = output.quantization.scale * (int(scores[best]) - output.quantization.zero_point)
    return f"digit {best}, probability {probability:.2f}\n"


def test_the_python_example_runs(readme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines under "From Python" build and run a model."""
    pytest.importorskip("unicorn", reason="The simulator needs unicorn.")
    try:
        find_toolchain(pipeline.find_board("cortex-m4"))
    except ToolMissing as missing:
        pytest.skip(str(missing))
    monkeypatch.chdir(tmp_path)
    shutil.copy(demo.model_path(), "model.tflite")
    shutil.copy(demo.data_path(), "test.npz")
    names: dict[str, object] = {}
    exec(blocks(readme, "python")[0], names)
    verdict = names["verdict"]
    assert isinstance(verdict, Measurement)
    assert verdict.bit_exact


def test_the_python_example_quantizes(readme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines after it make an int8 model of a float one and measure it."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(demo.float_model_path(), "float.tflite")
    shutil.copy(demo.data_path(), "test.npz")
    names: dict[str, Any] = {"mcuq": mcuq, "Path": Path}
    exec(blocks(readme, "python")[1], names)
    assert names["verdict"].agreement > 0.97
    assert Path("int8.tflite").is_file()


def test_the_recipe_example_has_every_key(root: Path, tmp_path: Path) -> None:
    """The example of the quantizer's guide is a valid recipe, and shows every key that there is."""
    text = block((root / "mcuq" / "quantize" / "README.md").read_text(encoding="utf-8"), "toml")
    (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
    assert load_recipe(tmp_path / "recipe.toml").rules
    shown = set(re.findall(r"^(?:# )?(\w+) = ", text, re.MULTILINE)) | set(re.findall(r"^\[+(\w+)", text, re.MULTILINE))
    keys = {field.name for kind in (Recipe, Scheme, Calibration, Refine, Mixed, Rule) for field in fields(kind)}
    assert shown == keys - {"name", "changes"}


def test_the_project_example_has_every_key(readme: str, tmp_path: Path) -> None:
    """The example is a valid mcuq.toml, and shows every key that there is."""
    text = block(readme, "toml")
    (tmp_path / FILE_NAME).write_text(text, encoding="utf-8")
    assert read_project(tmp_path) is not None
    for table in (Project, Options, Gates):
        for field in fields(table):
            assert re.search(rf"^(\[{field.name}\]|{field.name} = )", text, re.MULTILINE), field.name


def test_every_json_field_is_explained(readme: str) -> None:
    """Each field of `run --json` is in the table."""
    nothing = Measurement(
        model="m",
        board="b",
        link="sim",
        compiler="gcc",
        samples=1,
        accuracy=None,
        reference_accuracy=None,
        bit_exact=True,
        agreement=1.0,
        first_difference=None,
        instructions=None,
        cycles=None,
        latency_ms=None,
        arena_bytes=0,
        static_ram_bytes=None,
        stack_bytes=None,
        flash_total_bytes=None,
        flash_constant_bytes=0,
        steps=(),
    )
    rows = [line.split("|")[1] for line in section(readme, "### JSON").splitlines() if line.startswith("|")]
    explained = set(re.findall(r"`(\w+)`", " ".join(rows)))
    assert explained == set(report.measurement_to_json(nothing))


def test_the_map_names_every_room(readme: str, root: Path) -> None:
    """Each room of the package and each folder beside it is on the map, and everything on the map is there."""
    named = set(re.findall(r"^\| `([\w./]+)` \|", section(readme, "## The map of the house"), re.MULTILINE))
    entries = (path for path in (root / "mcuq").iterdir() if path.suffix == ".py" or any(path.glob("*.py")))
    rooms = {f"mcuq/{path.name}" for path in entries if not path.name.startswith("_")}
    assert named == rooms | {"templates", "firmware", "boards", "docs", "tests"}


def test_every_command_and_option_exists(readme: str) -> None:
    """No verb and no option is mentioned that the command line does not have."""
    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    verbs = set(re.findall(r"^    mcuq (\w+)|`mcuq (\w+)[^`\n]*`", readme, re.MULTILINE))
    assert {first or second for first, second in verbs} <= set(commands)
    parameters = [parameter for command in commands.values() for parameter in command.params]
    options = {option for parameter in parameters for option in (*parameter.opts, *parameter.secondary_opts)}
    mcuqs = re.sub(r"mypy --strict|`-n 2[^`]*`|-Wl,--[a-z-]+", "", readme)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", mcuqs)) <= options | {"--bit-exact", "--keep-inputs"}


def test_links_lead_somewhere(readme: str, root: Path) -> None:
    """Each relative link is a file of the checkout."""
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", readme) if "://" not in target]
    assert targets
    assert [target for target in targets if not (root / target.partition("#")[0]).exists()] == []


def test_the_demo_output_is_real(readme: str) -> None:
    """What the README shows has the figures of the demo as it is now that do not depend on the compiler."""
    shown = readme.split("<!-- demo: begin -->")[1].split("<!-- demo: end -->")[0]
    inspection = pipeline.inspect(pipeline.load(demo.model_path()), pipeline.find_board("cortex-m4"))
    assert inspection.plan is not None
    assert inspection.schedule is not None
    assert f"arena {inspection.plan.arena_bytes:,} +" in shown
    assert f"constants {inspection.schedule.constant_bytes:,} +" in shown
    assert "bit-exact: every output byte" in shown
    steps = re.findall(r"^ +\d+  \S+ +(\w+/\w+) ", shown, re.MULTILINE)
    assert steps == [step.kernel for step in inspection.schedule.steps]
