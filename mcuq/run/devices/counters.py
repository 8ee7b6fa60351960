"""Free-running counters, all at the pace of the host's clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mcuq.run.devices.wire import HostClock, Peripheral


class CmsdkTimer:
    """CMSDK APB timer with a reload of 2^32 - 1: VALUE counts down, at the pace of the host's clock."""

    def __init__(self, hz: int) -> None:
        self._clock = HostClock(hz)

    def read(self, offset: int) -> int:
        """VALUE (0x04)."""
        return ~self._clock.ticks() & 0xFFFF_FFFF if offset == 0x04 else 0

    def write(self, offset: int, value: int) -> None:
        """Starting it (CTRL) starts the count."""
        if offset == 0x00 and value & 1:
            self._clock.restart()


class NrfTimer:
    """TIMER0 of the nRF51: CAPTURE[0] (0x040) stores the count in CC[0] (0x540)."""

    def __init__(self, hz: int) -> None:
        self._clock = HostClock(hz)
        self._captured = 0

    def read(self, offset: int) -> int:
        """CC[0]."""
        return self._captured if offset == 0x540 else 0

    def write(self, offset: int, value: int) -> None:
        """CAPTURE[0], and CLEAR (0x00C)."""
        if offset == 0x040 and value:
            self._captured = self._clock.ticks()
        elif offset == 0x00C and value:
            self._clock.restart()


class Dwt:
    """Arm's data watchpoint and trace unit: CYCCNT (0x04) moves while CTRL (0x00) has CYCCNTENA."""

    def __init__(self, hz: int) -> None:
        self._clock = HostClock(hz)
        self._control = 0

    def read(self, offset: int) -> int:
        """CTRL and CYCCNT."""
        if offset == 0x04:
            return self._clock.ticks() if self._control & 1 else 0
        return self._control if offset == 0x00 else 0

    def write(self, offset: int, value: int) -> None:
        """CTRL, and CYCCNT, which only ever is set to 0."""
        if offset == 0x00:
            self._control = value
        elif offset == 0x04:
            self._clock.restart()


class Rp2040Timer:
    """TIMER of the RP2040: TIMERAWL (0x28) counts microseconds."""

    def __init__(self, hz: int) -> None:
        self._clock = HostClock(hz)

    def read(self, offset: int) -> int:
        """TIMERAWL."""
        return self._clock.ticks() if offset == 0x28 else 0

    def write(self, offset: int, value: int) -> None:
        """Nothing that a port sets."""


class Esp32C3Systimer:
    """SYSTIMER of the ESP32-C3: UNIT0_OP (0x04) takes a snapshot (bit 30; bit 29 valid) that VALUE_LO (0x44) holds."""

    def __init__(self, hz: int) -> None:
        self._clock = HostClock(hz)
        self._snapshot = 0

    def read(self, offset: int) -> int:
        """The snapshot, which is valid at once."""
        return {0x04: 1 << 29, 0x44: self._snapshot}.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """UPDATE."""
        if offset == 0x04 and value & 1 << 30:
            self._snapshot = self._clock.ticks()


COUNTERS: Mapping[str, Callable[[int], Peripheral]] = {
    "cmsdk": CmsdkTimer,
    "nrf": NrfTimer,
    "dwt": Dwt,
    "rp2040": Rp2040Timer,
    "esp32c3": Esp32C3Systimer,
}

# Inside the core, which has it without a device.
CORE_COUNTERS = ("mcycle",)
