"""The commands that quantize, evaluate, analyse and compare: what they print and write, and how they end."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from mcuq import cli, demo, pipeline
from mcuq.build import find_toolchain
from mcuq.errors import ToolMissing
from mcuq.project import Project, write_project
from tests.pipeline.test_extensions import model_bytes

AT_LEAST = ("accuracy", "float_accuracy", "drop_points", "agreement", "sqnr_db", "samples")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the demo's models and 120 of its samples, in which every test of this file runs."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(demo.float_model_path(), "float.tflite")
    shutil.copy(demo.model_path(), "int8.tflite")
    with np.load(demo.data_path()) as stored:
        np.savez("digits.npz", x=stored["x"][:120], y=stored["y"][:120])
        np.savez("unlabelled.npz", x=stored["x"][:120])
        np.savez("more.npz", x=stored["x"][120:150], y=stored["y"][120:150])
    return tmp_path


def mcuq(*arguments: object) -> Result:
    """What the command answers."""
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def succeeded(result: Result) -> str:
    """Standard output of a command that ended well."""
    assert result.exit_code == 0, result.output
    return result.stdout


def failed(result: Result, *words: str) -> None:
    """A user's error, with all of `words`, and no traceback."""
    assert result.exit_code == 2, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    for word in words:
        assert word in result.stderr


def document(name: str = "out.json") -> dict[str, Any]:
    """The JSON that a command wrote."""
    found: dict[str, Any] = json.loads(Path(name).read_text())
    return found


def test_quantize_writes_a_model_and_says_what_it_costs() -> None:
    """A .tflite file beside the model, a table a layer, the honest figures, and the same as JSON."""
    arguments = ("quantize", "float.tflite", "--data", "digits.npz", "--samples", 60, "--json", "out.json")
    text = succeeded(mcuq(*arguments))
    assert Path("float_int8.tflite").is_file()
    for word in (
        "drop",
        "95 % interval",
        "McNemar",
        "agreement",
        "SQNR",
        "weights",
        "arena",
        "wrote float_int8.tflite",
    ):
        assert word in text
    found = document()
    assert [key for key in AT_LEAST if found[key] is None] == []
    assert (found["samples"], found["calibration_samples"], found["held_out"]) == (60, 60, True)
    assert found["agreement"] > 0.95
    assert found["drop_interval_points"]["low"] <= found["drop_points"] <= found["drop_interval_points"]["high"]
    assert len(found["layers"]) == 14
    assert found["warnings"] == []


def test_quantize_measures_on_other_data_when_told() -> None:
    """--eval may be given several times; --no-labels drops accuracy and keeps agreement."""
    data = ("--data", "unlabelled.npz", "--samples", 60, "--json", "out.json", "-o", "q.mcuq")
    succeeded(mcuq("quantize", "float.tflite", *data, "--eval", "more.npz", "--eval", "more.npz"))
    assert (document()["samples"], document()["output"]) == (60, "q.mcuq")
    assert document()["accuracy"] is not None
    succeeded(mcuq("quantize", "float.tflite", *data, "--eval", "more.npz", "--no-labels"))
    assert document()["accuracy"] is document()["drop_points"] is None
    assert document()["agreement"] > 0.9


