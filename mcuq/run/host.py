"""The host link: the firmware as a native program behind a pseudo terminal, spoken to through pyserial."""

from __future__ import annotations

import select
import signal
import subprocess
import time

from mcuq.artifacts import Image, Trace
from mcuq.errors import DeviceTimeout, LinkLost
from mcuq.run.processes import ChildProcess
from mcuq.run.serial import SerialPort

_OPEN_TIMEOUT_S = 10.0


class HostLink:
    """The firmware on this computer. It prints the path of its terminal; from then on it is a serial port like any."""

    name = "host"

    def __init__(self, image: Image) -> None:
        self._image = image
        self._child: ChildProcess | None = None
        self._port: SerialPort | None = None

    def open(self) -> None:
        """Start the program and open its terminal; raises ToolMissing, LinkLost, DeviceTimeout."""
        self.close()
        self._child = ChildProcess()
        try:
            process = self._child.start((str(self._image.path.resolve()),), pipe_output=True)
            self._port = SerialPort(self._terminal_path(process))
        except OSError as error:
            self.close()
            raise LinkLost(f"{self._image.path} cannot be started: {error}; build it on this computer") from error
        except BaseException:
            self.close()
            raise

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        port = self._connected()
        try:
            port.write(data)
        except OSError as error:
            raise self._lost() from error

    def read(self, timeout_s: float) -> bytes:
        """What has arrived, or b"" after `timeout_s` seconds of silence."""
        port = self._connected()
        try:
            data = port.read(timeout_s)
        except OSError as error:
            raise self._lost() from error
        if not data and self._child is not None and self._child.exit_status is not None:
            raise self._lost()
        return data

    def start_counting(self) -> None:
        """A native program is not counted."""

    def stop_counting(self) -> tuple[Trace, ...]:
        """No traces."""
        return ()

    def last_words(self) -> str:
        """How the program ended, or that it runs."""
        if self._child is None:
            return "the host firmware is not running"
        status = self._child.exit_status
        if status is None:
            return "the host firmware runs, and is silent"
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        message = self._child.error_tail()
        return f"the host firmware {how}{': ' + message if message else ''}"

    def close(self) -> None:
        """Close the terminal and end the program."""
        port, self._port = self._port, None
        if port is not None:
            port.close()
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _terminal_path(self, process: subprocess.Popen[bytes]) -> str:
        """The first line of the program's output."""
        assert process.stdout is not None
        deadline = time.monotonic() + _OPEN_TIMEOUT_S
        while select.select([process.stdout], [], [], max(deadline - time.monotonic(), 0.0))[0]:
            line = process.stdout.readline().decode().strip()
            if line:
                return line
            process.wait(_OPEN_TIMEOUT_S)
            raise LinkLost(self.last_words())
        raise DeviceTimeout(f"the host firmware did not open a terminal within {_OPEN_TIMEOUT_S:g} s")

    def _connected(self) -> SerialPort:
        if self._port is None:
            raise LinkLost("the host firmware is not running; open the link first")
        return self._port

    def _lost(self) -> LinkLost:
        if self._child is not None:
            self._child.wait_a_moment()
        return LinkLost(f"the connection broke: {self.last_words()}")
