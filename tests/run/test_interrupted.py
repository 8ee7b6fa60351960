"""Runs that are interrupted at random times leave nothing behind: no process, port, lock or temporary file.

MCUQ_INTERRUPTED_RUNS says how many (200 for the full figure); what a kill -9 leaves is swept at the next start.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from mcuq import demo, pipeline
from mcuq.errors import ToolMissing
from mcuq.run.locks import holders_of
from tests.run.terminals import native

RUNS = int(os.environ.get("MCUQ_INTERRUPTED_RUNS", "8"))
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
LONGEST_S = 2.0
# A shell that starts tests in the background has them ignore SIGINT, and so would every run.
_HEED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
MCUQ = (sys.executable, "-c", f"{_HEED}; from mcuq.cli import main; main()")

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc to see every process")


@pytest.fixture
def world(tmp_path: Path) -> dict[str, str]:
    """Cache and temporary files in folders of the test's own, by which its processes are known too."""
    places = {"TMPDIR": str(tmp_path / "tmp"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    for place in places.values():
        Path(place).mkdir()
    return {**os.environ, **places}


@pytest.fixture
def builds(tmp_path: Path) -> dict[str, Path]:
    """A build of the demo per kind of link that this computer has."""
    boards = {"host": "host"}
    if find_spec("unicorn"):
        boards["sim"] = "cortex-m4"
    if shutil.which("qemu-system-arm"):
        boards["qemu"] = "cortex-m4"
    graph = pipeline.load(demo.model_path())
    try:
        return {
            link: pipeline.build(graph, pipeline.find_board(board), tmp_path / link).folder
            for link, board in boards.items()
        }
    except ToolMissing as error:
        pytest.skip(str(error))


def processes_of(place: str) -> Iterator[str]:
    """The processes that were started with this TMPDIR, but for those that tests started themselves."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "environ").read_bytes().split(b"\0")
            if f"TMPDIR={place}".encode() in words:
                yield (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue


def files_in(folder: str) -> list[Path]:
    """Every file and folder below."""
    return sorted(path for path in Path(folder).rglob("*") if path.is_file() or not any(path.iterdir()))


def test_interrupted_runs_leave_nothing(world: dict[str, str], builds: dict[str, Path], tmp_path: Path) -> None:
    """After runs on every link that SIGINT, SIGTERM or SIGKILL ends at any time, one more run on each cleans up."""
    dice, outcomes = random.Random(3), []
    kept = {folder: sorted(path.name for path in folder.iterdir()) for folder in builds.values()}
    work = tmp_path / "work"
    work.mkdir()
    with native(builds["host"] / "firmware.elf") as port:
        ways = [(link, folder, []) for link, folder in builds.items()] + [("serial", builds["host"], ["--port", port])]
        ways += [("host", demo.model_path(), ["--board", "host"])]  # which builds first
        for turn in range(RUNS):
            link, folder, more = ways[turn % len(ways)]
            command = [*MCUQ, "run", str(folder), "--link", link, *more, "--data", str(demo.data_path())]
            process = subprocess.Popen(
                command,
                cwd=work,
                env=world,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            time.sleep(dice.uniform(0.0, LONGEST_S))
            process.send_signal(dice.choice(SIGNALS))
            outcomes.append(process.wait(30))
        for link, folder, more in ways:
            command = [*MCUQ, "run", str(folder), "--link", link, *more, "--data", str(demo.data_path())]
            done = subprocess.run([*command, "--limit", "5", "--bit-exact"], cwd=work, env=world, check=False)
            assert done.returncode == 0
        assert holders_of(port) == ()
    time.sleep(0.2)
    print(f"{RUNS} runs: {sorted(Counter(outcomes).items())}")
    assert len(outcomes) == RUNS
    assert 2 not in outcomes, "an interrupted run kept a later one from starting"
    assert -signal.SIGKILL in outcomes
    assert any(outcome not in (0, -signal.SIGKILL) for outcome in outcomes)
    assert list(processes_of(world["TMPDIR"])) == []
    assert files_in(world["TMPDIR"]) == []
    assert [path for path in files_in(world["XDG_CACHE_HOME"]) if path.is_file()] == []
    assert [path.name for path in work.rglob(".*")] == []
    for folder, names in kept.items():
        left = sorted(path.name for path in folder.iterdir() if not path.name.startswith("results-"))
        assert left == names
