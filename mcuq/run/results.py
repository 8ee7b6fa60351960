"""Answers on disk as they come: an append-only file, so that a killed run loses nothing and can go on."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mcuq.errors import InvalidProject
from mcuq.run.locks import port_name

try:
    import fcntl
except ImportError:  # Windows: two runs of one build are the user's care there
    fcntl = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class RunKey:
    """What makes answers comparable: they may only be continued where all of it is the same."""

    model_hash: str
    data_hash: str
    samples: int
    board: str
    link: str
    options: str

    def differs_from(self, other: Mapping[str, Any]) -> str:
        """The fields that are not the same, as words."""
        names = [name.replace("_", " ") for name, value in asdict(self).items() if other.get(name) != value]
        return ", ".join(names)


class Results:
    """The answers of one run by sample; a context manager that closes its file.

    The first line is the key, each further one a sample: outputs in base64, ticks, and a CRC-32 of both.
    """

    def __init__(self, path: Path, key: RunKey, *, resume: bool) -> None:
        """With `resume` what `path` holds is kept. Raises InvalidProject where it is of another run, or is in use."""
        self._path = path
        self.done: dict[int, tuple[bytes, ...]] = {}
        self._file = path.open("r+b" if path.exists() else "w+b")
        try:
            self._lock()
            self._begin(key, resume)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Results:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def add(self, sample: int, outputs: tuple[bytes, ...]) -> None:
        """Append one answer; it is in the file when this returns."""
        self.done[sample] = outputs
        self._append(_line(sample, outputs))

    def close(self) -> None:
        """Close the file; its lock goes with it."""
        self._file.close()

    def _begin(self, key: RunKey, resume: bool) -> None:
        lines = self._file.read().split(b"\n") if resume else []
        head = _parsed(lines[0]) if lines else None
        if resume and head is not None:
            different = key.differs_from(head)
            if different:
                raise InvalidProject(
                    f"the results in {self._path} are of another run ({different}); run without --resume to begin anew"
                )
            size = self._take(lines)
        else:
            size = 0
        self._file.seek(size)
        self._file.truncate()
        if not size:
            self._append(json.dumps(asdict(key)).encode())

    def _take(self, lines: list[bytes]) -> int:
        """Keep every whole line; returns where the last of them ends. What a kill cut short comes after that."""
        end = len(lines[0]) + 1
        for line in lines[1:-1]:
            record = _parsed(line)
            answer = None if record is None else _answer(record)
            if answer is None:
                break
            self.done[answer[0]] = answer[1]
            end += len(line) + 1
        return end

    def _append(self, line: bytes) -> None:
        self._file.write(line + b"\n")
        self._file.flush()

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InvalidProject(
                f"another run is writing {self._path}; wait for its end, or build into another folder (-o)"
            ) from error


def _line(sample: int, outputs: tuple[bytes, ...]) -> bytes:
    encoded = [base64.b64encode(output).decode() for output in outputs]
    return json.dumps({"sample": sample, "outputs": encoded, "crc": _crc(sample, outputs)}).encode()


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _answer(record: Mapping[str, Any]) -> tuple[int, tuple[bytes, ...]] | None:
    try:
        sample, outputs = record["sample"], tuple(base64.b64decode(text, validate=True) for text in record["outputs"])
    except (KeyError, TypeError, binascii.Error):
        return None
    return (sample, outputs) if record.get("crc") == _crc(sample, outputs) else None


def _crc(sample: int, outputs: tuple[bytes, ...]) -> int:
    return zlib.crc32(b"".join(outputs), sample)


def results_path(folder: Path, link: str, port: str | None = None) -> Path:
    """Where the answers of a build on that link (and port: several boards may run at once) lie."""
    place = link if port is None else f"{link}-{port_name(port)}"
    return folder / f"results-{place}.jsonl"
