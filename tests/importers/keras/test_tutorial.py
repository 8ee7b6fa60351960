"""The tutorial from Keras to Zephyr works as it is written, up to where Zephyr's own tools begin."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mcuq.cli import app
from tests.importers.keras.compare import keras_module


def test_the_commands_of_the_tutorial(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its model is trained, its commands run in order, and the module stands where it says."""
    keras_module()
    pytest.importorskip("unicorn", reason="the simulator is not installed")
    text = (root / "docs" / "tutorials" / "keras-to-zephyr.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(program, "tutorial.py", "exec"), {"__name__": "tutorial"})
    commands = re.findall(r"^    mcuq (.+)$", text, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["quantize", "run", "profile", "codegen"]
    for command in commands:
        done = CliRunner().invoke(app, shlex.split(command))
        assert done.exit_code == 0, done.output
    assert (tmp_path / "modules/sign/zephyr/module.yml").is_file()
    assert (tmp_path / "modules/sign/samples/sign/src/main.c").is_file()
