"""Two results side by side: what changed, in which direction, and what a pull request shows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mcuq.report.changes import changes, identity_changes, markdown

OLD = {
    "board": "cortex-m4",
    "accuracy": 0.9,
    "ram_bytes": 1000,
    "flash_bytes": {"total": 5000, "code": None},
    "macs": 0,
}
NEW = {"board": "cortex-m4", "accuracy": 0.88, "ram_bytes": 900, "flash_bytes": {"total": 5000, "code": 10}, "macs": 0}


def diff(folder: Path, old: object, new: object, *options: str) -> subprocess.CompletedProcess[str]:
    """`mcuq diff` of two documents."""
    for name, document in (("old.json", old), ("new.json", new)):
        (folder / name).write_text(document if isinstance(document, str) else json.dumps(document))
    command = [sys.executable, "-c", "from mcuq.cli import main; main()", "diff", "old.json", "new.json", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_changes_know_their_direction() -> None:
    """Less accuracy is worse, less RAM is better, and a figure that only one document has is left out."""
    found = {change.figure.path: change for change in changes(OLD, NEW)}
    assert set(found) == {"accuracy", "ram_bytes", "flash_bytes.total", "macs"}
    assert found["accuracy"].worse_percent == pytest.approx(2.222, abs=1e-3)
    assert found["ram_bytes"].worse_percent == -10
    assert found["flash_bytes.total"].worse_percent == 0


def test_a_pull_request_shows_figures_and_what_differs() -> None:
    """The Markdown names a different board, and has one row a figure with its direction."""
    other: dict[str, Any] = {**NEW, "board": "cortex-m7"}
    text = markdown("net", changes(OLD, other), identity_changes(OLD, other))
    assert "> not the same: board: cortex-m4 to cortex-m7" in text
    assert "| RAM | 1,000 bytes | 900 bytes | -10.00 % better |" in text
    assert "| accuracy | 0.9000 | 0.8800 | -2.22 % worse |" in text
    assert "| flash | 5,000 bytes | 5,000 bytes | = |" in text


def test_the_gate_of_diff(tmp_path: Path) -> None:
    """A figure that is worse by more than allowed ends with status 1 and its name; within the limit all is well."""
    assert diff(tmp_path, OLD, NEW, "--max-worse", "3").returncode == 0
    done = diff(tmp_path, OLD, NEW, "--max-worse", "1", "--markdown", "-")
    assert done.returncode == 1
    assert "accuracy is 2.22 % worse" in done.stderr
    assert done.stdout.startswith("### ")


@pytest.mark.parametrize(
    ("new", "words"),
    [("[1]", "no JSON object"), ("{", "not JSON"), ({"board": "x"}, "no figure in common")],
)
def test_what_is_no_result_is_refused(new: object, words: str, tmp_path: Path) -> None:
    """Files that are no results end with status 2 and a sentence."""
    done = diff(tmp_path, OLD, new)
    assert done.returncode == 2
    assert words in done.stderr


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A path that does not exist is named."""
    command = [sys.executable, "-c", "from mcuq.cli import main; main()", "diff", "no.json", "no.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no.json does not exist" in done.stderr
