"""Nordic's Power Profiler Kit II as an ampere meter: 100,000 samples a second, marker on logic input D0.

Source of the figures: the kit's user guide; commands and scaling are those of the package ppk2-api.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from mcuq.errors import LinkLost, ToolMissing
from mcuq.run.instruments.monitor import Recording

INTERVAL_S = 1e-5
_MARKER = 1 << 0
_POLL_S = 0.005


class Ppk2:
    """The kit on `port`, or the one that is plugged in; `supply_mv` is the voltage that feeds the board through it.

    A thread empties its serial port, which holds some milliseconds of samples, while the board is spoken to.
    """

    name = "ppk2"

    def __init__(self, port: str | None, supply_mv: int) -> None:
        self._port = port
        self._supply_mv = supply_mv
        self._kit: Any = None
        self._thread: threading.Thread | None = None
        self._ends = threading.Event()
        self._raw: list[bytes] = []
        self._lost: Exception | None = None

    def open(self) -> None:
        """Connect, read its calibration, set the mode; raises ToolMissing, LinkLost."""
        try:
            from ppk2_api.ppk2_api import PPK2_API  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise ToolMissing(
                "the library of the Power Profiler Kit is not installed: pip install 'mcuq[energy]'"
            ) from error
        port = self._port or self._only_one(PPK2_API.list_devices())
        try:
            self._kit = PPK2_API(port, timeout=1, write_timeout=1)
            if not self._kit.get_modifiers():
                raise LinkLost(f"what answers at {port} is no Power Profiler Kit II; name its port: ppk2:/dev/ttyACM0")
            self._kit.use_ampere_meter()
            self._kit.set_source_voltage(self._supply_mv)
            self._kit.toggle_DUT_power("ON")
        except OSError as error:
            raise LinkLost(f"the Power Profiler Kit at {port} does not answer: {error}") from error

    def start(self) -> None:
        """Record from now on."""
        self._raw, self._lost = [], None
        self._ends.clear()
        self._kit.get_data()
        self._kit.start_measuring()
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def stop(self) -> Recording:
        """What was recorded; raises LinkLost."""
        assert self._thread is not None
        self._ends.set()
        self._thread.join()
        self._thread = None
        self._kit.stop_measuring()
        data = b"".join(self._raw)
        if self._lost is not None or len(data) < 4:
            raise LinkLost(f"the Power Profiler Kit stopped measuring: {self._lost or 'not one sample came'}")
        microamperes, bits = self._kit.get_samples(data)
        watts = np.asarray(microamperes, np.float64) * 1e-6 * self._supply_mv * 1e-3
        return Recording(INTERVAL_S, watts, (np.asarray(bits, np.int64) & _MARKER).astype(bool))

    def close(self) -> None:
        """Let the port go."""
        if self._thread is not None:
            self._ends.set()
            self._thread.join()
            self._thread = None
        kit, self._kit = self._kit, None
        if kit is not None:
            kit.ser.close()

    def _collect(self) -> None:
        try:
            while not self._ends.wait(_POLL_S):
                self._raw.append(self._kit.get_data())
            self._raw.append(self._kit.get_data())
        except OSError as error:
            self._lost = error

    @staticmethod
    def _only_one(ports: list[str]) -> str:
        if len(ports) != 1:
            found = f"{len(ports)} Power Profiler Kits are" if ports else "no Power Profiler Kit is"
            port = ports[0] if ports else "/dev/ttyACM0"
            raise LinkLost(f"{found} plugged in; name one: --energy-monitor ppk2:{port}")
        return str(ports[0])
