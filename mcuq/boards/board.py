"""What a board is: core, memory, UART, counter, compiler flags, and the links that reach it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

# Read by pydantic at the edge (load.py): a key that no field names is an error.
_CLOSED = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class MemoryRegion:
    """One contiguous memory of the board."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    name: str
    address: int
    bytes: int
    kind: Literal["flash", "ram"]

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.bytes


@dataclass(frozen=True, slots=True)
class Uart:
    """The serial port that the firmware talks through; `tx_pin` and `rx_pin` where the pins can be chosen."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    model: Literal["cmsdk", "nrf51"]
    address: int
    baud: int
    tx_pin: int | None = None
    rx_pin: int | None = None


@dataclass(frozen=True, slots=True)
class Timer:
    """The free-running counter behind `mcuq_port_ticks`."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    model: Literal["cmsdk", "nrf51"]
    address: int
    hz: int


@dataclass(frozen=True, slots=True)
class Port:
    """The files of firmware/port that bring the board up, and the devices that they drive."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    sources: tuple[str, ...]
    uart: Uart | None = None
    timer: Timer | None = None


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
class SimRun:
    """The in-process simulator: its core model, and pages of registers that always read as ready (all ones)."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    cpu: str
    ready_pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class QemuRun:
    """QEMU: machine name, which of its serial ports is ours, and 2^icount_shift ns of virtual time per instruction."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    machine: str
    serial_index: int = 0
    icount_shift: int = 6


@dataclass(frozen=True, slots=True)
class HostRun:
    """A native program behind a pseudo terminal."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED


@dataclass(frozen=True, slots=True)
class Run:
    """The links that reach the board; a missing one is None."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CLOSED

    sim: SimRun | None = None
    qemu: QemuRun | None = None
    host: HostRun | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """A board as its TOML file tells it.

    `clock_hz` is the core clock, 0 where it is unknown (host). `stack_bytes` is set aside at the bottom of RAM, so that
    an overflow leaves RAM and faults. The first region of each kind is the one that is linked into.
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

    @property
    def is_host(self) -> bool:
        """Whether the firmware is a native program: no flash, no fixed RAM, no linker script."""
        return self.run.host is not None

    @property
    def links(self) -> tuple[str, ...]:
        """The kinds of link that the board has, the preferred one first."""
        named = (("sim", self.run.sim), ("qemu", self.run.qemu), ("host", self.run.host))
        return tuple(name for name, run in named if run is not None)

    @property
    def flash(self) -> MemoryRegion | None:
        """The region that holds code and constants; None on the host."""
        return next((region for region in self.memory if region.kind == "flash"), None)

    @property
    def ram(self) -> MemoryRegion | None:
        """The region that holds stack, data and arena; None on the host."""
        return next((region for region in self.memory if region.kind == "ram"), None)

    def instructions_from_ticks(self, ticks: int) -> int | None:
        """Instructions that pass in QEMU while the firmware's counter moves by `ticks`; None without QEMU."""
        if self.run.qemu is None or self.port.timer is None:
            return None
        return round(ticks * 1_000_000_000 / self.port.timer.hz / (1 << self.run.qemu.icount_shift))
