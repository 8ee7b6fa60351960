"""The simulator link: the board's memory and devices around the Unicorn engine, in this process."""

from __future__ import annotations

import atexit
import threading
import time
from typing import Any

from elftools.elf.elffile import ELFFile

from mcuq.artifacts import Image, Trace
from mcuq.boards import Board
from mcuq.errors import DeviceFault, DeviceTimeout, InvalidBoard, LinkLost, ToolMissing
from mcuq.run.cores import CORES, Core
from mcuq.run.counting import Counter
from mcuq.run.devices import PAGE_BYTES, Wire, bus_of
from mcuq.run.engine_hooks import Remove, add_block_hook, add_read_hook, add_write_hook
from mcuq.run.functions import Functions
from mcuq.run.watch import Watch
from mcuq.run.watched import WatchedCounter

# A firmware that asks this often for input in vain, and sends nothing in between, only waits.
_IDLE_POLLS = 3
_IDLE_PAUSE_S = 0.0005
_PARTIAL_ANSWER_S = 0.05
_STOP_LIMIT_S = 5.0
_NOWHERE = 0xFFFF_FFFE


class SimLink:
    """A simulated board, at full speed unless something is being counted.

    The device runs in a thread of its own while somebody reads, until it waits for input. It is stopped at the entry of
    `mcuq_port_read` and nowhere else: the engine can go on exactly only from the start of a block, not from an access
    to a register (measured with Unicorn 2.1.1: the block would run twice). The counter of the board follows the
    host's clock: its ticks say nothing about the device. A `watch` sees the memory accesses of what is counted.
    """

    name = "sim"

    def __init__(
        self, image: Image, board: Board, model_name: str, step_count: int, watch: Watch | None = None
    ) -> None:
        self._watch = watch
        self._image = image
        self._board = board
        self._functions = Functions(image, model_name)
        self._step_count = step_count
        self._engine: Any = None
        self._thread: threading.Thread | None = None
        self._counter: Counter | None = None
        self._end: str | None = None

    def open(self) -> None:
        """Load the image and set the core to its first instruction; raises ToolMissing, InvalidBoard."""
        self.close()
        self._unicorn = _import_unicorn()
        self._core = self._core_of_board()
        self._engine = self._core.new_engine(self._unicorn)
        self._restart = False
        self._step: int | None = None
        self._end = None
        self._bad_access: tuple[str, int] | None = None
        self._wire = Wire()
        self._idle_polls = self._last_moves = 0
        self._map_memory()
        self.bus = bus_of(self._board, self._wire, self._on_reset)
        for page in self.bus.pages:
            self._map_page(page)
        self._add_hooks()
        self._load()
        self._begin()
        atexit.register(self.close)

    def write(self, data: bytes) -> None:
        """Queue `data` for the firmware."""
        self._check()
        self._wire.received.extend(data)

    def read(self, timeout_s: float) -> bytes:
        """Let the device run until it has sent something and waits for input, for at most `timeout_s`.

        Returns b"" early when the device only waits. A device that is still busy goes on in the background.
        """
        self._check()
        deadline = time.monotonic() + timeout_s
        thread = self._run()
        while thread.is_alive() and (left_s := deadline - time.monotonic()) > 0:
            thread.join(min(left_s, _PARTIAL_ANSWER_S))
            if self._wire.sent:
                break
        data = self._wire.collect()
        if not data:
            self._check()
            time.sleep(min(_IDLE_PAUSE_S, timeout_s))
        return data

    def start_counting(self) -> None:
        """Count the blocks that `<name>_invoke` runs; some 20 times slower. Raises DeviceTimeout while it is busy."""
        self.stop_counting()
        self._check()
        self._wait_until_idle()
        self._remove_hooks = self._hooks_of_counter()
        self._forget_translations()  # what is already translated would run without the hook

    def stop_counting(self) -> tuple[Trace, ...]:
        """What was counted; from now on the device runs at full speed again."""
        counter, self._counter = self._counter, None
        if counter is None:
            return ()
        if self._engine is not None and self._end is None:
            self._wait_until_idle()
            for remove in self._remove_hooks:
                remove()
            self._forget_translations()
        return tuple(counter.traces)

    def marker_edges(self) -> tuple[bool, ...]:
        """Every change of the marker pin since the start: True is a rise."""
        return self.bus.marker.edges if self.bus.marker is not None else ()

    def last_words(self) -> str:
        """The fault, or the function and step that the device was in; a device that is busy is stopped for good."""
        if self._engine is None:
            return "the simulator is not running"
        if self._end is None and self._is_running():
            self._stop()
            self._end = f"the device was busy in {self._where()}"
        return self._end or f"the device was waiting for input in {self._where()}"

    def close(self) -> None:
        """End the device."""
        atexit.unregister(self.close)
        self._stop()
        self._counter = None
        self._engine = None

    def _run(self) -> threading.Thread:
        """The thread that runs the device, started if it is not under way."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._emulate, name="mcuq simulator", daemon=True)
            self._thread.start()
        return self._thread

    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _wait_until_idle(self) -> None:
        if self._thread is not None:
            self._thread.join(_STOP_LIMIT_S)
        if self._is_running():
            raise DeviceTimeout(f"the device is still busy after {_STOP_LIMIT_S:g} s: {self.last_words()}")

    def _stop(self) -> None:
        """Stop the device wherever it is; it cannot go on afterwards."""
        deadline = time.monotonic() + _STOP_LIMIT_S
        while self._thread is not None and self._thread.is_alive() and time.monotonic() < deadline:
            self._engine.emu_stop()
            self._thread.join(0.02)
        self._thread = None

    def _emulate(self) -> None:
        """Run until the firmware waits for input, or something is wrong; body of the thread."""
        try:
            self._engine.emu_start(self._core.code_address(self._program_counter()), _NOWHERE)
            while self._restart:
                self._restart = False
                self._begin()
                self._engine.emu_start(self._core.code_address(self._program_counter()), _NOWHERE)
        except self._unicorn.UcError as error:
            self._end = self._explain(str(error))

    def _core_of_board(self) -> Core:
        run = self._board.run.sim
        core = CORES.get(run.cpu) if run is not None else None
        if core is None:
            known = ", ".join(CORES)
            raise InvalidBoard(f"board '{self._board.name}': key 'run.sim.cpu' must be one of {known}")
        return core

    def _map_memory(self) -> None:
        constants = self._unicorn.unicorn_const
        rights = {
            "flash": constants.UC_PROT_READ | constants.UC_PROT_EXEC,
            "ram": constants.UC_PROT_READ | constants.UC_PROT_WRITE,
        }
        for region in self._board.memory:
            self._engine.mem_map(region.address, region.bytes, rights[region.kind])

    def _map_page(self, page: int) -> None:
        def read(_engine: object, offset: int, _size: int, _data: object) -> int:
            device = self.bus.at(page + offset)
            if device is None:
                return self._refuse("read from", page + offset)
            return device.model.read(page + offset - device.address)

        def write(_engine: object, offset: int, _size: int, value: int, _data: object) -> None:
            device = self.bus.at(page + offset)
            if device is None:
                self._refuse("write to", page + offset)
            else:
                device.model.write(page + offset - device.address, value)

        self._engine.mmio_map(page, PAGE_BYTES, read, None, write, None)

    def _refuse(self, what: str, address: int) -> int:
        """No device answers at that address of a page that has some: the port is wrong, or the board's file."""
        self._bad_access = (what, address)
        self._end = self._explain("no such register")
        self._engine.emu_stop()
        return 0

    def _load(self) -> None:
        views = [region for region in self._board.memory if region.same_as is not None]
        first_of = {region.name: region for region in self._board.memory}
        with self._image.path.open("rb") as file:
            for segment in ELFFile(file).iter_segments("PT_LOAD"):
                if not segment["p_filesz"]:
                    continue
                address, data = segment["p_paddr"], segment.data()
                self._engine.mem_write(address, data)
                for view in views:
                    original = first_of[str(view.same_as)]
                    if original.address <= address < original.end:
                        self._engine.mem_write(address - original.address + view.address, data)

    def _begin(self) -> None:
        """What the core does on a reset: stack pointer and program counter."""
        stack, entry = self._core.start(self._image, self._read_code)
        if stack is not None:
            self._write_register(self._core.stack_pointer, stack)
            self._write_register(self._core.link_register, 0xFFFF_FFFF)
        self._write_register(self._core.program_counter, entry)

    def _program_counter(self) -> int:
        return self._register(self._core.program_counter)

    def _register(self, name: str) -> int:
        return int(self._engine.reg_read(self._core.register(self._unicorn, name)))

    def _write_register(self, name: str, value: int) -> None:
        self._engine.reg_write(self._core.register(self._unicorn, name), value)

    def _add_hooks(self) -> None:
        constants = self._unicorn.unicorn_const
        self._engine.hook_add(constants.UC_HOOK_MEM_INVALID, self._on_bad_access)
        poll = self._image.symbols.get("mcuq_port_read")
        if poll is None:
            raise LinkLost(f"{self._image.path} has no function mcuq_port_read; build it again with mcuq")
        self._engine.hook_add(constants.UC_HOOK_BLOCK, self._on_poll, None, poll.address, poll.address)
        for entry in self._functions.entries:
            self._engine.hook_add(constants.UC_HOOK_BLOCK, self._on_step, None, entry, entry)

    def _hooks_of_counter(self) -> list[Remove]:
        """A new counter, and the hooks that feed it."""
        watch = self._watch
        reading = (self._functions, self._step_count, self._read_code, self._link_register)
        count = self._core.count_instructions
        if watch is None:
            self._counter = Counter(*reading, count)
            return [add_block_hook(self._unicorn, self._engine, self._counter.on_block)]
        counter = self._counter = WatchedCounter(*reading, count, self._stack_pointer, watch)
        at = (self._unicorn, self._engine)
        hooks = [add_block_hook(*at, counter.on_fetching_block if watch.wants_fetches else counter.on_block)]
        hooks += [add_read_hook(*at, counter.on_read, addresses) for addresses in watch.reads]
        hooks += [add_write_hook(*at, counter.on_write, addresses) for addresses in watch.writes]
        return [*hooks, add_write_hook(*at, counter.on_stack_write, self._stack())]

    def _stack(self) -> tuple[int, int]:
        region = self._board.region_of("stack")
        assert region is not None
        return region.address, region.address + self._board.stack_bytes

    def _forget_translations(self) -> None:
        flash = self._board.flash
        assert flash is not None
        self._engine.ctl_remove_cache(flash.address, flash.end)

    def _check(self) -> None:
        if self._engine is None:
            raise LinkLost("the simulator is closed; open it first")
        if self._end is not None:
            raise DeviceFault(self._end)

    def _on_poll(self, *_block: object) -> None:
        """The firmware asks for input: the place to stop when it has asked in vain for a while."""
        self._step = None
        wire = self._wire
        if wire.received or wire.moves != self._last_moves:
            self._idle_polls = 0
        self._last_moves = wire.moves
        self._idle_polls += 1
        if self._idle_polls > _IDLE_POLLS:
            self._idle_polls = 0
            self._engine.emu_stop()

    def _on_step(self, _engine: object, address: int, *_rest: object) -> None:
        self._step = self._functions.entries[address]

    def _on_reset(self) -> None:
        self._restart = True
        self._engine.emu_stop()

    def _on_bad_access(self, _engine: object, access: int, address: int, *_rest: object) -> bool:
        constants = self._unicorn.unicorn_const
        kinds = {
            constants.UC_MEM_READ_UNMAPPED: "read from",
            constants.UC_MEM_WRITE_UNMAPPED: "write to",
            constants.UC_MEM_FETCH_UNMAPPED: "jump to",
            constants.UC_MEM_WRITE_PROT: "write to",
            constants.UC_MEM_FETCH_PROT: "jump to",
        }
        self._bad_access = (kinds.get(access, "access of"), address & 0xFFFF_FFFF)
        return False

    def _explain(self, engine_error: str) -> str:
        where = self._where()
        if self._bad_access is None:
            return f"the device stopped on an instruction that it cannot run ({engine_error}) in {where}"
        kind, address = self._bad_access
        return f"{kind} address {address:#010x}, {self._region(address)}, in {where}"

    def _region(self, address: int) -> str:
        for region in self._board.memory:
            if region.address <= address < region.end:
                return f"which the {region.kind} region '{region.name}' forbids"
        return f"which is outside the memory of board '{self._board.name}'"

    def _where(self) -> str:
        """Function, step and program counter."""
        pc = self._program_counter()
        step_text = f", step {self._step}" if self._step is not None else ""
        return f"{self._functions.name(pc)}{step_text} (pc {pc:#010x})"

    def _link_register(self) -> int:
        return self._register(self._core.link_register)

    def _stack_pointer(self) -> int:
        return self._register(self._core.stack_pointer)

    def _read_code(self, address: int, size: int) -> bytes:
        return bytes(self._engine.mem_read(address, size))


def _import_unicorn() -> Any:
    try:
        import unicorn
        import unicorn.arm_const
        import unicorn.riscv_const
        import unicorn.unicorn_const
    except ImportError as error:
        raise ToolMissing("the simulator needs unicorn; install it: pip install unicorn==2.1.1") from error
    return unicorn
