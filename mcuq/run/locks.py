"""One mcuq a port: locks that the kernel lets go of even after a kill -9, and who holds a port."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mcuq.errors import LinkLost

try:
    import fcntl
except ImportError:  # Windows opens a port for one program only
    fcntl = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a port open."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command or 'unknown program'})"


class PortLock:
    """The lock of one port: a file in the user's cache folder, locked while it is held and gone afterwards."""

    def __init__(self, port: str) -> None:
        self._port = port
        self._path = locks_folder() / f"{port_name(port)}.lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take it at once or raise LinkLost naming the process that has it."""
        if fcntl is None or self._descriptor is not None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        while self._descriptor is None:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(descriptor)
                raise LinkLost(
                    f"port {self._port} is busy: {self._holder()} of mcuq uses it; wait for its end, or end it"
                ) from error
            if _is_file(descriptor, self._path):
                self._descriptor = descriptor
            else:
                os.close(descriptor)  # the last holder removed it in between
        record = {"pid": os.getpid(), "command": " ".join(sys.argv)[:200], "port": self._port}
        os.truncate(self._descriptor, 0)
        os.write(self._descriptor, json.dumps(record).encode())

    def release(self) -> None:
        """Let it go; may be called more than once."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(descriptor)

    def _holder(self) -> str:
        try:
            record = json.loads(self._path.read_text(encoding="utf-8"))
            return str(Holder(record["pid"], record["command"]))
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"


def port_name(port: str) -> str:
    """A port as a part of a file name, the same for every path that leads to it."""
    place = port if "://" in port else os.path.realpath(port)
    return re.sub(r"[^A-Za-z0-9.]+", "-", place).strip("-")


def locks_folder() -> Path:
    """Where the locks lie."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(cache) / "mcuq" / "ports"


def sweep_locks() -> int:
    """Remove the files of locks that nobody holds any more (their owner was killed); returns how many there were."""
    swept = 0
    for path in sorted(locks_folder().glob("*.lock")) if fcntl is not None else ():
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_file(descriptor, path):
                    path.unlink()
                    swept += 1
            finally:
                os.close(descriptor)
    return swept


def holders_of(port: str) -> tuple[Holder, ...]:
    """The other processes that have `port` open, where the system tells (Linux); not the device behind a terminal."""
    wanted = os.path.realpath(port)
    found = []
    for pid, files in _open_files():
        if pid != os.getpid() and wanted in files and not (wanted.startswith("/dev/pts/") and "/dev/ptmx" in files):
            found.append(Holder(pid, _command_of(pid)))
    return tuple(found)


def _open_files() -> Iterator[tuple[int, set[str]]]:
    for folder in Path("/proc").glob("[0-9]*"):
        files = set()
        with contextlib.suppress(OSError):
            for entry in (folder / "fd").iterdir():
                with contextlib.suppress(OSError):
                    files.add(str(entry.readlink()).replace("/dev/pts/ptmx", "/dev/ptmx"))
        if files:
            yield int(folder.name), files


def _command_of(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return b" ".join(words).decode("utf-8", "replace").strip()[:80]


def _is_file(descriptor: int, path: Path) -> bool:
    """Whether the open file is still the one of that name."""
    try:
        there, mine = path.stat(), os.fstat(descriptor)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)
