"""Child processes that never outlive mcuq: ended on close, at exit and on signals, swept later after a kill -9."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from mcuq.run.locks import sweep_locks

_PREFIX = "mcuq-device-"
_END_TIMEOUT_S = 2.0
_PR_SET_PDEATHSIG = 1

_living: set[ChildProcess] = set()


class ChildProcess:
    """A child with a temporary folder of its own; both are gone after `end`.

    A record in the user's cache folder says whose child it is, so that the next mcuq can sweep what a kill -9 left.
    On Linux the kernel kills the child as soon as the thread that started it ends.
    """

    def __init__(self) -> None:
        sweep_once()
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._record = _records_folder() / f"{os.getpid()}-{self.folder.name}.json"
        self._process: subprocess.Popen[bytes] | None = None
        self._write_record(None)
        _living.add(self)
        _end_children_on_signals()

    def start(
        self, command: Sequence[str], *, pipe_output: bool = False, keep_input: bool = False
    ) -> subprocess.Popen[bytes]:
        """Start `command`; its standard error goes to a file, its standard output too unless it is piped.

        With `keep_input` its standard input stays open, for `type`; else it is empty.
        Raises OSError when it cannot be started.
        """
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if keep_input else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe_output else errors,
                stderr=errors,
                start_new_session=True,
                preexec_fn=_die_with_parent(),
            )
        self._write_record(self._process.pid)
        return self._process

    def type(self, text: bytes, patience_s: float) -> None:
        """Write to its standard input, close that, and wait for its end, but not for longer than `patience_s`."""
        process = self._process
        if process is None or process.stdin is None:
            return
        with contextlib.suppress(OSError):
            process.stdin.write(text)
            process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)

    @property
    def exit_status(self) -> int | None:
        """Its exit status, None while it runs (or was not started)."""
        return self._process.poll() if self._process is not None else None

    def wait_a_moment(self) -> None:
        """Wait until it has ended, but not for long: a connection breaks a moment before the process is gone."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_TIMEOUT_S)

    def error_tail(self, lines: int = 5) -> str:
        """The last lines that it wrote to standard error, or those from the first fatal one on, on one line."""
        try:
            text = self._errors.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        written = [line.strip() for line in text.splitlines() if line.strip()]
        fatal = next((index for index, line in enumerate(written) if "fatal:" in line), None)
        return "; ".join(written[-lines:] if fatal is None else written[fatal : fatal + lines])

    def end(self) -> None:
        """Kill the child and its children, and remove its folder; may be called more than once."""
        _living.discard(self)
        if self._process is not None:
            _kill_group(self._process)
            for stream in (self._process.stdout, self._process.stdin):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._record.unlink()

    @property
    def _errors(self) -> Path:
        return self.folder / "stderr"

    def _write_record(self, child: int | None) -> None:
        record = {
            "owner": os.getpid(),
            "owner_started": _start_of(os.getpid()),
            "child": child,
            "child_started": _start_of(child) if child is not None else None,
            "folder": str(self.folder),
        }
        with contextlib.suppress(OSError):  # an unwritable cache only costs the sweep
            self._record.parent.mkdir(parents=True, exist_ok=True)
            self._record.write_text(json.dumps(record), encoding="utf-8")


def sweep() -> int:
    """End the children, and remove the folders, of mcuq processes that are gone; returns how many there were."""
    swept = 0
    for path in _record_files():
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            owner_lives = _is_same(record["owner"], record["owner_started"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # half written: its owner lives, or the next sweep sees it whole
        if owner_lives:
            continue
        if record.get("child") is not None and _is_same(record["child"], record["child_started"]):
            with contextlib.suppress(OSError):
                os.killpg(record["child"], signal.SIGKILL)
        folder = Path(record["folder"])
        if folder.name.startswith(_PREFIX):
            shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            path.unlink()
        swept += 1
    return swept


def end_all() -> None:
    """End every child that is still there."""
    for child in tuple(_living):
        child.end()


atexit.register(end_all)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGTERM if process.poll() is None else signal.SIGKILL)
    try:
        process.wait(_END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _die_with_parent() -> Callable[[], None] | None:
    """For Linux: asks the kernel to kill the child when its parent dies. Looked up before the fork, called after it."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return ask


def _end_children_on_signals() -> None:
    """SIGTERM and SIGHUP end mcuq without atexit: end the children first; a handler that is set stays."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end_and_die)


def _end_and_die(number: int, _frame: FrameType | None) -> None:
    end_all()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _records_folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(cache) / "mcuq" / "devices"


def _record_files() -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from sorted(_records_folder().glob("*.json"))


_swept: list[bool] = []


def sweep_once() -> None:
    """Sweep what killed mcuq processes left: children, folders, locks; once in the life of this process."""
    if not _swept:
        _swept.append(True)
        sweep()
        sweep_locks()


def _is_same(pid: Any, started: Any) -> bool:
    """Whether process `pid` lives and is the one that started then, not a later one with its number."""
    return isinstance(pid, int) and started is not None and _start_of(pid) == started


def _start_of(pid: int) -> str | None:
    """When process `pid` started, as text that is good for comparing only; None when there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None if Path("/proc/self").exists() else _start_by_ps(pid)
    return None if fields[0] == "Z" else fields[19]


def _start_by_ps(pid: int) -> str | None:
    try:
        done = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
