"""What restarts the firmware: Arm's system control block, and the finisher of QEMU's `virt` machine."""

from __future__ import annotations

from collections.abc import Callable

from mcuq.run.devices.wire import HostClock


class SystemControl:
    """The private peripherals of a Cortex-M from 0xE000E000 on: SysTick counts down, AIRCR resets, all else is 0."""

    ADDRESS = 0xE000_E000
    BYTES = 0x1000

    def __init__(self, on_reset: Callable[[], None], hz: int) -> None:
        self._on_reset = on_reset
        self._systick = HostClock(hz)

    def read(self, offset: int) -> int:
        """SYST_CVR (0x018) with the longest reload."""
        return -self._systick.ticks() - 1 & 0xFF_FFFF if offset == 0x018 else 0

    def write(self, offset: int, value: int) -> None:
        """SYSRESETREQ with the right key starts the firmware over."""
        if offset == 0xD0C and value & 0xFFFF_0004 == 0x05FA_0004:
            self._on_reset()
        elif offset == 0x018:
            self._systick.restart()


class Finisher:
    """SiFive's test finisher, as QEMU's `virt` machine has it: 0x7777 resets."""

    def __init__(self, on_reset: Callable[[], None]) -> None:
        self._on_reset = on_reset

    def read(self, offset: int) -> int:
        """Nothing."""
        return 0

    def write(self, offset: int, value: int) -> None:
        """FINISHER_RESET."""
        if offset == 0 and value & 0xFFFF == 0x7777:
            self._on_reset()
