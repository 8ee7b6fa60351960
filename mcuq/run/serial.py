"""A serial port by its path: the one place that knows pyserial."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcuq.artifacts import Trace
from mcuq.errors import DeviceError, LinkLost, ToolMissing
from mcuq.run.frames import REPLY, Frame, Parser, encode
from mcuq.run.locks import PortLock, holders_of
from mcuq.run.messages import PROTOCOL_VERSION, Request, words
from mcuq.run.processes import sweep_once

DEFAULT_BAUD = 115_200
COMMON_BAUDS = (115_200, 921_600, 9_600, 57_600, 230_400, 460_800, 1_000_000, 2_000_000)

_PIECE_BYTES = 1024
_WRITE_TIMEOUT_S = 10.0
_RETRY_S = 0.1
_BAUD_ANSWER_S = 0.4
_PROBE_SESSION = 0x6D637571


class SerialPort:
    """An open serial port, pseudo terminal or TCP stream (`socket://host:port`).

    Raises OSError when it cannot be opened or goes away, ToolMissing.
    """

    def __init__(self, path: str, baud: int = DEFAULT_BAUD) -> None:
        serial = _import_serial()
        if is_url(path):
            self._port: Any = serial.serial_for_url(path, baudrate=baud, timeout=0)
        else:
            self._port = serial.Serial(path, baudrate=baud, timeout=0, write_timeout=0)
        # What a socket counts as waiting is only whether something waits.
        self._read_bytes = _PIECE_BYTES if is_url(path) else 1
        self._arrived = b""

    def write(self, data: bytes) -> None:
        """Send all of `data`, taking in what arrives meanwhile.

        A terminal holds little: two ends that only write would wait for each other.
        """
        while data:
            readable, writable, _ = select.select([self._port], [self._port], [], _WRITE_TIMEOUT_S)
            if readable:
                self._arrived += self._take()
            if writable:
                data = data[self._port.write(data[:_PIECE_BYTES]) :]
            if not readable and not writable:
                raise OSError(errno.ETIMEDOUT, f"the port took no byte for {_WRITE_TIMEOUT_S:g} s")

    def read(self, timeout_s: float) -> bytes:
        """What has arrived, or b"" after `timeout_s` seconds of silence."""
        if not self._arrived and select.select([self._port], [], [], timeout_s)[0]:
            self._arrived = self._take()
        data, self._arrived = self._arrived, b""
        return data

    def set_baud(self, baud: int) -> None:
        """Change the speed; what has arrived is dropped."""
        self._port.baudrate = baud
        self._port.reset_input_buffer()
        self._arrived = b""

    def close(self) -> None:
        """Let the port go."""
        with contextlib.suppress(OSError):
            self._port.close()

    def _take(self) -> bytes:
        return bytes(self._port.read(max(self._port.in_waiting, self._read_bytes)))


def is_url(path: str) -> bool:
    """Whether a port is a TCP stream in place of a file of the system."""
    return "://" in path


@dataclass(frozen=True, slots=True)
class PortInfo:
    """A serial port of this computer; `hardware` is what its USB descriptor says, empty where there is none."""

    path: str
    description: str
    hardware: str


class SerialLink:
    """A board on a serial port, under a lock. A port that goes away is waited for and opened again.

    `reconnect_s` is how long: a USB port comes back within seconds, maybe under another name (then it is found by its
    hardware description). What was on its way is lost, which the protocol repeats; a device that lost its power has
    lost its session, and says so.
    """

    name = "serial"

    def __init__(self, path: str, baud: int = DEFAULT_BAUD, *, reconnect_s: float = 10.0) -> None:
        self.path = path
        self.baud = baud
        self._reconnect_s = reconnect_s
        self._lock: PortLock | None = None
        self._port: SerialPort | None = None
        self._hardware = ""
        self._losses = 0
        self._is_open = False

    def open(self) -> None:
        """Lock and open the port; raises LinkLost (missing, forbidden, busy: by whom), DeviceError, ToolMissing."""
        self.close()
        sweep_once()
        lock = PortLock(self.path)
        lock.acquire()
        try:
            self._port = opened_port(self.path, self.baud)
        except BaseException:
            lock.release()
            raise
        self._lock, self._is_open = lock, True
        self._hardware = next((port.hardware for port in serial_ports() if port.path == self.path), "")

    def write(self, data: bytes) -> None:
        """Send all of `data`; what a port that went away should have taken is lost."""
        port = self._connected()
        try:
            port.write(data)
        except OSError as error:
            self._come_back(error)

    def read(self, timeout_s: float) -> bytes:
        """What has arrived, or b"" after `timeout_s` seconds of silence."""
        port = self._connected()
        try:
            return port.read(timeout_s)
        except OSError as error:
            self._come_back(error)
            return b""

    def start_counting(self) -> None:
        """Nothing to start: the firmware has a counter."""

    def stop_counting(self) -> tuple[Trace, ...]:
        """No traces: the firmware has a counter."""
        return ()

    def last_words(self) -> str:
        """The port, its speed, and how often it went away."""
        away = f"; it went away {self._losses} times meanwhile" if self._losses else ""
        return f"port {self.path} at {self.baud} baud is {'open' if self._port is not None else 'closed'}{away}"

    def find_baud(self) -> int | None:
        """Another common speed at which mcuq's firmware answers; afterwards the port has its own speed again."""
        hello = encode(Frame(Request.HELLO, 1, _PROBE_SESSION, words(PROTOCOL_VERSION)))
        port = self._connected()
        try:
            for baud in COMMON_BAUDS:
                if baud != self.baud and _answers(port, baud, hello):
                    return baud
            port.set_baud(self.baud)
        except (OSError, ValueError):
            return None
        return None

    def close(self) -> None:
        """Let port and lock go."""
        self._is_open = False
        port, self._port = self._port, None
        if port is not None:
            port.close()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def _connected(self) -> SerialPort:
        if self._port is None:
            raise LinkLost(f"port {self.path} is not open; open the link first")
        return self._port

    def _come_back(self, error: OSError) -> None:
        """Open the port again as soon as it is there; raises LinkLost after `reconnect_s`."""
        self._losses += 1
        if self._port is not None:
            self._port.close()
            self._port = None
        deadline = time.monotonic() + self._reconnect_s
        while time.monotonic() < deadline:
            path = self._where_it_is()
            if path is not None:
                with contextlib.suppress(OSError, LinkLost):
                    self._port = opened_port(path, self.baud)
                    self.path = path
                    return
            time.sleep(_RETRY_S)
        raise LinkLost(
            f"port {self.path} went away ({error.strerror or error}) and did not come back within "
            f"{self._reconnect_s:g} s; check cable and power"
        ) from error

    def _where_it_is(self) -> str | None:
        if is_url(self.path) or Path(self.path).exists():
            return self.path
        same = (port.path for port in serial_ports() if self._hardware and port.hardware == self._hardware)
        return next(same, None)


