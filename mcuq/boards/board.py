"""What a board is: core, memory, UART, counter, compiler flags, and the links that reach it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

# Read by pydantic at the edge (load.py): a key that no field names is an error.
_CLOSED = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class MemoryRegion:
    """One contiguous memory of the board; `same_as` names the region of which it is a second view."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    name: str
    address: int
    bytes: int
    kind: Literal["flash", "ram"]
    same_as: str | None = None

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.bytes


@dataclass(frozen=True, slots=True)
class Placement:
    """Which memory region holds what; None is the first region of the kind.

    `rodata` holds constants where code and data are read through different buses. `fast` is a RAM that buffers in
    frequent use are put into, at most `fast_bytes` of it (all that stack and data leave when left out); the rest of
    the arena lies in `arena`.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    stack: str | None = None
    data: str | None = None
    arena: str | None = None
    rodata: str | None = None
    fast: str | None = None
    fast_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Uart:
    """The serial port that the firmware talks through; `tx_pin` and `rx_pin` where the pins can be chosen.

    `model` names the registers to the simulator (`mcuq/run/devices`).
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    model: str
    address: int
    baud: int
    tx_pin: int | None = None
    rx_pin: int | None = None


@dataclass(frozen=True, slots=True)
class Timer:
    """The free-running counter behind `mcuq_port_ticks`; one inside the core (mcycle) has no address."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    model: str
    hz: int
    address: int | None = None


@dataclass(frozen=True, slots=True)
class Marker:
    """A pin that firmware moves for an instrument, as register accesses.

    `setup` makes it an output: (address, bits to clear, bits to set), in this order; `high` and `low` are one write
    (address, value) each.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    setup: tuple[tuple[int, int, int], ...]
    high: tuple[int, int]
    low: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Port:
    """The files that bring the board up, and the devices that they drive.

    `sources` are files of firmware/port, or beside the board's own file. `options` reach them as macros: `pll_n = 336`
    is `MCUQ_PLL_N`.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    sources: tuple[str, ...]
    uart: Uart | None = None
    timer: Timer | None = None
    marker: Marker | None = None
    options: Mapping[str, int] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class CompilerFlags:
    """How each compiler family is told which core to compile for."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    gcc: tuple[str, ...]
    clang: tuple[str, ...]
    zig: tuple[str, ...]

    def of(self, family: str) -> tuple[str, ...]:
        """The flags for `gcc`, `clang` or `zig`."""
        return {"gcc": self.gcc, "clang": self.clang, "zig": self.zig}[family]


@dataclass(frozen=True, slots=True)
class SimDevice:
    """Registers beside UART and counter that the port touches: clocks, power, pins; `model` as for UARTs."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    model: str
    address: int


@dataclass(frozen=True, slots=True)
class SimRun:
    """The in-process simulator: its core model, and the registers of clocks and pins."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    cpu: str
    devices: tuple[SimDevice, ...] = ()


@dataclass(frozen=True, slots=True)
class QemuRun:
    """QEMU: machine, which of its serial ports is ours, and 2^icount_shift ns of virtual time per instruction.

    `ticks_hz` is the rate of the firmware's counter there, where it is not that of the board.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    machine: str
    program: Literal["qemu-system-arm", "qemu-system-riscv32"] = "qemu-system-arm"
    arguments: tuple[str, ...] = ()
    serial_index: int = 0
    icount_shift: int = 6
    ticks_hz: int | None = None


@dataclass(frozen=True, slots=True)
class HostRun:
    """A native program behind a pseudo terminal."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED


@dataclass(frozen=True, slots=True)
class SerialRun:
    """The board itself on a serial port; `baud` where it is not that of [port.uart] (USB takes any)."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    baud: int | None = None


@dataclass(frozen=True, slots=True)
class RenodeRun:
    """Renode: the UART's name there, a platform of its tree, and what is added to it or said otherwise.

    `description` is the text of a .repl; without a `platform` it is all of the machine.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    uart: str
    platform: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class GdbRun:
    """A chip of which only core and memory map are known: a debugger reaches it, no UART and no counter are needed."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED


@dataclass(frozen=True, slots=True)
class Run:
    """The links that reach the board; a missing one is None."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    sim: SimRun | None = None
    qemu: QemuRun | None = None
    host: HostRun | None = None
    serial: SerialRun | None = None
    gdb: GdbRun | None = None
    renode: RenodeRun | None = None


