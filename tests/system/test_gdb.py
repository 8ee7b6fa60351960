"""The gdb link on QEMU's GDB server: the demo without UART and protocol, on Cortex-M and RISC-V."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mcuq import interpreter, pipeline
from mcuq.artifacts import Build, Samples
from mcuq.build import find_toolchain
from mcuq.cli.app import app
from mcuq.errors import (
    DeviceError,
    DeviceFault,
    DeviceTimeout,
    InvalidBoard,
    InvalidProject,
    LinkLost,
    ToolMissing,
)
from mcuq.ir import Graph
from mcuq.pipeline.validation import _debugged, device_target
from mcuq.run.functions import Functions
from mcuq.run.gdb import GdbDevice
from mcuq.run.rsp import RspClient
from mcuq.run.validate import compare_steps

BOARDS = ("cortex-m4", "cortex-m0", "cortex-m3", "virt-rv32")


@pytest.fixture(scope="module")
def digits(digits_model: Path) -> Graph:
    """The demo's model."""
    return pipeline.load(digits_model)


@pytest.fixture(scope="module")
def samples(digits: Graph, digits_data: Path) -> Samples:
    """Some of the demo's held-out samples."""
    return pipeline.load_samples(digits_data, digits).take(slice(40))


@pytest.fixture(scope="module")
def build_of(digits: Graph, tmp_path_factory: pytest.TempPathFactory) -> object:
    """The demo's firmware of a board, built once."""
    made: dict[str, Build] = {}

    def build(name: str) -> Build:
        board = pipeline.find_board(name)
        if name not in made:
            assert board.run.qemu is not None
            if shutil.which(board.run.qemu.program) is None:
                pytest.skip(f"{board.run.qemu.program} is not installed")
            try:
                find_toolchain(board, None)
            except ToolMissing as error:
                pytest.skip(str(error))
            made[name] = pipeline.build(digits, board, tmp_path_factory.mktemp(name), name="digits")
        return made[name]

    return build


def opened(build: Build, options: pipeline.GdbOptions | None = None) -> GdbDevice:
    """The device of a build, initialised."""
    return _debugged(build, device_target(build), options or pipeline.GdbOptions())


@pytest.mark.parametrize("board", BOARDS)
def test_the_demo_is_bit_exact_through_a_debugger(build_of, samples: Samples, board: str) -> None:
    """Outputs and every step equal the reference; the stack is measured; QEMU has no cycles to tell."""
    measured = pipeline.run(build_of(board), samples, link="gdb", per_step=True, count_samples=1)
    assert (measured.bit_exact, measured.link, measured.samples) == (True, "gdb", 40)
    assert measured.stack_bytes is not None
    assert 50 < measured.stack_bytes < 2000
    assert (measured.latency_ms, measured.cycles, measured.instructions) == (None, None, None)


def test_a_step_that_differs_is_found(build_of, samples: Samples) -> None:
    """A constant that is changed on the chip is found at its step, without any protocol on the device."""
    made = build_of("cortex-m4")
    with closing(opened(made)) as device:
        flash = made.board.flash
        objects = [s for s in made.image.symbols.values() if not s.is_function and s.address < flash.end]
        symbol = max(objects, key=lambda s: s.bytes)
        weights = device._rsp.read(symbol.address, symbol.bytes)
        device._rsp.write(symbol.address, bytes(byte ^ 0x55 for byte in weights))
        values = interpreter.run_all(made.graph, [array[:1] for array in samples.inputs])
        reference = {name: array[0] for name, array in values.items()}
        difference = compare_steps(device, device_target(made), samples, 0, reference)
        assert difference is not None
        device._rsp.write(symbol.address, weights)
        assert compare_steps(device, device_target(made), samples, 0, reference) is None


@pytest.fixture
def server(build_of) -> Iterator[tuple[str, RspClient]]:
    """A GDB server that somebody else started, on TCP, with the demo's firmware running in its main loop."""
    made = build_of("cortex-m3")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run = made.board.run.qemu
    command = (run.program, "-M", run.machine, "-kernel", str(made.image.path), "-display", "none")
    command += ("-serial", "null", "-monitor", "none", "-gdb", f"tcp:127.0.0.1:{port}")
    with subprocess.Popen(command) as process:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        time.sleep(0.3)
        yield f"127.0.0.1:{port}"
        process.kill()