def test_quantize_warns_of_few_and_of_strange_data() -> None:
    """What looks wrong is a warning, on standard error and in the JSON."""
    np.savez("strange.npz", x=np.ones((20, 8, 8, 1), np.float32), y=np.zeros(20, int))
    result = mcuq("quantize", "float.tflite", "--data", "strange.npz", "--json", "out.json")
    succeeded(result)
    assert "warning:" in result.stderr
    assert any("only 20 calibration samples" in sentence for sentence in document()["warnings"])
    assert any("1 everywhere" in sentence for sentence in document()["warnings"])
    assert "flatters" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("float.tflite",), ("no data", "--data")),
        (("--data", "digits.npz"), ("no model", "mcuq quantize")),
        (("float.tflite", "--data", "none.npz"), ("no file 'none.npz'",)),
        (("int8.tflite", "--data", "digits.npz"), ("layer", "int8")),
        (("float.tflite", "--data", "digits.npz", "--recipe", "int9"), ("no recipe 'int9'", "int8")),
        (("float.tflite", "--data", "digits.npz", "--recipe", "bad.toml"), ("recipe 'bad'", "layer")),
        (("float.tflite", "--data", "digits.npz", "--recipe", "int8-q", "-o", "q.tflite"), ("cannot say",)),
        (("float.tflite", "--data", "digits.npz", "--resize", "8"), ("--resize",)),
        (("float.tflite", "--data", "digits.npz", "--mean", "a,b"), ("--mean",)),
        (("float.tflite", "--data", "digits.npz", "--op", "none.py"), ("none.py",)),
    ],
)
def test_quantize_names_what_is_wrong(arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    """Status 2, the fact and the place, no traceback."""
    Path("bad.toml").write_text('[[rules]]\nlayer = "nothing"\nweight_bits = 4\n')
    failed(mcuq("quantize", *arguments), *words)


def test_nan_weights_name_their_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A diverged training is not quantized."""
    graph = pipeline.load("float.tflite")
    node = next(node for node in graph.nodes if node.op == "FULLY_CONNECTED")
    constant = graph.constant(node.inputs[1])
    broken = constant.values.copy()
    broken[0, 0] = np.nan
    values = {
        **graph.values,
        constant.name: type(constant)(constant.name, constant.shape, constant.dtype, None, broken),
    }
    spoiled = type(graph)(graph.name, values, graph.nodes, graph.inputs, graph.outputs)
    monkeypatch.setattr(pipeline, "load", lambda path: spoiled)
    failed(mcuq("quantize", "float.tflite", "--data", "digits.npz"), "NaN", node.origin[-1][:20])


def test_eval_measures_a_model_alone() -> None:
    """Accuracy, calibration of the predictions and size; what needs a reference is null."""
    text = succeeded(mcuq("eval", "int8.tflite", "--data", "digits.npz", "--json", "out.json"))
    assert "expected calibration error" in text
    found = document()
    assert found["accuracy"] > 0.9
    assert found["reliability"]["bins"]
    assert [found[key] for key in ("float_accuracy", "drop_points", "agreement", "sqnr_db")] == [None] * 4


def test_eval_against_a_reference() -> None:
    """With agreement, SQNR and the drop; the interpreter gives the same figures as C."""
    arguments = ("eval", "int8.tflite", "--reference", "float.tflite", "--data", "digits.npz", "--json", "out.json")
    succeeded(mcuq(*arguments))
    compiled = document()
    assert [key for key in AT_LEAST if compiled[key] is None] == []
    succeeded(mcuq(*arguments, "--interpreter"))
    assert document()["engine"] == "interpreter"
    assert [document()[key] for key in ("accuracy", "agreement")] == [
        compiled[key] for key in ("accuracy", "agreement")
    ]


def test_eval_disturbs_inputs() -> None:
    """--perturb gives a curve, float beside quantized; JSON on standard output stays alone there."""
    result = mcuq(
        *("eval", "int8.tflite", "-r", "float.tflite", "--data", "digits.npz", "--limit", 40),
        *("--perturb", "noise", "--perturb", "shift", "--json", "-"),
    )
    assert result.exit_code == 0, result.output
    points = json.loads(result.stdout)["robustness"]
    assert {point["perturbation"] for point in points} == {"noise", "shift"}
    assert all(point["reference_accuracy"] is not None for point in points)
    assert "stability" in result.stderr
    failed(mcuq("eval", "int8.tflite", "--data", "digits.npz", "--perturb", "rain"), "rain", "brightness")


def test_analyze_writes_table_json_and_page() -> None:
    """Each layer, ranked fixes, one page."""
    text = succeeded(
        mcuq(
            *("analyze", "float.tflite", "--data", "digits.npz", "--samples", 40, "--analysis-samples", 12),
            *("--fixes", 2, "--json", "out.json", "--html", "page.html"),
        )
    )
    assert "hurts most" in text
    found = document()
    assert len(found["layers"]) == 14
    assert len(found["fixes"]) == 2
    assert Path("page.html").read_text().startswith("<!DOCTYPE html>")


def test_compare_puts_two_models_side_by_side() -> None:
    """Accuracy, agreement, SQNR, flash, RAM, MACs, and the same keys as the others."""
    text = succeeded(mcuq("compare", "int8.tflite", "float.tflite", "--data", "digits.npz", "--json", "out.json"))
    for word in ("accuracy", "agreement", "SQNR", "flash", "RAM", "MACs"):
        assert word in text
    found = document()
    assert [key for key in AT_LEAST if found[key] is None] == []
    assert found["reference_sizes"]["weight_bytes"] == 4 * found["weight_bytes"]


def test_compare_takes_recipes_for_one_model() -> None:
    """Both are quantized on the same samples and measured on the others."""
    data = ("--data", "digits.npz", "--samples", 50, "--json", "out.json")
    text = succeeded(mcuq("compare", "int8", "int16x8", "--model", "float.tflite", *data))
    assert "float int8" in text
    assert document()["samples"] == 70
    failed(mcuq("compare", "mine.toml", "float.tflite", "--data", "digits.npz"), "--model")


@pytest.fixture(scope="session")
def toolchain() -> None:
    """Skips where firmware cannot be built and run."""
    pytest.importorskip("unicorn", reason="The simulator needs unicorn.")
    try:
        find_toolchain(pipeline.find_board("cortex-m4"))
    except ToolMissing as missing:
        pytest.skip(str(missing))


def test_compare_on_a_board_adds_instructions(toolchain: None) -> None:
    """And what the whole firmware takes."""
    arguments = ("compare", "int8.tflite", "float.tflite", "--data", "digits.npz", "--board", "cortex-m4")
    text = succeeded(mcuq(*arguments, "--json", "out.json"))
    assert "instructions" in text
    first, second = document()["on_board"]
    assert first["instructions"]["median"] < second["instructions"]["median"]
    assert first["bit_exact"]


def test_build_quantizes_on_the_way(toolchain: None) -> None:
    """A float model with --data becomes firmware of the recipe, which runs bit for bit."""
    arguments = ("--board", "cortex-m4", "-o", "out", "--data", "digits.npz", "--samples", 40)
    succeeded(mcuq("build", "float.tflite", *arguments, "--recipe", "int8"))
    assert (
        pipeline.open_build(Path("out")).graph.tensor(pipeline.open_build(Path("out")).graph.inputs[0]).dtype.name
        == "int8"
    )
    text = succeeded(mcuq("run", "out", "--data", "digits.npz", "--limit", 20, "--bit-exact"))
    assert "bit-exact" in text


def test_the_project_file_says_recipe_and_data() -> None:
    """mcuq.toml is enough for `mcuq quantize` and `mcuq eval`."""
    write_project(Project(model="float.tflite", data="digits.npz", recipe="int16x8"), Path())
    assert "recipe 'int16x8'" in succeeded(mcuq("quantize", "--samples", 40))
    assert "accuracy" in succeeded(mcuq("eval"))


def test_an_op_of_the_user_comes_by_option(root: Path, toolchain: None) -> None:
    """--op makes the guide's LEAKY_RELU known for one command, from inspect to the simulator."""
    guide = (root / "mcuq" / "ops" / "README.md").read_text(encoding="utf-8")
    example = next(block for block in re.findall(r"```python\n(.*?)```", guide, re.DOTALL) if "LEAKY_RELU:" in block)
    Path("leaky_relu.py").write_text(example)
    Path("leaky.tflite").write_bytes(model_bytes())
    np.savez("x.npz", x=np.arange(-128, 128, dtype=np.int8).reshape(4, 64))
    failed(mcuq("inspect", "leaky.tflite"), "LEAKY_RELU")
    assert "LEAKY_RELU" in succeeded(mcuq("inspect", "leaky.tflite", "--op", "leaky_relu.py"))
    op = ("--op", "leaky_relu.py", "--bit-exact")
    assert "bit-exact" in succeeded(mcuq("run", "leaky.tflite", "--board", "cortex-m4", "--data", "x.npz", *op))
    failed(mcuq("inspect", "leaky.tflite"), "LEAKY_RELU")
