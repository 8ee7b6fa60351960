"""What every link is: a byte stream to a device that runs our firmware, and what it can count."""

from __future__ import annotations

from typing import Protocol

from mcuq.artifacts import Trace


class Link(Protocol):
    """A byte stream to a device.

    1. `open` starts or connects the device; it raises ToolMissing, LinkLost or DeviceTimeout, and leaves nothing then.
    2. `write` sends all bytes; `read` returns what has arrived, waiting for at most `timeout_s`, b"" when nothing came.
       Both raise LinkLost (device gone, with `last_words`) or DeviceFault (it touched memory that it does not have).
    3. Between `start_counting` and `stop_counting` calls of `<name>_invoke` are counted; `stop_counting` returns one
       Trace per call, oldest first, or an empty tuple where the link cannot count.
    4. `close` may be called at any time, more than once; afterwards no process, thread, file or port is left.
    """

    name: str

    def open(self) -> None:
        """Start or connect the device."""

    def write(self, data: bytes) -> None:
        """Send all of `data`."""

    def read(self, timeout_s: float) -> bytes:
        """What has arrived, or b"" after `timeout_s` seconds of silence."""

    def start_counting(self) -> None:
        """Count instructions from now on, where the link can."""

    def stop_counting(self) -> tuple[Trace, ...]:
        """What was counted since `start_counting`."""

    def last_words(self) -> str:
        """What the device last did, as far as this link can tell: one sentence for an error message."""

    def close(self) -> None:
        """End the device or let it go."""
