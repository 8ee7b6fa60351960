"""Every kind of link, and how one is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mcuq.artifacts import Image
from mcuq.boards import Board
from mcuq.errors import InvalidBoard, InvalidProject
from mcuq.run.host import HostLink
from mcuq.run.link import Link
from mcuq.run.processes import sweep_once
from mcuq.run.qemu import QemuLink
from mcuq.run.renode import RenodeLink
from mcuq.run.serial import DEFAULT_BAUD, SerialLink
from mcuq.run.sim import SimLink


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a link may need to know.

    That is the image, its board, the model's name, its number of steps, arguments for QEMU, the serial port and its
    speed.
    """

    image: Image
    board: Board
    model_name: str
    step_count: int
    qemu_args: str | None
    port: str | None = None
    baud: int | None = None


@dataclass(frozen=True, slots=True)
class LinkKind:
    """One kind of link by the name that boards and users give it."""

    name: str
    make: Callable[[Wanted], Link]


def _serial_link(wanted: Wanted) -> SerialLink:
    if wanted.port is None:
        raise InvalidProject("a board on a serial port is reached by --port; `mcuq ports` lists the ports and boards")
    uart, run = wanted.board.port.uart, wanted.board.run.serial
    usual = (run.baud if run is not None else None) or (uart.baud if uart is not None else DEFAULT_BAUD)
    return SerialLink(wanted.port, wanted.baud or usual)


LINKS: tuple[LinkKind, ...] = (
    LinkKind("sim", lambda wanted: SimLink(wanted.image, wanted.board, wanted.model_name, wanted.step_count)),
    LinkKind("qemu", lambda wanted: QemuLink(wanted.image, wanted.board, wanted.model_name, wanted.qemu_args)),
    LinkKind("renode", lambda wanted: RenodeLink(wanted.image, wanted.board)),
    LinkKind("host", lambda wanted: HostLink(wanted.image)),
    LinkKind("serial", _serial_link),
)


def open_link(
    kind: str | None,
    image: Image,
    board: Board,
    model_name: str,
    step_count: int,
    qemu_args: str | None = None,
    port: str | None = None,
    baud: int | None = None,
) -> Link:
    """An open link to a device that runs `image`: of that kind, else `serial` with a port, else the first of `board`.

    The caller closes it. Raises InvalidBoard when the board has no such link, and what the link's `open` raises.
    """
    name = kind or (board.links[0] if port is None else "serial")
    if name not in board.links:
        raise InvalidBoard(f"board '{board.name}' has no link '{name}'; it has {', '.join(board.links)}")
    sweep_once()
    make = next(link.make for link in LINKS if link.name == name)
    link = make(Wanted(image, board, model_name, step_count, qemu_args, port, baud))
    link.open()
    return link