def test_a_running_program_is_borrowed_and_put_back(build_of, samples: Samples, server: str) -> None:
    """With --gdb-attach the model runs inside a program that runs, whose registers and stack are put back."""
    made = build_of("cortex-m3")
    options = pipeline.GdbOptions(server, elf=made.image.path, attach=True)
    before = state_of(server, made)
    measured = pipeline.run(made, samples.take(slice(5)), gdb=options)
    assert (measured.bit_exact, measured.link) == (True, "gdb")
    after = state_of(server, made)
    running = Functions(made.image, "digits")
    assert running.at(before[0]) is not None
    assert not running.name(after[0]).startswith("digits_")
    assert before[1] - 256 <= after[1] <= before[1] + 256  # it runs on in the same loop
    measured = pipeline.run(made, samples.take(slice(5)), gdb=options)
    assert measured.bit_exact


def state_of(address: str, made: Build) -> tuple[int, int]:
    """Program counter and stack pointer of what runs there, which goes on."""
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), 5) as stream:
        client = RspClient(stream)
        client.start()
        found = client.read_register(15), client.read_register(13)
        client.resume()
    return found


def test_registers_come_back_when_it_lets_go(build_of, server: str) -> None:
    """What close writes back is what open found, register by register, and the stack byte by byte."""
    made = build_of("cortex-m3")
    device = opened(made, pipeline.GdbOptions(server, attach=True))
    assert device._saved is not None
    registers, bottom, stack = device._saved
    device.infer([bytes(64)])
    resumed: list[bool] = []
    device._rsp.resume = lambda: resumed.append(True)  # type: ignore[method-assign]
    device._let_go()
    assert resumed == [True]
    assert {number: device._rsp.read_register(number) for number in registers} == registers
    assert device._rsp.read(bottom, len(stack)) == stack
    device.close()


def test_another_program_on_the_chip_is_refused_or_replaced(
    build_of, digits: Graph, server: str, samples: Samples, tmp_path: Path
) -> None:
    """The chip's memory is compared with the ELF; with --gdb-load it is written, and then runs."""
    other = pipeline.build(digits, pipeline.find_board("cortex-m3"), tmp_path / "other", name="other", keep_inputs=True)
    with pytest.raises(DeviceError, match="holds another program at 0x00000000"):
        opened(other, pipeline.GdbOptions(server))
    measured = pipeline.run(other, samples.take(slice(3)), gdb=pipeline.GdbOptions(server, load=True))
    assert measured.bit_exact


def test_a_fault_and_a_hang_name_the_function(build_of) -> None:
    """A call that faults is told from one that does not return; the latter says where it is."""
    made = build_of("cortex-m4")
    with closing(opened(made)) as device, pytest.raises(DeviceFault):
        device._call("invoke", 0x7000_0000, 0, deadline_s=5.0)
    with closing(opened(made)) as device:
        symbol = made.image.symbols["digits_invoke"]
        device._rsp.write(symbol.address, b"\xfe\xe7")  # b .
        with pytest.raises(DeviceTimeout, match=r"digits_invoke did not return within 0.2 s.*in digits_invoke"):
            device.invoke(deadline_s=0.2)


def test_what_cannot_be_reached_is_told(build_of, samples: Samples, tmp_path: Path) -> None:
    """No server, a malformed address, a board without QEMU, a native program, a wrong ELF, a small arena."""
    made = build_of("cortex-m4")
    for options, error, words in (
        (pipeline.GdbOptions("127.0.0.1:1"), LinkLost, "no GDB server answers at 127.0.0.1:1"),
        (pipeline.GdbOptions("localhost"), InvalidProject, "write HOST:PORT"),
        (pipeline.GdbOptions(arena="my_arena"), InvalidProject, "has no 'my_arena'"),
        (pipeline.GdbOptions(arena="net"), InvalidProject, "'net' has 4 bytes, the model needs"),
    ):
        with pytest.raises(error, match=words):
            opened(made, options)
    bare = replace(made, board=replace(made.board, run=replace(made.board.run, qemu=None)))
    with pytest.raises(InvalidBoard, match=r"has no \[run.qemu\]; name a server"):
        opened(bare)
    with pytest.raises(InvalidBoard, match="native program"):
        GdbDevice(made.image, pipeline.find_board("host"), "digits", device_target(made), pipeline.GdbOptions())
    with pytest.raises(InvalidProject, match="has no 'strange_init'"):
        opened(replace(made, name="strange"))