@dataclass(frozen=True, slots=True)
class Flash:
    """How the board is flashed: for each tool what it needs to know; those not named are not used.

    `pyocd` and `jlink` are their names of the chip, `openocd` its configuration files, `esptool` its chip, `uf2_family`
    the family of its UF2 boot loader. `interface` is what J-Link speaks.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    pyocd: str | None = None
    openocd: tuple[str, ...] = ()
    st_flash: bool = False
    jlink: str | None = None
    interface: Literal["SWD", "JTAG"] = "SWD"
    uf2_family: int | None = None
    esptool: str | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """A board as its TOML file tells it.

    `clock_hz` is the core clock, 0 where it is unknown (host). `stack_bytes` is set aside at the bottom of its region,
    so that an overflow leaves RAM and faults. The first region of each kind is the one that is linked into, unless
    `placement` says otherwise.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    name: str
    description: str
    core: str
    clock_hz: int
    stack_bytes: int
    port: Port
    compiler: CompilerFlags
    run: Run
    features: frozenset[str] = frozenset()
    memory: tuple[MemoryRegion, ...] = ()
    placement: Placement = Placement()
    flashing: Flash | None = None

    @property
    def architecture(self) -> Literal["arm", "riscv", "host"]:
        """The instruction set, by which compilers, emulators and start-up differ."""
        if self.is_host:
            return "host"
        return "riscv" if self.core.startswith("rv32") else "arm"

    @property
    def is_host(self) -> bool:
        """Whether the firmware is a native program: no flash, no fixed RAM, no linker script."""
        return self.run.host is not None

    @property
    def is_bare(self) -> bool:
        """Whether only core and memory map are known: the program is the model alone, for the gdb link."""
        return self.run.gdb is not None and self.port.uart is None

    @property
    def links(self) -> tuple[str, ...]:
        """The kinds of link that the board has, the preferred one first; a bare one has the debugger's alone."""
        if self.is_bare:
            return ("gdb",)
        run = self.run
        emulated = (("sim", run.sim), ("qemu", run.qemu), ("renode", run.renode))
        named = (*emulated, ("host", run.host), ("serial", run.serial))
        return tuple(name for name, run in named if run is not None)

    @property
    def flash(self) -> MemoryRegion | None:
        """The region that holds code and constants; None on the host."""
        return next((region for region in self.memory if region.kind == "flash"), None)

    @property
    def ram(self) -> MemoryRegion | None:
        """The region that holds stack, data and arena; None on the host."""
        return next((region for region in self.memory if region.kind == "ram"), None)

    def region_of(self, what: Literal["stack", "data", "arena", "rodata"]) -> MemoryRegion | None:
        """The region that holds it; None on the host."""
        name = getattr(self.placement, what)
        first = self.flash if what == "rodata" else self.ram
        return first if name is None else next(region for region in self.memory if region.name == name)

    @property
    def fast(self) -> MemoryRegion | None:
        """The RAM for buffers in frequent use, None where the arena lies in one memory."""
        return next((region for region in self.memory if region.name == self.placement.fast), None)

    @property
    def ram_regions(self) -> tuple[MemoryRegion, ...]:
        """Every RAM that something is put into, each once, the one of the arena first."""
        wanted = (self.region_of("arena"), self.fast, self.region_of("data"), self.region_of("stack"))
        return tuple(dict.fromkeys(region for region in wanted if region is not None))

    def room_bytes(self, region: MemoryRegion, static_bytes: int) -> int:
        """What stack and `static_bytes` of data leave of a RAM region for the arena."""
        stack = self.stack_bytes if region == self.region_of("stack") else 0
        return region.bytes - stack - (static_bytes if region == self.region_of("data") else 0)

    def instructions_from_ticks(self, ticks: int) -> int | None:
        """Instructions that pass in QEMU while the firmware's counter moves by `ticks`; None without QEMU."""
        if self.run.qemu is None or self.port.timer is None:
            return None
        hz = self.run.qemu.ticks_hz or self.port.timer.hz
        return round(ticks * 1_000_000_000 / hz / (1 << self.run.qemu.icount_shift))
