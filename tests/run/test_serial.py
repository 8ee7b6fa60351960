"""A board on a serial port: every way in which the connection can be wrong, and the message that names it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from mcuq import cli, demo, pipeline
from mcuq.artifacts import Build, Samples
from mcuq.errors import DeviceError, DeviceFault, DeviceTimeout, InvalidProject, LinkLost, ToolMissing
from mcuq.pipeline.validation import device_target
from mcuq.run import locks, serial
from mcuq.run.client import Client
from mcuq.run.connect import answering_ports, connected
from mcuq.run.frames import REPLY, Frame, encode
from mcuq.run.messages import Request, words
from mcuq.run.serial import SerialLink
from tests.run.terminals import GoodDevice, Terminal, native

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo terminals")
pytest.importorskip("serial")

BOOT = encode(Frame(Request.BOOT | REPLY, 0, 0, bytes(24)))
Plug = Callable[..., Terminal]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, where locks lie."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The demo model as a native program."""
    try:
        return pipeline.build(
            pipeline.load(demo.model_path()), pipeline.find_board("host"), tmp_path_factory.mktemp("digits")
        )
    except ToolMissing as error:
        pytest.skip(str(error))


@pytest.fixture
def samples(built: Build) -> Samples:
    """Twenty samples of the demo."""
    return pipeline.load_samples(demo.data_path(), built.graph, 20)


@pytest.fixture
def plug() -> Iterator[Plug]:
    """Makes a scripted device on a terminal, unplugged after the test."""
    with contextlib.ExitStack() as plugged:

        def make(answer: Any, **options: Any) -> Terminal:
            return plugged.enter_context(contextlib.closing(Terminal(answer, **options)))

        yield make


def reach(path: str, built: Build, *, deadline_s: float = 1.2, baud: int = 115_200) -> None:
    """Connect as `mcuq run --port` does."""
    link = SerialLink(path, baud, reconnect_s=0.3)
    with contextlib.closing(link):
        link.open()
        connected(link, device_target(built), pipeline.fault_map(built).describe, deadline_s=deadline_s)


def test_the_native_firmware_is_validated_over_its_port(built: Build, samples: Samples, cache: Path) -> None:
    """A whole run over --port is bit-exact, and neither lock nor port is left."""
    with native(built.image.path) as path:
        measured = pipeline.run(built, samples, port=path)
        assert (measured.link, measured.bit_exact, measured.samples) == ("serial", True, 20)
        assert list((cache / "mcuq" / "ports").iterdir()) == []
        assert locks.holders_of(path) == ()


def test_a_missing_port_is_named(built: Build) -> None:
    """The message names the port and where to look."""
    with pytest.raises(LinkLost, match=r"there is no port /dev/ttyNONE; ports of this computer: .*`mcuq ports` lists"):
        reach("/dev/ttyNONE", built)


