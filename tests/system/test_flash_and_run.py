"""`mcuq run --port --flash` on a board that is QEMU behind a pseudo terminal, written to by a stand-in for st-flash."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mcuq import pipeline
from mcuq.artifacts import Build
from mcuq.cli.app import app
from mcuq.errors import ToolMissing
from mcuq.run.flash_files import flash_bytes

pytestmark = pytest.mark.system
BOARD = "netduinoplus2"

ST_FLASH = """#!{python}
import os, pathlib, sys, time
flash, done = pathlib.Path({flash!r}), pathlib.Path({done!r})
if {writes}:
    done.unlink(missing_ok=True)
    waiting = flash.with_suffix(".new")
    waiting.write_bytes(open(sys.argv[-2], "rb").read())
    os.replace(waiting, flash)
    deadline = time.monotonic() + 20
    while not done.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
print("Flash written and verified! jolly good!", file=sys.stderr)
"""


class Bench:
    """A board on a bench: what lies in `flash` runs, and starts anew when it is written; `path` is its serial port."""

    def __init__(self, folder: Path, program: bytes) -> None:
        self.flash, self.done = folder / "flash.bin", folder / "restarted"
        self.flash.write_bytes(program)
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._socket_path = folder / "uart"
        self._is_over = False
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Power off."""
        self._is_over = True
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)

    def _live(self) -> None:
        while not self._is_over:
            written = self.flash.stat().st_mtime_ns
            with self._powered() as uart:
                self.done.touch()
                while not self._is_over and self.flash.stat().st_mtime_ns == written:
                    ready = select.select([uart, self._master], [], [], 0.05)[0]
                    if uart in ready:
                        os.write(self._master, uart.recv(4096))
                    if self._master in ready:
                        uart.sendall(os.read(self._master, 4096))

    @contextlib.contextmanager
    def _powered(self) -> Iterator[socket.socket]:
        self._socket_path.unlink(missing_ok=True)
        run = pipeline.find_board(BOARD).run.qemu
        assert run is not None
        unused = ["-serial", "null"] * run.serial_index
        command = [run.program, "-M", run.machine, "-kernel", str(self.flash), "-display", "none", "-monitor", "none"]
        command += [*unused, "-serial", f"unix:{self._socket_path},server=on,wait=off"]
        with subprocess.Popen(command) as process, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as uart:
            try:
                deadline = time.monotonic() + 10
                while True:
                    try:
                        uart.connect(str(self._socket_path))
                        break
                    except OSError:
                        assert time.monotonic() < deadline, "QEMU opened no socket"
                        time.sleep(0.02)
                yield uart
            finally:
                process.kill()


@pytest.fixture(scope="module")
def builds(digits_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Build, Build]:
    """Two programs of the board: the demo, and the demo by another name, whose hash is another."""
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("qemu-system-arm is not installed")
    folder = tmp_path_factory.mktemp("builds")
    graph, board = pipeline.load(digits_model), pipeline.find_board(BOARD)
    try:
        first = pipeline.build(graph, board, folder / "first", name="first")
        return first, pipeline.build(replace(graph, name="another"), board, folder / "second", name="second")
    except ToolMissing as error:
        pytest.skip(str(error))


@pytest.fixture
def bench(builds: tuple[Build, Build], tmp_path: Path) -> Iterator[Bench]:
    """The board with the first program in its flash."""
    first = builds[0]
    bench = Bench(tmp_path, flash_bytes(first.image.path, first.board))
    yield bench
    bench.close()


def put_st_flash(bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch, *, writes: bool) -> None:
    """A st-flash in front of all others, the only tool that the board is flashed with."""
    folder.mkdir()
    program = folder / "st-flash"
    text = ST_FLASH.format(python=sys.executable, flash=str(bench.flash), done=str(bench.done), writes=writes)
    program.write_text(text)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("mcuq.run.flash_pyocd.importlib.util.find_spec", lambda _name: None)
    if shutil.which("openocd") is not None:
        pytest.skip("openocd is installed and goes before st-flash")


def run(build: Build, data: Path, port: str, *more: str) -> tuple[int, str]:
    """`mcuq run` on the port: exit status and what it says, on one line."""
    command = ["run", str(build.folder), "-d", str(data), "--limit", "5", "--port", port, *more]
    done = CliRunner().invoke(app, command)
    return done.exit_code, " ".join(done.output.split())


def test_the_other_program_is_refused_until_it_is_flashed(
    bench: Bench, builds: tuple[Build, Build], digits_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --flash the wrong firmware is named; with it the right one is written and every byte is right."""
    first, second = builds
    put_st_flash(bench, tmp_path / "bin", monkeypatch, writes=True)
    code, said = run(first, digits_data, bench.path)
    assert code == 0, said
    code, said = run(second, digits_data, bench.path)
    assert code == 2, said
    hashes = [build.sources.model_hash[:16] for build in builds]
    assert hashes[0] != hashes[1]
    assert f"the device runs model 'first' ({hashes[0]}), not {hashes[1]}" in said
    code, said = run(second, digits_data, bench.path, "--flash", "--json", str(tmp_path / "r.json"))
    assert code == 0, said
    assert "by st-flash, verified" in said
    assert f"it answers: model second ({hashes[1]})" in said
    verdict = json.loads((tmp_path / "r.json").read_text())
    assert (verdict["bit_exact"], verdict["link"], verdict["samples"]) == (True, "serial", 5)
    assert run(first, digits_data, bench.path)[0] == 2


def test_a_tool_that_wrote_nothing_is_found_out(
    bench: Bench, builds: tuple[Build, Build], digits_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flashing tool may say that all is well: what the board answers decides, and nothing is measured."""
    put_st_flash(bench, tmp_path / "bin", monkeypatch, writes=False)
    code, said = run(builds[1], digits_data, bench.path, "--flash", "--json", str(tmp_path / "r.json"))
    assert code == 2, said
    assert "the device runs model 'first'" in said
    assert not (tmp_path / "r.json").exists()
