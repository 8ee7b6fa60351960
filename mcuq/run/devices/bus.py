"""Which registers a board has at which address; an access to any other address of their pages is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from mcuq.boards import Board
from mcuq.errors import InvalidBoard
from mcuq.run.devices.clocks import DEVICES
from mcuq.run.devices.counters import CORE_COUNTERS, COUNTERS
from mcuq.run.devices.marker import MarkerPin
from mcuq.run.devices.system import Finisher, SystemControl
from mcuq.run.devices.uarts import UARTS
from mcuq.run.devices.wire import Peripheral, Wire

PAGE_BYTES = 0x1000
_FINISHER = "finisher"

_Make = TypeVar("_Make", bound=Callable[..., Peripheral])


@dataclass(frozen=True, slots=True)
class Device:
    """A register model at its place; it reaches to the next device, or to the end of its page."""

    address: int
    model: Peripheral


class Bus:
    """The devices of a board, page by page."""

    def __init__(self, devices: Iterable[Device]) -> None:
        self._devices = sorted(devices, key=lambda device: device.address)

    @property
    def pages(self) -> tuple[int, ...]:
        """First addresses of the pages that have devices."""
        return tuple(sorted({device.address & -PAGE_BYTES for device in self._devices}))

    def at(self, address: int) -> Device | None:
        """The device that answers at `address`; None before the first of its page."""
        page = address & -PAGE_BYTES
        fitting = [device for device in self._devices if page <= device.address <= address]
        return fitting[-1] if fitting else None

    @property
    def marker(self) -> MarkerPin | None:
        """The marker pin, where the board has one."""
        return next((device.model for device in self._devices if isinstance(device.model, MarkerPin)), None)

    def device(self, address: int) -> Peripheral:
        """The model whose first register lies at `address`; raises KeyError."""
        return {device.address: device.model for device in self._devices}[address]


def bus_of(board: Board, wire: Wire, on_reset: Callable[[], None]) -> Bus:
    """The devices that the simulator gives to `board`; raises InvalidBoard for a model that it does not have."""
    found = [Device(address, model) for address, model in _own(board, on_reset)]
    uart, timer = board.port.uart, board.port.timer
    if uart is not None:
        found.append(Device(uart.address, _pick(board, "port.uart.model", uart.model, UARTS)(wire)))
    if timer is not None and timer.model not in CORE_COUNTERS:
        make = _pick(board, "port.timer.model", timer.model, COUNTERS)
        if timer.address is None:
            raise InvalidBoard(f"board '{board.name}': key 'port.timer.address' is missing")
        found.append(Device(timer.address, make(timer.hz)))
    if board.port.marker is not None:
        pin = MarkerPin(board.port.marker)
        found.append(Device(pin.address, pin))
    return Bus(found)


def _own(board: Board, on_reset: Callable[[], None]) -> Iterable[tuple[int, Peripheral]]:
    if board.architecture == "arm":
        yield SystemControl.ADDRESS, SystemControl(on_reset, board.clock_hz)
    for device in board.run.sim.devices if board.run.sim is not None else ():
        if device.model == _FINISHER:
            yield device.address, Finisher(on_reset)
        else:
            yield device.address, _pick(board, "run.sim.devices.model", device.model, DEVICES)()


def _pick(board: Board, key: str, name: str, known: Mapping[str, _Make]) -> _Make:
    if name not in known:
        raise InvalidBoard(
            f"board '{board.name}': key '{key}': the simulator has no '{name}'; it has {', '.join(known)}; "
            "without [run.sim] the board is reached by its other links"
        )
    return known[name]