def test_a_forbidden_port_names_the_group(built: Build, plug: Plug, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without permission the message says which group to join."""
    path = plug(GoodDevice()).path
    group = Path(path).group()

    def refuse(*_arguments: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(serial, "SerialPort", refuse)
    with pytest.raises(LinkLost, match=rf"no permission for port {path}.* group '{group}'.*usermod -aG {group}"):
        reach(path, built)


def test_a_port_that_another_mcuq_has_names_it(built: Build, plug: Plug, cache: Path) -> None:
    """A second run on the same port is told which process holds its lock, and at once."""
    path = plug(GoodDevice()).path
    code = f"from mcuq.run.locks import PortLock; PortLock({path!r}).acquire(); print('ready', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"ready\n"
        with pytest.raises(LinkLost, match=rf"port {path} is busy: process {other.pid} \(.*\) of mcuq uses it"):
            reach(path, built)
        other.kill()
    assert len(list((cache / "mcuq" / "ports").iterdir())) == 1
    assert locks.sweep_locks() == 1
    assert list((cache / "mcuq" / "ports").iterdir()) == []


def test_a_port_that_another_program_has_names_it(built: Build, plug: Plug) -> None:
    """A terminal program that reads along would steal bytes: the port counts as busy, and the program is named."""
    path = plug(GoodDevice()).path
    code = f"import sys; port = open({path!r}, 'rb', buffering=0); print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"ready\n"
        if not Path("/proc/self/fd").exists():
            pytest.skip("this system does not tell who has a port open")
        with pytest.raises(LinkLost, match=rf"port {path} is busy: process {other.pid} \(.*python.*\) has it open"):
            reach(path, built)
        other.kill()


def test_a_speed_that_the_port_cannot_do_is_named(built: Build, plug: Plug, monkeypatch: pytest.MonkeyPatch) -> None:
    """An impossible baud rate is an error of the option."""

    def refuse(*_arguments: object) -> None:
        raise ValueError("Invalid baud rate: 77")

    monkeypatch.setattr(serial, "SerialPort", refuse)
    with pytest.raises(DeviceError, match="cannot do 77 baud"):
        reach(plug(GoodDevice()).path, built, baud=77)


def test_a_silent_board_is_called_silent(built: Build, plug: Plug, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes back at any speed: the message says what to look at."""
    monkeypatch.setattr(serial, "_BAUD_ANSWER_S", 0.02)
    path = plug(lambda data: b"").path
    with pytest.raises(
        DeviceTimeout, match=r"not one byte came back: no firmware .* RX and TX are not connected.*1152"
    ):
        reach(path, built)


def test_a_wrong_baud_rate_is_found(built: Build, plug: Plug) -> None:
    """A device at another speed sends garbage; the message names the speed at which it answers."""
    good = GoodDevice()
    device = plug(lambda data: good(data) if device.baud == termios.B921600 else bytes(byte | 0x81 for byte in data))
    with pytest.raises(DeviceTimeout, match=r"nothing readable .* answers at 921600 baud: add --baud 921600"):
        reach(device.path, built)
    (found,) = answering_ports((device.path,))
    assert found.hello is not None
    assert (found.baud, found.hello.board) == (921_600, "host")


def test_garbage_at_every_speed_blames_the_line(built: Build, plug: Plug, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are neither frames nor text mean a wrong speed or a bad line."""
    monkeypatch.setattr(serial, "_BAUD_ANSWER_S", 0.02)
    path = plug(lambda data: bytes(byte | 0x81 for byte in data)).path
    with pytest.raises(DeviceTimeout, match=r"in no valid frame: the baud rate is probably wrong, or the line is bad"):
        reach(path, built)


def test_another_program_on_the_board_is_quoted(built: Build, plug: Plug, monkeypatch: pytest.MonkeyPatch) -> None:
    """A board that prints text runs something else; what it says is in the message."""
    monkeypatch.setattr(serial, "_BAUD_ANSWER_S", 0.02)
    path = plug(lambda data: b"MicroPython v1.22\r\n>>> what?\r\n"[: 17 + len(data)]).path
    with pytest.raises(DeviceTimeout, match=r"another program runs there.* prints '(MicroPython v1.22|>>> what.*)'"):
        reach(path, built, deadline_s=0.4)


def test_a_bootloader_that_repeats_itself_restarts(built: Build, plug: Plug, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same line again and again comes from a board that restarts without our firmware."""
    monkeypatch.setattr(serial, "_BAUD_ANSWER_S", 0.02)
    path = plug(lambda data: b"rst:0x10 (RTCWDT_RTC_RESET)\r\n" * 2).path
    with pytest.raises(DeviceTimeout, match=r"restarts and prints 'rst:0x10 \(RTC.*\)' again and again \(\d+ times\)"):
        reach(path, built)


def test_an_old_protocol_is_named(built: Build, plug: Plug) -> None:
    """A firmware of another protocol is told by its version."""
    path = plug(GoodDevice(protocol=7)).path
    with pytest.raises(DeviceError, match="speaks version 7 of the protocol, this mcuq 1; rebuild and flash"):
        reach(path, built)


@pytest.mark.parametrize(("version", "told"), [("0.0.9", r"0\.0\.9"), (None, "0")])
def test_an_old_firmware_is_named(built: Build, plug: Plug, version: str | None, told: str) -> None:
    """A firmware of another mcuq is refused, also one from before firmwares told their version."""
    path = plug(GoodDevice(version=version)).path
    with pytest.raises(DeviceError, match=rf"an old firmware, built by mcuq {told}, and this is .*; flash this build"):
        reach(path, built)


def test_another_model_is_named(built: Build, plug: Plug) -> None:
    """A differing hash names both models."""
    path = plug(GoodDevice(model="kws", model_hash=bytes(range(8)))).path
    with pytest.raises(DeviceError, match=rf"model 'kws' \(0001020304050607\), not {built.sources.model_hash[:16]}"):
        reach(path, built)


def test_another_board_is_named(built: Build, plug: Plug) -> None:
    """A build for one board is not measured on another."""
    path = plug(GoodDevice(board="stm32f4")).path
    with pytest.raises(DeviceError, match=r"says that it is board 'stm32f4', and this is a build for 'host'"):
        reach(path, built)


def test_a_build_with_other_options_is_named(built: Build, plug: Plug) -> None:
    """The same model planned otherwise cannot be compared step by step, so it is refused."""
    path = plug(GoodDevice(model_hash=bytes.fromhex(built.sources.model_hash[:16]))).path
    with pytest.raises(DeviceError, match="built with other options"):
        reach(path, built)


def test_a_boot_loop_is_counted(built: Build, plug: Plug) -> None:
    """A board that starts again at every request is told by the number of starts and the likely cause."""
    path = plug(lambda data: BOOT).path
    with pytest.raises(DeviceFault, match=r"again and again: 4 starts within .* a watchdog, or a failing supply"):
        reach(path, built, deadline_s=5.0)


def test_a_boot_loop_with_a_fault_names_it(built: Build, plug: Plug) -> None:
    """The fault that BOOT brings along is resolved to exception, cause and registers."""
    boot = encode(Frame(Request.BOOT | REPLY, 0, 0, words(1, 3, 0x1234, 0x5679, 1 << 16, 0)))
    path = plug(lambda data: boot).path
    with pytest.raises(
        DeviceFault, match=r"into a HardFault \(undefined instruction\) in .*pc 0x00001234 \(lr 0x00005679"
    ):
        reach(path, built, deadline_s=5.0)


class Adapter:
    """A pty in front of the native firmware, which can be pulled out and put in again under the same path."""

    def __init__(self, device_path: str, link: Path) -> None:
        self.link = link
        self._device_path = device_path
        self._terminal: Terminal | None = None
        self._stop = threading.Event()
        self.plug_in()

    def plug_in(self) -> None:
        """Make the port appear."""
        device = os.open(self._device_path, os.O_RDWR | os.O_NOCTTY)
        terminal = self._terminal = Terminal(lambda data: (os.write(device, data), b"")[1])
        self._stop = stop = threading.Event()

        def back() -> None:
            with contextlib.suppress(OSError):
                while not stop.is_set():
                    if serial.select.select([device], [], [], 0.01)[0]:
                        os.write(terminal.master, os.read(device, 4096))
            os.close(device)

        self._thread = threading.Thread(target=back, daemon=True)
        self._thread.start()
        self.link.symlink_to(terminal.path)

    def pull_out(self) -> None:
        """Make the port vanish."""
        self.link.unlink()
        self._stop.set()
        self._thread.join()
        if self._terminal is not None:
            self._terminal.close()


def test_a_port_that_goes_away_and_comes_back_is_used_again(built: Build, samples: Samples, tmp_path: Path) -> None:
    """Pulling the plug in the middle of a run costs time, and no answer is wrong or asked twice."""
    with native(built.image.path) as path:
        adapter = Adapter(path, tmp_path / "ttyTEST")
        pulled: list[float] = []

        def pull(done: int, _whole: int) -> None:
            if done == 7 and not pulled:
                pulled.append(time.monotonic())
                adapter.pull_out()
                threading.Timer(0.3, adapter.plug_in).start()

        measured = pipeline.run(built, samples, port=str(adapter.link), progress=pull)
        adapter.pull_out()
    assert pulled
    assert measured.bit_exact


def test_a_port_that_stays_away_is_lost(built: Build, tmp_path: Path) -> None:
    """The error names the port, what happened and how long it was waited for."""
    with native(built.image.path) as path:
        adapter = Adapter(path, tmp_path / "ttyTEST")
        link = SerialLink(str(adapter.link), reconnect_s=0.3)
        link.open()
        client = Client(link)
        client.hello()
        adapter.pull_out()
        with pytest.raises(LinkLost, match=r"ttyTEST went away .* not come back within 0\.3 s; check cable and power"):
            client.stats()
        link.close()


def test_two_boards_at_once_do_not_disturb_each_other(built: Build, samples: Samples) -> None:
    """Each port has its own lock and its own results."""
    outcomes: list[bool] = []
    with native(built.image.path) as first, native(built.image.path) as second:

        def run(port: str) -> None:
            outcomes.append(pipeline.run(built, samples, port=port, keep_results=True).bit_exact)

        runs = [threading.Thread(target=run, args=(port,)) for port in (first, second)]
        for thread in runs:
            thread.start()
        for thread in runs:
            thread.join()
    assert outcomes == [True, True]


def test_an_interrupted_run_leaves_the_board_usable(built: Build, samples: Samples) -> None:
    """After an exception in the middle of a transfer the next run on the port is bit-exact."""

    def interrupt(done: int, _whole: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with native(built.image.path) as path:
        with pytest.raises(KeyboardInterrupt):
            pipeline.run(built, samples, port=path, progress=interrupt)
        link = SerialLink(path)
        link.open()
        link.write(encode(Frame(Request.LOAD, 9, 1, bytes(200)))[:100])  # half a frame
        link.close()
        assert pipeline.run(built, samples, port=path).bit_exact


def test_ports_lists_who_answers(built: Build, plug: Plug) -> None:
    """`mcuq ports` names board, model, hash and version, and says of the others why nobody answers."""
    silent = plug(lambda data: BOOT).path
    with native(built.image.path) as path:
        result = CliRunner().invoke(cli.app, ["ports", path, silent, "/dev/ttyNONE", "--json"])
    assert result.exit_code == 0, result.output
    good, looping, missing = json.loads(result.stdout)
    assert (good["board"], good["model"], good["firmware_version"]) == ("host", "digits_int8", built.version)
    assert built.sources.model_hash.startswith(good["model_hash"])
    assert "restarts again and again" in looping["problem"]
    assert "there is no port" in missing["problem"]
    table = CliRunner().invoke(cli.app, ["ports", silent])
    assert "again and again" in " ".join(table.output.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--link", "host", "--port", "/dev/ttyX"], "--link host is none"),
        (["--baud", "9600"], "name the port with --port"),
        (["--link", "serial"], "reached by --port"),
        (["--port", "/dev/ttyNONE"], "there is no port /dev/ttyNONE"),
    ],
)
def test_the_command_line_says_what_is_missing(built: Build, arguments: list[str], message: str) -> None:
    """Options that do not fit together, or a port that is not there: exit status 2 and what to do."""
    data = ["--data", str(demo.data_path()), "--limit", "2"]
    result = CliRunner().invoke(cli.app, ["run", str(built.folder), *data, *arguments])
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.output.split())


class Restarting:
    """A link around a link: the device resets at chosen samples, as a supply that fails does."""

    name = "serial"

    def __init__(self, link: SerialLink, at: set[int]) -> None:
        self._link = link
        self._at = at
        self.invocations = 0
        self.samples: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._link, name)

    def write(self, data: bytes) -> None:
        """Count the INVOKEs, and reset before some."""
        frame = serial.Parser().feed(data)[0]
        if frame.kind == Request.INVOKE:
            self.invocations += 1
            if self.invocations in self._at:
                self._link.write(encode(Frame(Request.RESET, frame.sequence + 100, frame.session)))
                return
        self._link.write(data)


