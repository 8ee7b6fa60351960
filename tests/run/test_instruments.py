"""Energy by an instrument: the integral under each pulse, the driver of the kit, the pin of the firmware."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from mcuq import pipeline
from mcuq.artifacts import Build
from mcuq.errors import DeviceError, InvalidBoard, InvalidProject, LinkLost, ToolMissing
from mcuq.run.instruments import Recording, energy_of_pulses, monitor_named
from mcuq.run.sim import SimLink


def recording(
    pulses: int, *, idle: int = 50, width: int = 200, watts: float = 0.03, idle_watts: float = 0.01
) -> Recording:
    """Pulses of `width` samples of 10 us between `idle` ones."""
    once = [False] * idle + [True] * width
    marked = np.array(once * pulses + [False] * idle)
    return Recording(1e-5, np.where(marked, watts, idle_watts), marked)


def test_energy_is_the_integral_under_a_pulse() -> None:
    """200 samples of 10 us at 30 mW are 60 uJ."""
    found = energy_of_pulses(recording(7), 7, "made")
    assert found.microjoules == pytest.approx(60)
    assert found.milliseconds == pytest.approx(2)
    assert found.milliwatts == pytest.approx(30)
    assert found.idle_milliwatts == pytest.approx(10)
    assert found.deviation_microjoules == pytest.approx(0, abs=1e-9)


def test_pulses_are_as_many_as_inferences() -> None:
    """A pin that is not wired, or that moves for something else, gives no energy but an error."""
    for pulses in (0, 2, 4):
        with pytest.raises(DeviceError, match=f"the marker pin was high {pulses} times during 3 inferences"):
            energy_of_pulses(recording(pulses), 3, "made")


def test_a_pulse_at_either_end_counts() -> None:
    """A recording may begin or end within a pulse."""
    marked = np.array([True, True, False, True])
    assert energy_of_pulses(Recording(1.0, np.ones(4), marked), 2, "made").milliseconds == 1500.0


class _Kit:
    """Stands for ppk2_api: 4 bytes a sample, microamperes in the lower 24 bits, logic inputs above them."""

    ports: ClassVar[list[str]] = ["/dev/ttyACM7"]
    is_kit = True
    fails: OSError | None = None

    def __init__(self, port: str, **_options: Any) -> None:
        self.said: list[Any] = [port]
        self.ser = types.SimpleNamespace(close=lambda: self.said.append("closed"))
        self.waiting = [b"old data"]
        _Kit.last = self

    @classmethod
    def list_devices(cls) -> list[str]:
        return cls.ports

    def get_modifiers(self) -> bool:
        return self.is_kit

    def use_ampere_meter(self) -> None:
        self.said.append("ampere")

    def set_source_voltage(self, millivolts: int) -> None:
        self.said.append(millivolts)

    def toggle_DUT_power(self, state: str) -> None:  # noqa: N802
        self.said.append(state)

    def start_measuring(self) -> None:
        samples = [(10_000, 0), (20_000, 1), (20_000, 1), (10_000, 0xFE)]
        self.waiting = [(value | bits << 24).to_bytes(4, "little") for value, bits in samples]

    def stop_measuring(self) -> None:
        self.said.append("stop")

    def get_data(self) -> bytes:
        if self.fails is not None and self.waiting != [b"old data"]:
            raise self.fails
        return self.waiting.pop(0) if self.waiting else b""

    def get_samples(self, data: bytes) -> tuple[list[int], list[int]]:
        values = [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]
        return [value & 0xFFFFFF for value in values], [value >> 24 for value in values]


@pytest.fixture
def kit(monkeypatch: pytest.MonkeyPatch) -> type[_Kit]:
    """A fresh library with one kit plugged in."""
    fresh = type("FreshKit", (_Kit,), {})
    module = types.ModuleType("ppk2_api.ppk2_api")
    module.PPK2_API = fresh  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ppk2_api", types.ModuleType("ppk2_api"))
    monkeypatch.setitem(sys.modules, "ppk2_api.ppk2_api", module)
    return fresh


def test_the_kit_is_an_ampere_meter(kit: type[_Kit]) -> None:
    """Current times voltage, the marker on input D0, what was waiting before is dropped, and the port is let go."""
    monitor = monitor_named("ppk2", 3000)
    monitor.open()
    monitor.start()
    while _Kit.last.waiting:  # type: ignore[attr-defined]
        pass
    found = monitor.stop()
    monitor.close()
    assert found.interval_s == 1e-5
    assert found.watts.tolist() == pytest.approx([0.03, 0.06, 0.06, 0.03])
    assert found.is_marked.tolist() == [False, True, True, False]
    assert _Kit.last.said == ["/dev/ttyACM7", "ampere", 3000, "ON", "stop", "closed"]  # type: ignore[attr-defined]


def test_what_is_wrong_with_a_kit_is_told(kit: type[_Kit], monkeypatch: pytest.MonkeyPatch) -> None:
    """None or several, another device, a plug that is pulled, a missing library, an unknown instrument."""
    kit.ports = []
    with pytest.raises(LinkLost, match="no Power Profiler Kit is plugged in"):
        monitor_named("ppk2", 3300).open()
    kit.ports = ["a", "b"]
    with pytest.raises(LinkLost, match="2 Power Profiler Kits are plugged in; name one: --energy-monitor ppk2:a"):
        monitor_named("ppk2", 3300).open()
    kit.is_kit = False
    with pytest.raises(LinkLost, match="what answers at /dev/x is no Power Profiler Kit"):
        monitor_named("ppk2:/dev/x", 3300).open()
    kit.is_kit = True
    monitor = monitor_named("ppk2:/dev/x", 3300)
    monitor.open()
    kit.fails = OSError("unplugged")
    monitor.start()
    with pytest.raises(LinkLost, match="stopped measuring: unplugged"):
        monitor.stop()
    monitor.close()
    monkeypatch.setitem(sys.modules, "ppk2_api", None)
    monkeypatch.delitem(sys.modules, "ppk2_api.ppk2_api")
    with pytest.raises(ToolMissing, match=r"pip install 'mcuq\[energy\]'"):
        monitor_named("ppk2", 3300).open()
    with pytest.raises(InvalidProject, match="no driver for 'scope'; known are ppk2"):
        monitor_named("scope", 3300)


class _PinMonitor:
    """A simulated instrument: what the marker pin of the simulator did becomes pulses of 2 ms at 30 mW."""

    name = "simulated"

    def __init__(self) -> None:
        self.link: SimLink | None = None
        self.said: list[str] = []

    def open(self) -> None:
        self.said.append("open")

    def start(self) -> None:
        assert self.link is not None
        self.said.append("start")
        self.before = len(self.link.marker_edges())

    def stop(self) -> Recording:
        assert self.link is not None
        edges = self.link.marker_edges()[self.before :]
        assert edges == (True, False) * (len(edges) // 2)
        return recording(len(edges) // 2)

    def close(self) -> None:
        self.said.append("close")


@pytest.fixture
def build(digits_model: Path, tmp_path: Path) -> Any:
    """Builds the demo for a board, with or without the pin."""
    pytest.importorskip("unicorn", reason="the simulator is not installed")

    def make(board: str, *, energy_pin: bool) -> Build:
        try:
            return pipeline.build(
                pipeline.load(digits_model),
                pipeline.find_board(board),
                tmp_path / board,
                goal=pipeline.Goal(energy_pin=energy_pin),
            )
        except ToolMissing as error:
            pytest.skip(str(error))

    return make


@pytest.mark.parametrize("board", ["cortex-m4", "cortex-m0", "cortex-m33"])
def test_the_pin_is_high_while_the_model_runs(
    build: Any, board: str, digits_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One pulse an inference, and none else; what a build was told is known when it is opened."""
    made = build(board, energy_pin=True)
    made = pipeline.open_build(made.folder)
    assert made.goal.energy_pin
    monitor = _PinMonitor()
    real = SimLink.open

    def opened(link: SimLink) -> None:
        real(link)
        monitor.link = link

    monkeypatch.setattr(SimLink, "open", opened)
    samples = pipeline.load_samples(digits_data, made.graph, 4)
    verdict = pipeline.run(made, samples, energy_monitor=monitor, count_samples=6)
    assert verdict.bit_exact
    assert verdict.measured_energy is not None
    assert (verdict.measured_energy.inferences, verdict.measured_energy.monitor) == (6, "simulated")
    assert verdict.measured_energy.microjoules == pytest.approx(60)
    assert monitor.said == ["open", "start", "close"]


def test_firmware_without_the_pin_is_refused(build: Any, digits_data: Path) -> None:
    """A build that moves no pin, and a board that has none, say what to do."""
    made = build("cortex-m4", energy_pin=False)
    samples = pipeline.load_samples(digits_data, made.graph, 2)
    with pytest.raises(InvalidProject, match="build it with --energy-pin"):
        pipeline.run(made, samples, energy_monitor=_PinMonitor())
    with pytest.raises(InvalidBoard, match=r"names no pin for --energy-pin; add \[port.marker\]"):
        build("virt-rv32", energy_pin=True)
