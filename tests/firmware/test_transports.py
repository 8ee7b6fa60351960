"""The protocol over streams that are no UART: semihosting in QEMU, RTT in the simulator, USB-CDC on a stand-in."""

from __future__ import annotations

import ctypes
import random
import shutil
import socket
import struct
import subprocess
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcuq import demo, pipeline
from mcuq.artifacts import Build, Trace
from mcuq.boards import SerialRun
from mcuq.build import build_image
from mcuq.codegen import link_script
from mcuq.errors import LinkLost, ToolMissing
from mcuq.run.client import Client
from mcuq.run.sim import SimLink

SEMIHOSTING, RTT = 1, 2
WARNINGS = ["-std=c99", "-pedantic", "-ffreestanding", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
HERE = Path(__file__).parent


def built(root: Path, folder: Path, stream: int) -> Build:
    """The demo for a Cortex-M4 whose firmware speaks over that stream."""
    board = pipeline.find_board("cortex-m4")
    protocol = root / "firmware" / "protocol"
    source = "mcuq_semihosting.c" if stream == SEMIHOSTING else "mcuq_rtt.c"
    try:
        made = pipeline.build(pipeline.load(demo.model_path()), board, folder / "uart")
    except ToolMissing as error:
        pytest.skip(str(error))
    image = build_image(
        made.sources,
        board,
        folder / "stream",
        constant_bytes=made.schedule.constant_bytes,
        arena_bytes=made.plan.arena_bytes,
        link_script=link_script(board),
        program=(*protocol.glob("*.c"), protocol / "transports" / source, HERE / "streams" / "main.c"),
        # A reply of the protocol fits: the test empties the ring only between runs of the simulator.
        defines=(f"STREAM={stream}", "MCUQ_RTT_UP_BYTES=8192"),
    )
    return replace(made, folder=folder, image=image, board=replace(board, run=replace(board.run, serial=SerialRun())))


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
def test_semihosting_in_qemu_is_validated_over_a_socket(root: Path, tmp_path: Path) -> None:
    """`run --port socket://` reaches a firmware that has no UART, through QEMU's console, bit for bit."""
    made = built(root, tmp_path, SEMIHOSTING)
    samples = pipeline.load_samples(demo.data_path(), made.graph, 10)
    command = ["qemu-system-arm", "-M", "mps2-an386", "-kernel", str(made.image.path), "-display", "none"]
    command += ["-serial", "null", "-monitor", "none", "-semihosting-config", "enable=on,target=native"]
    started: list[subprocess.Popen[bytes]] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            with closing(server.accept()[0]) as connection:
                started.append(subprocess.Popen(command, stdin=connection, stdout=connection))

        waiting = threading.Thread(target=serve)
        waiting.start()
        try:
            measured = pipeline.run(
                made, samples, port=f"socket://127.0.0.1:{server.getsockname()[1]}", count_samples=1
            )
        finally:
            waiting.join(10)
            for process in started:
                process.kill()
                process.wait()
    assert (measured.link, measured.bit_exact, measured.samples) == ("serial", True, 10)


def test_nobody_at_a_socket_is_named(root: Path) -> None:
    """The message says what to start."""
    from mcuq.run.serial import SerialLink

    with pytest.raises(LinkLost, match=r"nobody listens at socket://127\.0\.0\.1:9: .*start the server of the probe"):
        SerialLink("socket://127.0.0.1:9").open()


class ProbeLink:
    """RTT as a debug probe does it: rings in the memory of the simulated core, found by the symbol."""

    name = "rtt"

    def __init__(self, made: Build) -> None:
        self._sim = SimLink(made.image, made.board, made.name, len(made.schedule.steps))
        self._block = made.image.symbols["_SEGGER_RTT"].address

    def open(self) -> None:
        """Start the core; the block is there once it has run."""
        self._sim.open()
        self._sim.read(0.05)
        assert bytes(self._sim._engine.mem_read(self._block, 10)) == b"SEGGER RTT"

    def write(self, data: bytes) -> None:
        """Fill the ring to the core as far as there is room, and let the core run, until all is in."""
        while data:
            buffer, size, write_at, read_at = self._ring(1)
            room = (read_at - write_at - 1) % size
            for byte in data[:room]:
                self._sim._engine.mem_write(buffer + write_at, bytes([byte]))
                write_at = (write_at + 1) % size
            self._sim._engine.mem_write(self._block + 48 + 12, struct.pack("<I", write_at))
            data = data[room:]
            self._sim.read(0.5)

    def read(self, timeout_s: float) -> bytes:
        """Let the core run and empty the ring from it."""
        self._sim.read(timeout_s)
        buffer, size, write_at, read_at = self._ring(0)
        ring = bytes(self._sim._engine.mem_read(buffer, size))
        data = ring[read_at:write_at] if read_at <= write_at else ring[read_at:] + ring[:write_at]
        self._sim._engine.mem_write(self._block + 24 + 16, struct.pack("<I", write_at))
        return data

    def _ring(self, which: int) -> tuple[int, int, int, int]:
        """Buffer, size, write and read offset of the ring from (0) or to (1) the core."""
        words = struct.unpack("<6I", self._sim._engine.mem_read(self._block + 24 + 24 * which, 24))
        return words[1], words[2], words[3], words[4]

    def start_counting(self) -> None:
        """Not here."""

    def stop_counting(self) -> tuple[Trace, ...]:
        """Not here."""
        return ()

    def last_words(self) -> str:
        """Those of the simulator."""
        return self._sim.last_words()

    def close(self) -> None:
        """End the simulator."""
        self._sim.close()


def test_rtt_is_validated_through_the_memory_of_the_simulator(root: Path, tmp_path: Path) -> None:
    """Answers over the rings are those over the UART, and the rings wrap around."""
    pytest.importorskip("unicorn")
    made = built(root, tmp_path, RTT)
    samples = pipeline.load_samples(demo.data_path(), made.graph, 40)
    expected = pipeline.evaluate(made.graph, samples, use_interpreter=True)
    link = ProbeLink(made)
    with Client(link, timeout_s=5.0) as client:
        got = [client.infer((sample.tobytes(),)).outputs[0] for sample in samples.inputs[0]]
        arena = client.read_arena(0, made.plan.arena_bytes)
        _, size, write_at, _ = link._ring(1)
    assert len(arena) == made.plan.arena_bytes
    assert size < 40 * samples.inputs[0][0].nbytes
    assert write_at < size
    tensor = made.graph.tensor(made.graph.outputs[0])
    scale, zero = tensor.quantization.scales[0], tensor.quantization.zero_points[0]  # type: ignore[union-attr]
    stored = (expected.outputs[0] / scale + zero).round().astype(tensor.dtype.numpy)
    assert got == [answer.tobytes() for answer in stored]


def test_usb_cdc_sends_all_and_gives_up_on_a_closed_port(root: Path, host_compiler: str, tmp_path: Path) -> None:
    """Over a stand-in of TinyUSB: all bytes in order through small endpoints, none waited for when the port closes."""
    transports = root / "firmware" / "protocol" / "transports"
    target = tmp_path / "usb.so"
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", f"-I{HERE / 'streams'}", f"-I{transports}"]
    sources = [str(transports / "mcuq_usb_cdc.c"), str(HERE / "streams" / "usb.c")]
    subprocess.run([host_compiler, *flags, *sources, "-o", str(target)], check=True)
    usb: Any = ctypes.CDLL(str(target))
    data, buffer = random.Random(1).randbytes(5000), ctypes.create_string_buffer(65536)
    usb.mcuq_usb_cdc_write(data, ctypes.c_size_t(len(data)))
    count = usb.usb_sent(buffer)
    assert buffer.raw[:count] == data
    usb.usb_receive(b"request", 7)
    usb.mcuq_usb_cdc_read.restype = ctypes.c_size_t
    assert [usb.mcuq_usb_cdc_read(buffer, ctypes.c_size_t(4)) for _ in range(3)] == [4, 3, 0]
    usb.usb_plug(0)
    usb.mcuq_usb_cdc_write(data, ctypes.c_size_t(len(data)))
    assert usb.usb_sent(buffer) == len(data)


@pytest.mark.parametrize("source", ["mcuq_semihosting.c", "mcuq_rtt.c"])
@pytest.mark.parametrize(
    "command",
    [
        ["arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mthumb"],
        ["clang", "--target=thumbv7em-none-eabi"],
        ["clang", "--target=riscv32", "-march=rv32imac"],
    ],
    ids=["gcc-m0", "clang-m4", "clang-rv32"],
)
def test_transports_compile_without_a_warning(root: Path, tmp_path: Path, source: str, command: list[str]) -> None:
    """For Cortex-M and RISC-V, as the rest of the protocol."""
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    path = root / "firmware" / "protocol" / "transports" / source
    run = subprocess.run(
        [*command, *WARNINGS, "-c", str(path), "-o", str(tmp_path / "o")], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