def test_a_device_that_resets_goes_on_with_its_sample(
    built: Build, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two resets in a run cost two invocations, no finished sample is repeated, and the report tells."""
    from mcuq.pipeline import validation

    with native(built.image.path) as path:
        link = Restarting(SerialLink(path), {4, 9})
        link.open()
        monkeypatch.setattr(validation, "open_link", lambda *_arguments: link)
        measured = pipeline.run(built, samples, port=path, count_samples=1)
    assert measured.bit_exact
    assert link.invocations == 20 + 2 + 1
    assert measured.notes == ("the device restarted 2 times meanwhile; finished samples were not repeated",)


def test_a_device_that_resets_at_every_try_is_given_up(
    built: Build, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three resets at one sample end the run by name."""
    from mcuq.pipeline import validation

    with native(built.image.path) as path:
        link = Restarting(SerialLink(path), {4, 5, 6})
        link.open()
        monkeypatch.setattr(validation, "open_link", lambda *_arguments: link)
        with pytest.raises(DeviceError, match="restarted 3 times at sample 3 and no fault is recorded"):
            pipeline.run(built, samples, port=path, count_samples=1)


def test_a_killed_run_is_resumed(built: Build, samples: Samples, monkeypatch: pytest.MonkeyPatch) -> None:
    """kill -9 in the middle loses no finished sample: --resume asks only for the others."""
    from mcuq.pipeline import validation

    code = (
        "import os, signal, sys; from mcuq import pipeline; from pathlib import Path\n"
        "made = pipeline.open_build(Path(sys.argv[1]))\n"
        "samples = pipeline.load_samples(Path(sys.argv[2]), made.graph, 20)\n"
        "pipeline.run(made, samples, port=sys.argv[3], keep_results=True,\n"
        "             progress=lambda done, whole: os.kill(os.getpid(), signal.SIGKILL) if done == 13 else None)\n"
    )
    with native(built.image.path) as path:
        killed = subprocess.run([sys.executable, "-c", code, str(built.folder), str(demo.data_path()), path])
        assert killed.returncode == -9
        link = Restarting(SerialLink(path), set())
        link.open()
        monkeypatch.setattr(validation, "open_link", lambda *_arguments: link)
        measured = pipeline.run(built, samples, port=path, count_samples=1, resume=True)
        assert link.invocations == 20 - 13 + 1
        assert measured.bit_exact
        other = Samples(tuple(np.roll(array, 1, axis=0) for array in samples.inputs), samples.labels, "other")
        with pytest.raises(InvalidProject, match=r"are of another run \(data hash\); run without --resume"):
            pipeline.run(built, other, port=path, resume=True)
