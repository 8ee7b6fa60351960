"""From an open link to a device that is what it should be, or to an error that names what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mcuq.errors import DeviceError, DeviceTimeout, LinkLost
from mcuq.run.client import Client
from mcuq.run.link import Link
from mcuq.run.messages import Fault, Hello
from mcuq.run.serial import DEFAULT_BAUD, PortInfo, SerialLink, serial_ports
from mcuq.run.validate import Target, check_identity

_PORT_DEADLINE_S = 2.5
_TIMEOUT_S = 1.0
_LONGEST_REQUEST_BYTES = 600
_BITS_PER_BYTE = 10  # 8N1


def client_on(link: Link, describe_fault: Callable[[Fault], str] = str) -> Client:
    """A client with patience for the speed of the link."""
    byte_s = _BITS_PER_BYTE / link.baud if isinstance(link, SerialLink) else 0.0
    # Longer than the longest request takes on a slow line.
    timeout_s = _TIMEOUT_S + _LONGEST_REQUEST_BYTES * byte_s
    return Client(link, timeout_s=timeout_s, byte_s=byte_s, describe_fault=describe_fault)


def connected(
    link: Link, target: Target, describe_fault: Callable[[Fault], str] = str, *, deadline_s: float = 10.0
) -> Client:
    """A client of the device behind an open link, which runs what `target` says.

    Raises DeviceTimeout (silence, another program, a wrong baud rate: then which one answers), DeviceFault (it restarts
    again and again), DeviceError (another board, model or version), and what the link raises.
    """
    client = client_on(link, describe_fault)
    try:
        client.hello(deadline_s=deadline_s)
    except DeviceTimeout as error:
        baud = link.find_baud() if isinstance(link, SerialLink) else None
        if baud is None:
            raise
        raise DeviceTimeout(
            f"nothing readable comes from port {link.last_words()}, but mcuq's firmware answers at {baud} baud: "
            f"add --baud {baud}"
        ) from error
    check_identity(client, target)
    return client


@dataclass(frozen=True, slots=True)
class Answering:
    """A serial port and who answers on it: `hello`, or why nobody does."""

    port: PortInfo
    baud: int
    hello: Hello | None
    problem: str


def answering_ports(paths: tuple[str, ...] = (), baud: int | None = None) -> tuple[Answering, ...]:
    """Every serial port (or those of `paths`) and the board that answers; without `baud` others are tried too."""
    ports = tuple(PortInfo(path, "", "") for path in paths) or serial_ports()
    return tuple(_asked(port, baud) for port in ports)


def _asked(port: PortInfo, baud: int | None) -> Answering:
    link = SerialLink(port.path, baud or DEFAULT_BAUD, reconnect_s=0.0)
    try:
        link.open()
        try:
            return Answering(port, link.baud, client_on(link).hello(deadline_s=_PORT_DEADLINE_S), "")
        except DeviceTimeout as error:
            found = None if baud is not None else link.find_baud()
            if found is None:
                return Answering(port, link.baud, None, _short(error))
            link.close()
            return _asked(port, found)
    except (DeviceError, LinkLost) as error:
        return Answering(port, link.baud, None, str(error))
    finally:
        link.close()


def _short(error: DeviceTimeout) -> str:
    """The part of the story that says what came."""
    return str(error).partition("attempts; ")[2].partition(". Last known")[0] or str(error)
