"""No child outlives mcuq, however mcuq ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mcuq.run import processes
from mcuq.run.processes import ChildProcess, sweep

pytestmark = pytest.mark.skipif(os.name != "posix", reason="process groups are a thing of POSIX")

PATIENCE_S = 20.0

# A mcuq that starts a child, tells its number and folder, and then does what it is told. What starts
# tests in the background, or without a terminal, has them ignore signals that a user's mcuq heeds.
OWNER = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from mcuq.run.processes import ChildProcess
child = ChildProcess()
print(child.start(["sleep", "600"]).pid, child.folder, flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder and a temporary folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path / "cache" / "mcuq" / "devices"


def is_alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    return processes._start_of(pid) is not None


def wait_until_gone(pid: int) -> bool:
    """Whether the process is gone within a while."""
    deadline = time.monotonic() + PATIENCE_S
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_alive(pid)


def start_owner() -> tuple[subprocess.Popen[str], int, Path]:
    """Another mcuq with a child: its process, the child's number and folder."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid, folder = owner.stdout.readline().split()
    return owner, int(pid), Path(folder)


def finish(owner: subprocess.Popen[str]) -> None:
    """Take leave of the other mcuq."""
    owner.wait(PATIENCE_S)
    assert owner.stdin is not None
    assert owner.stdout is not None
    owner.stdin.close()
    owner.stdout.close()


def test_end_kills_the_child_and_removes_folder_and_record(cache: Path) -> None:
    """After `end` neither process nor folder nor record is left; ending twice is fine."""
    child = ChildProcess()
    pid = child.start(["sleep", "600"]).pid
    assert child.exit_status is None
    assert len(list(cache.iterdir())) == 1
    child.end()
    child.end()
    assert not is_alive(pid)
    assert not child.folder.exists()
    assert list(cache.iterdir()) == []


def test_a_child_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not end when asked is killed, with its own children."""
    monkeypatch.setattr(processes, "_END_TIMEOUT_S", 0.2)
    child = ChildProcess()
    process = child.start(["sh", "-c", "trap '' TERM; sleep 600 & echo $!; wait; sleep 600"], pipe_output=True)
    assert process.stdout is not None
    grandchild = int(process.stdout.readline())
    child.end()
    assert process.returncode is not None
    assert wait_until_gone(grandchild)


def test_the_childs_last_words_are_kept() -> None:
    """The tail of standard error and the exit status are there for a message."""
    child = ChildProcess()
    child.start(["sh", "-c", "for i in 1 2 3 4 5 6 7; do echo line $i >&2; done; exit 4"]).wait(PATIENCE_S)
    assert child.exit_status == 4
    assert child.error_tail(2) == "line 6; line 7"
    child.end()
    assert child.error_tail() == ""


def test_a_command_that_does_not_exist_is_an_os_error(cache: Path) -> None:
    """Nothing is left of a child that could not be started."""
    child = ChildProcess()
    with pytest.raises(OSError, match="no-such-program"):
        child.start(["/no-such-program"])
    child.end()
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("how", [None, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_nothing_is_left_when_mcuq_ends(cache: Path, how: signal.Signals | None) -> None:
    """At its normal end and after SIGTERM, SIGHUP and Ctrl-C: no child, no folder, no record."""
    owner, pid, folder = start_owner()
    assert folder.is_dir()
    if how is None:
        owner.communicate("\n", PATIENCE_S)
    else:
        owner.send_signal(how)
    finish(owner)
    assert owner.returncode == (0 if how is None else -how)
    assert wait_until_gone(pid)
    assert not folder.exists()
    assert list(cache.iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends a child with its parent")
def test_a_kill_9_takes_the_child_along_and_the_sweep_the_rest(cache: Path) -> None:
    """The kernel ends the child at once; folder and record are removed by the next mcuq."""
    owner, pid, folder = start_owner()
    owner.kill()
    finish(owner)
    assert wait_until_gone(pid)
    assert folder.is_dir()
    assert sweep() == 1
    assert not folder.exists()
    assert list(cache.iterdir()) == []


def write_record(cache: Path, child: subprocess.Popen[bytes], folder: Path, owner: int, started: str | None) -> Path:
    """A record as another mcuq would have left it."""
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / "record.json"
    facts = {
        "owner": owner,
        "owner_started": started,
        "child": child.pid,
        "child_started": processes._start_of(child.pid),
        "folder": str(folder),
    }
    path.write_text(json.dumps(facts), encoding="utf-8")
    return path


def test_the_sweep_kills_a_child_whose_owner_is_gone(cache: Path, tmp_path: Path) -> None:
    """A living child of a dead mcuq is killed; a number that another process has by now is not the owner."""
    folder = tmp_path / "mcuq-device-x"
    folder.mkdir()
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    record = write_record(cache, child, folder, os.getpid(), "long ago")
    assert sweep() == 1
    assert child.wait(PATIENCE_S) == -signal.SIGKILL
    assert not folder.exists()
    assert not record.exists()


def test_the_sweep_spares_the_children_of_the_living(cache: Path, tmp_path: Path) -> None:
    """A record whose owner lives stays, with its child and folder."""
    folder = tmp_path / "mcuq-device-x"
    folder.mkdir()
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    record = write_record(cache, child, folder, os.getpid(), processes._start_of(os.getpid()))
    try:
        assert sweep() == 0
        assert child.poll() is None
        assert folder.is_dir()
        assert record.exists()
    finally:
        child.kill()
        child.wait(PATIENCE_S)


def test_the_sweep_touches_only_folders_of_its_own(cache: Path, tmp_path: Path) -> None:
    """A record that names some other folder does not get it removed, and rubbish is passed over."""
    mine = tmp_path / "my thesis"
    mine.mkdir()
    child = subprocess.Popen(["true"], start_new_session=True)
    child.wait(PATIENCE_S)
    write_record(cache, child, mine, 1, "long ago")
    (cache / "broken.json").write_text("{", encoding="utf-8")
    assert sweep() == 1
    assert mine.is_dir()


def test_an_unwritable_cache_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a place for records, children run and end as ever."""
    blocked = tmp_path / "blocked"
    blocked.write_text("a file", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    child = ChildProcess()
    pid = child.start(["sleep", "600"]).pid
    child.end()
    assert not is_alive(pid)
    assert sweep() == 0
