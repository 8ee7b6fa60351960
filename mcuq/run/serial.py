"""A serial port by its path: the one place that knows pyserial."""

from __future__ import annotations

import select
from typing import Any

from mcuq.errors import ToolMissing

_PIECE_BYTES = 1024


class SerialPort:
    """An open serial port or pseudo terminal; raises OSError when it cannot be opened or goes away, ToolMissing."""

    def __init__(self, path: str, baud: int = 115200) -> None:
        serial = _import_serial()
        self._port: Any = serial.Serial(path, baudrate=baud, timeout=0, write_timeout=0)
        self._arrived = b""

    def write(self, data: bytes) -> None:
        """Send all of `data`, taking in what arrives meanwhile.

        A terminal holds little: two ends that only write would wait for each other.
        """
        while data:
            readable, writable, _ = select.select([self._port], [self._port], [])
            if readable:
                self._arrived += self._take()
            if writable:
                data = data[self._port.write(data[:_PIECE_BYTES]) :]

    def read(self, timeout_s: float) -> bytes:
        """What has arrived, or b"" after `timeout_s` seconds of silence."""
        if not self._arrived and select.select([self._port], [], [], timeout_s)[0]:
            self._arrived = self._take()
        data, self._arrived = self._arrived, b""
        return data

    def close(self) -> None:
        """Let the port go."""
        self._port.close()

    def _take(self) -> bytes:
        return bytes(self._port.read(max(self._port.in_waiting, 1)))


def _import_serial() -> Any:
    try:
        import serial
    except ImportError as error:
        raise ToolMissing("serial ports need pyserial; install it: pip install pyserial") from error
    return serial
