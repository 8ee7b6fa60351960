"""The gdb link: any chip behind a GDB server, without UART, protocol or port: functions are called, memory is read."""

from __future__ import annotations

import contextlib
import shutil
import socket
import struct
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from elftools.elf.elffile import ELFFile

from mcuq.artifacts import Image, Region, Symbol, Trace
from mcuq.boards import Board
from mcuq.errors import DeviceError, DeviceFault, DeviceTimeout, InvalidBoard, InvalidProject, LinkLost, ToolMissing
from mcuq.run.functions import Functions
from mcuq.run.messages import Inference, Stats, Ticks
from mcuq.run.processes import ChildProcess
from mcuq.run.qemu import INSTALL
from mcuq.run.rsp import RspClient
from mcuq.run.validate import Target

_OPEN_TIMEOUT_S = 15.0
_PAINT = bytes.fromhex("c3a5c3a5")
_FRAME_BYTES = 64  # instance, memory record and what ABIs want below the stack pointer
_DEMCR, _DWT_CTRL, _DWT_CYCCNT = 0xE000_EDFC, 0xE000_1000, 0xE000_1004
_NO_CYCCNT = 1 << 25


@dataclass(frozen=True, slots=True)
class Registers:
    """Numbers of a core's registers in GDB's description of it, and the size of its breakpoints."""

    arguments: tuple[int, int]
    result: int
    stack: int
    link: int
    counter: int
    breakpoint_bytes: int


REGISTERS = {
    "arm": Registers((0, 1), 0, 13, 14, 15, 2),
    "riscv": Registers((10, 11), 10, 2, 1, 32, 4),
}


@dataclass(frozen=True, slots=True)
class GdbOptions:
    """`address` is HOST:PORT of a server, None starts QEMU. `elf` is the user's own program, None the build's.

    `attach` uses a program that runs, where it stands, in place of starting it up to `main`; `load` writes the program
    where the chip holds another; `arena` names the object that is the model's memory; `monitor` are commands of the
    server's own that come first (`reset halt`).
    """

    address: str | None = None
    elf: Path | None = None
    attach: bool = False
    load: bool = False
    arena: str = "arena"
    monitor: tuple[str, ...] = field(default=())