def _answers(port: SerialPort, baud: int, hello: bytes) -> bool:
    port.set_baud(baud)
    port.write(hello)
    parser, deadline = Parser(), time.monotonic() + _BAUD_ANSWER_S
    while (left_s := deadline - time.monotonic()) > 0:
        if any(frame.kind == Request.HELLO | REPLY for frame in parser.feed(port.read(left_s))):
            return True
    return False


def opened_port(path: str, baud: int) -> SerialPort:
    """An open port that nobody else has open; raises LinkLost naming the cause, DeviceError for a baud, ToolMissing."""
    try:
        port = SerialPort(path, baud)
    except ValueError as error:
        raise DeviceError(f"port {path} cannot do {baud} baud ({error}); choose another --baud") from error
    except OSError as error:
        raise LinkLost(_why_not(path, error)) from error
    if not is_url(path) and holders_of(path):
        port.close()
        raise LinkLost(_busy(path))
    return port


def _why_not(path: str, error: OSError) -> str:
    if is_url(path):
        return f"nobody listens at {path}: {error}; start the server of the probe or emulator first"
    if error.errno == errno.ENOENT or (os.name == "posix" and not Path(path).exists()):
        there = ", ".join(port.path for port in serial_ports()) or "none"
        return f"there is no port {path}; ports of this computer: {there}; plug the board in, `mcuq ports` lists them"
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"no permission for port {path}, which belongs to group '{_group_of(path)}'; "
            f"join it: sudo usermod -aG {_group_of(path)} $USER, and log in again"
        )
    if error.errno in (errno.EBUSY, errno.EAGAIN):
        return _busy(path)
    return f"port {path} cannot be opened: {error.strerror or error}; check that it is a serial port"


def _busy(path: str) -> str:
    holders = " and ".join(map(str, holders_of(path))) or "another process, which the system does not name,"
    return f"port {path} is busy: {holders} has it open; close that program (a terminal, an IDE) and try again"


def _group_of(path: str) -> str:
    try:
        return Path(path).group()
    except (OSError, KeyError, NotImplementedError):
        return "dialout"


def serial_ports() -> tuple[PortInfo, ...]:
    """The serial ports that the system knows, by path. Raises ToolMissing."""
    _import_serial()
    from serial.tools import list_ports

    return tuple(
        PortInfo(port.device, port.description or "", "" if port.hwid in (None, "n/a") else port.hwid)
        for port in sorted(list_ports.comports(), key=lambda port: str(port.device))
        if port.hwid not in (None, "n/a") or not port.device.startswith("/dev/ttyS")
    )


def _import_serial() -> Any:
    try:
        import serial
    except ImportError as error:
        raise ToolMissing("serial ports need pyserial; install it: pip install pyserial") from error
    return serial