def test_the_verb_takes_the_link_and_refuses_contradictions(build_of, digits_data: Path, tmp_path: Path) -> None:
    """`mcuq run --link gdb` measures; --gdb options with another link, and the host, are refused."""
    made = build_of("cortex-m4")
    run = ["run", str(made.folder), "-d", str(digits_data), "--limit", "3"]
    done = CliRunner().invoke(app, [*run, "--link", "gdb", "--json", str(tmp_path / "r.json")])
    assert done.exit_code == 0, done.output
    assert "bit-exact" in done.output
    refused = CliRunner().invoke(app, [*run, "--link", "sim", "--gdb", "localhost:3333"])
    assert refused.exit_code == 2
    assert "--gdb options are of --link gdb" in refused.output


BARE = """
name = "my-chip"
description = "A chip by its memory map"
core = "{core}"
features = {features}
clock_hz = 25_000_000
stack_bytes = 4096
[[memory]]
name = "flash"
address = 0x0000_0000
bytes = 0x0010_0000
kind = "flash"
[[memory]]
name = "ram"
address = 0x2000_0000
bytes = 0x0001_0000
kind = "ram"
[port]
sources = ["cortex_m.c", "memory.c"]
[compiler]
gcc = {gcc}
clang = []
zig = []
[run.gdb]
[run.qemu] # only its GDB server is used
machine = "{machine}"
"""


@pytest.mark.parametrize(
    ("core", "features", "machine", "flags"),
    [
        ("cortex-m4", '["dsp", "fpu"]', "mps2-an386", ["-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]),
        ("cortex-m3", "[]", "mps2-an385", ["-mfloat-abi=soft"]),
    ],
)
def test_a_chip_is_a_memory_map(
    build_of, digits: Graph, samples: Samples, tmp_path: Path, core: str, features: str, machine: str, flags: list[str]
) -> None:
    """Without UART, counter, protocol and driver: core, memory and compiler flags are all that a board file needs."""
    build_of(core)  # skips where QEMU or the compiler is missing
    path = tmp_path / "my-chip.toml"
    gcc = json.dumps([f"-mcpu={core}", "-mthumb", *flags])
    path.write_text(BARE.format(core=core, features=features, gcc=gcc, machine=machine))
    board = pipeline.find_board(path)
    assert board.links == ("gdb",)
    made = pipeline.build(digits, board, tmp_path / "out", name="digits", compiler="gcc")
    assert not any(name.startswith("mcuq_protocol") for name in made.image.symbols)
    measured = pipeline.run(made, samples, per_step=True, count_samples=1)
    assert (measured.bit_exact, measured.link) == (True, "gdb")


PDSC = """<package><devices><family Dfamily="MPS2" Dvendor="Arm:82">
<processor Dcore="Cortex-M3" Dclock="25000000"/><device Dname="AN385">
<memory name="Flash" access="rx" start="0x00000000" size="0x400000" startup="1" default="1"/>
<memory name="RAM" access="rwx" start="0x20000000" size="0x400000" default="1"/>
</device></family></devices></package>"""


def test_a_chip_of_a_pack_is_loaded_and_run(
    build_of, digits: Graph, server: str, samples: Samples, tmp_path: Path
) -> None:
    """From a pack to the model on the chip: its board file, its program, written by the debugger over another one."""
    build_of("cortex-m3")
    (tmp_path / "mps2.pdsc").write_text(PDSC)
    board, _ = pipeline.write_board(tmp_path / "mps2.pdsc", tmp_path / "boards", device="AN385")
    made = pipeline.build(digits, board, tmp_path / "out", name="packed")
    measured = pipeline.run(made, samples, gdb=pipeline.GdbOptions(server, load=True))
    assert (measured.bit_exact, measured.samples, measured.board) == (True, 40, "an385")


def test_energy_needs_cycles(build_of, samples: Samples) -> None:
    """Where the link tells cycles their energy is estimated, and where it tells none the verdict says so."""
    made = build_of("cortex-m4")
    blind = pipeline.run(made, samples.take(slice(2)), link="gdb", supply="stm32l4r5-ldo-1v8")
    assert blind.energy is None
    assert any("tells no cycles" in note for note in blind.notes)
    pytest.importorskip("unicorn")
    counted = pipeline.run(made, samples.take(slice(2)), link="sim", count_samples=2, supply="stm32l4r5-ldo-1v8")
    assert counted.energy is not None
    assert counted.cycles is not None
    assert counted.energy.microjoules == pytest.approx(counted.cycles.median * 341e-6)
    assert len(counted.latencies_ms) == 2
    with pytest.raises(InvalidBoard, match="no supply"):
        pipeline.run(made, samples, supply="battery")