class GdbDevice:
    """A halted chip on which `<name>_init`, `<name>_invoke` and `<name>_step` are called; a client of a device.

    The program runs from its reset handler to `main`, so that RAM, FPU and clocks are as it wants them; there, where
    its stack begins, mcuq calls the model, each call returning into a breakpoint at `main`. With `attach` registers and
    the stack that was used are put back, and the program goes on. Ticks are those of DWT's CYCCNT, where there is one.
    """

    name = "gdb"

    def __init__(self, image: Image, board: Board, model_name: str, target: Target, options: GdbOptions) -> None:
        if board.architecture not in REGISTERS:
            raise InvalidBoard(f"board '{board.name}' is a native program; the gdb link needs a chip or an emulator")
        self._board = board
        self._image = image
        self._model = model_name
        self._target = target
        self._options = options
        self._registers = REGISTERS[board.architecture]
        self._functions = Functions(image, model_name)
        self._child: ChildProcess | None = None
        self._stream: socket.socket | None = None
        self._saved: tuple[dict[int, int], int, bytes] | None = None
        self._trap: int | None = None

    @property
    def ticks_hz(self) -> int:
        """The core clock where cycles are counted, else 0."""
        return self._board.clock_hz if self._counts_cycles else 0

    def open(self) -> None:
        """Connect, check or load the program, start it up to `main`, and initialise the model.

        Raises ToolMissing, InvalidBoard, InvalidProject (functions that the ELF lacks), LinkLost, DeviceTimeout,
        DeviceError (another program on the chip).
        """
        self.close()
        try:
            self._stream = self._connected()
            self._rsp = RspClient(self._stream)
            self._rsp.start()
            for command in self._options.monitor:
                self._rsp.monitor(command)
            self._check_program()
            self._take_over()
            self._counts_cycles = self._start_cycle_counter()
            self._initialise()
        except BaseException:
            self.close()
            raise

    def load(self, index: int, data: bytes) -> None:
        """Fill input `index`."""
        self._rsp.write(self._address_of(self._target.schedule.graph.inputs[index]), data)

    def invoke(self, times: int = 1, *, deadline_s: float = 120.0) -> Ticks:
        """Run the model."""
        counts = [self._call("invoke", self._instance, 0, deadline_s=deadline_s)[1] for _ in range(times)]
        return Ticks(times, sum(counts), min(counts), max(counts))

    def infer(self, inputs: Sequence[bytes], *, deadline_s: float = 120.0) -> Inference:
        """Load every input, invoke once, read every output."""
        for index, data in enumerate(inputs):
            self.load(index, data)
        ticks = self.invoke(deadline_s=deadline_s).total
        return Inference(tuple(self._output(name) for name in self._target.schedule.graph.outputs), ticks)

    def run_step(self, step: int, *, deadline_s: float = 120.0) -> int:
        """Run one step; returns its cycles, 0 where none are counted."""
        return self._call("step", self._instance, step, deadline_s=deadline_s)[1]

    def run_to(self, step: int, *, deadline_s: float = 120.0) -> int:
        """Run the steps up to this one; returns their cycles, 0 where none are counted."""
        return sum(self.run_step(index, deadline_s=deadline_s) for index in range(step + 1))

    def arena_crc(self, offset_bytes: int, count: int) -> int:
        """CRC-32 of bytes of the arena, read and summed here."""
        return zlib.crc32(self.read_arena(offset_bytes, count))

    def read_arena(self, offset_bytes: int, count: int) -> bytes:
        """`count` bytes of the arena."""
        return self._rsp.read(self._at(offset_bytes), count)

    def stats(self) -> Stats:
        """Stack by the paint that is gone; .data and .bss are the ELF's."""
        painted = self._rsp.read(self._paint_start, self._stack_top - self._paint_start)
        clean = 0
        while painted[clean : clean + 4] == _PAINT:
            clean += 4
        size = self._stack_top - self._paint_start
        return Stats(size, size - clean, self._image.static_ram_bytes, self._target.plan.arena_bytes)

    def start_counting(self) -> None:
        """Nothing to start: the core counts its cycles, or nobody does."""

    def stop_counting(self) -> tuple[Trace, ...]:
        """No traces: the ticks are the cycles."""
        return ()

    def last_words(self) -> str:
        """Where the core stands."""
        try:
            pc = self._rsp.read_register(self._registers.counter)
        except (DeviceError, AttributeError):
            return "the debug server tells nothing"
        return f"the device was in {self._functions.name(pc)} (pc {pc:#010x})"

    def close(self) -> None:
        """Put back what was borrowed, let the chip go, and end QEMU where it was started here."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with contextlib.suppress(DeviceError, OSError):
                self._let_go()
            stream.close()
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _connected(self) -> socket.socket:
        if self._options.address is None:
            return self._start_qemu()
        host, separator, port = self._options.address.rpartition(":")
        if not separator or not port.isdecimal():
            raise InvalidProject(f"--gdb {self._options.address}: write HOST:PORT, for instance localhost:3333")
        try:
            return socket.create_connection((host or "localhost", int(port)), timeout=_OPEN_TIMEOUT_S)
        except OSError as error:
            raise LinkLost(
                f"no GDB server answers at {self._options.address}: {error}; start one (pyocd gdbserver, openocd, "
                "JLinkGDBServer, probe-rs gdb)"
            ) from error

    def _start_qemu(self) -> socket.socket:
        run = self._board.run.qemu
        if run is None:
            raise InvalidBoard(f"board '{self._board.name}' has no [run.qemu]; name a server: --gdb localhost:3333")
        program = shutil.which(run.program)
        if program is None:
            raise ToolMissing(f"{run.program} is not installed; install it: {INSTALL[run.program]}")
        self._child = ChildProcess()
        path = self._child.folder / "gdb"
        kernel = str(self._options.elf or self._image.path)
        self._child.start(
            (
                *(program, "-M", run.machine, *run.arguments, "-kernel", kernel, "-display", "none"),
                *("-serial", "null", "-monitor", "none", "-S", "-gdb", f"unix:{path},server=on,wait=off"),
            )
        )
        deadline = time.monotonic() + _OPEN_TIMEOUT_S
        while time.monotonic() < deadline and self._child.exit_status is None:
            stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                stream.connect(str(path))
            except OSError:
                stream.close()
                time.sleep(0.01)
            else:
                return stream
        raise LinkLost(f"QEMU opened no GDB server: {self._child.error_tail() or 'no message'}")

    def _symbol(self, name: str) -> Symbol:
        symbol = self._image.symbols.get(name)
        if symbol is None:
            raise InvalidProject(
                f"{self._options.elf or self._image.path} has no '{name}'; link the model's C into it and keep its "
                "symbols (--gc-sections drops what nobody calls)"
            )
        return symbol

    def _check_program(self) -> None:
        """Compare what is programmed with the ELF; write it where that was asked for."""
        with Path(self._options.elf or self._image.path).open("rb") as file:
            elf = ELFFile(file)
            segments = [(s["p_paddr"], bytes(s.data())) for s in elf.iter_segments("PT_LOAD") if s["p_filesz"]]
            self._entry = int(elf["e_entry"])
            has_vectors = self._board.architecture == "arm"
        self._vectors = segments[0][1][:8] if has_vectors else b""
        flash = self._rsp.flash_regions() if self._options.load else ()
        for address, data in segments:
            if self._rsp.read(address, len(data)) == data:
                continue
            if not self._options.load or self._options.attach:
                raise DeviceError(
                    f"the chip holds another program at {address:#010x} than the ELF; flash it, or add --gdb-load"
                )
            self._rsp.program(address, data, flash)
            if self._rsp.read(address, len(data)) != data:
                raise DeviceError(
                    f"what was written at {address:#010x} is not there: flash that this server cannot write; flash it "
                    "with the vendor's tool first"
                )

    def _take_over(self) -> None:
        r = self._registers
        if self._options.attach:
            self._trap = self._rsp.read_register(r.counter) & ~1
            self._rsp.set_breakpoint(self._trap, r.breakpoint_bytes)
            stack = self._rsp.read_register(r.stack)
            bottom = stack - self._board.stack_bytes
            numbers = range(17) if self._board.architecture == "arm" else range(1, 33)
            kept = {number: self._rsp.read_register(number) for number in numbers if number != 16}
            self._saved = kept, bottom, self._rsp.read(bottom, stack - bottom)
            self._paint_start = bottom
        else:
            self._trap = self._symbol("main").address
            self._rsp.set_breakpoint(self._trap, r.breakpoint_bytes)
            if self._vectors:
                self._rsp.write_register(r.stack, struct.unpack("<II", self._vectors)[0])
            self._rsp.write_register(r.counter, self._entry & ~1)
            self._rsp.run(_OPEN_TIMEOUT_S)
            self._refuse_elsewhere("start-up")
            stack = self._rsp.read_register(r.stack)
            region = self._board.region_of("stack")
            assert region is not None
            self._paint_start = max(region.address, stack - self._board.stack_bytes)
        self._stack_top = stack
        self._base = (stack - _FRAME_BYTES) & ~15
        size = (self._base - self._paint_start) & ~3
        self._rsp.write(self._paint_start, _PAINT * (size // 4))

    def _initialise(self) -> None:
        plan = self._target.plan
        regions = plan.regions if plan.is_split else (Region("arena", 0, plan.arena_bytes),)
        said = self._options.arena.split(",") if not plan.is_split or "," in self._options.arena else ["fast", "slow"]
        if len(said) != len(regions):
            raise InvalidProject(f"the arena lies in {len(regions)} objects; name them as --gdb-arena FAST,SLOW")
        objects = [self._symbol(name) for name in said]
        for found, region in zip(objects, regions, strict=True):
            if found.bytes < region.bytes:
                raise InvalidProject(
                    f"'{found.name}' has {found.bytes} bytes, the model needs {region.bytes}; enlarge it"
                )
        self._regions = tuple((r.offset_bytes, found.address) for r, found in zip(regions, objects, strict=True))
        self._instance, record = self._base, self._base + 32
        # A model with counters finds none of them there: a null pointer.
        self._rsp.write(record, b"".join(struct.pack("<II", o.address, o.bytes) for o in objects) + bytes(4))
        code = self._call("init", self._instance, record, deadline_s=_OPEN_TIMEOUT_S)[0]
        if code:
            raise DeviceError(f"{self._model}_init answered {code}; the generated header lists what the code means")

    def _call(self, function: str, first: int, second: int, *, deadline_s: float) -> tuple[int, int]:
        """Call `<name>_<function>(first, second)`; returns its result and the cycles that it took."""
        r, trap = self._registers, self._trap
        assert trap is not None
        thumb = 1 if self._board.architecture == "arm" else 0
        address = self._symbol(f"{self._model}_{function}").address
        values = ((r.arguments[0], first), (r.arguments[1], second), (r.stack, self._base), (r.link, trap | thumb))
        for number, value in (*values, (r.counter, address)):
            self._rsp.write_register(number, value)
        before = self._cycles()
        try:
            self._rsp.run(deadline_s)
        except DeviceTimeout as error:
            raise DeviceTimeout(
                f"{self._model}_{function} did not return within {deadline_s:g} s: {self.last_words()}"
            ) from error
        cycles = (self._cycles() - before) & 0xFFFF_FFFF
        self._refuse_elsewhere(f"{self._model}_{function}")
        if self._rsp.read_register(r.stack) != self._base:
            raise DeviceFault(f"{self._model}_{function} did not return: the chip ran into a fault and started over")
        return self._rsp.read_register(r.result), cycles

    def _refuse_elsewhere(self, what: str) -> None:
        pc = self._rsp.read_register(self._registers.counter) & ~1
        if pc != self._trap:
            raise DeviceFault(f"{what} stopped where nobody asked: in {self._functions.name(pc)} (pc {pc:#010x})")

    def _address_of(self, value: str) -> int:
        location = self._target.schedule.location(value)
        placed = self._target.plan.placement(location.buffer).offset_bytes + location.offset_bytes
        return self._at(placed)

    def _at(self, offset_bytes: int) -> int:
        """The address of a byte of the arena."""
        start, address = next(found for found in reversed(self._regions) if found[0] <= offset_bytes)
        return address + offset_bytes - start

    def _output(self, value: str) -> bytes:
        return self._rsp.read(self._address_of(value), self._target.schedule.graph.tensor(value).bytes)

    def _start_cycle_counter(self) -> bool:
        """Whether the core counts cycles: DWT, of Armv7-M and later; emulators lack it."""
        self._counts_cycles = False
        if self._board.architecture != "arm" or self._board.core in ("cortex-m0", "cortex-m0plus"):
            return False
        try:
            self._rsp.write(_DEMCR, struct.pack("<I", self._word(_DEMCR) | 1 << 24))
            control = self._word(_DWT_CTRL)
            if control == 0 or control & _NO_CYCCNT:
                return False
            self._rsp.write(_DWT_CTRL, struct.pack("<I", control | 1))
            return bool(self._word(_DWT_CTRL) & 1)
        except DeviceError:
            return False

    def _cycles(self) -> int:
        return self._word(_DWT_CYCCNT) if self._counts_cycles else 0

    def _word(self, address: int) -> int:
        return int.from_bytes(self._rsp.read(address, 4), "little")

    def _let_go(self) -> None:
        if self._trap is not None:
            self._rsp.clear_breakpoint(self._trap, self._registers.breakpoint_bytes)
        if self._saved is not None:
            registers, bottom, stack = self._saved
            self._rsp.write(bottom, stack)
            for number, value in registers.items():
                self._rsp.write_register(number, value)
        self._trap = self._saved = None
        self._rsp.resume()
