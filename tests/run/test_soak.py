"""A soak finds what changes over time: wrong answers, heat, slower clocks; sensors of the chips are read rightly."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mcuq import pipeline
from mcuq.artifacts import Answers, Samples
from mcuq.errors import ToolMissing
from mcuq.run.client import Client
from mcuq.run.links import open_link
from mcuq.run.messages import Inference, Stats
from mcuq.run.soak import soak


@dataclass
class Clock:
    """Stands for the module time."""

    now_s: float = 0.0

    def monotonic(self) -> float:
        """Simulated seconds."""
        return self.now_s


@dataclass
class HotDevice:
    """It warms by a degree in ten seconds; above `limit_c` its clock is halved; each `wrong_each`th answer is wrong."""

    clock: Clock
    limit_c: float = 1e9
    wrong_each: int = 0
    has_sensor: bool = True
    ticks_hz: int = 1_000_000
    inferences: int = field(default=0)

    @property
    def temperature_c(self) -> float:
        """Of its die."""
        return 25.0 + self.clock.now_s / 10.0

    @property
    def clock_hz(self) -> int:
        """Of its core."""
        return 50_000_000 if self.temperature_c > self.limit_c else 100_000_000

    def infer(self, inputs: list[bytes], *, deadline_s: float) -> Inference:
        """One inference of 5 million cycles and 10 ms of transfer."""
        self.inferences += 1
        took_s = 5e6 / self.clock_hz
        self.clock.now_s += took_s + 0.01
        answer = bytes(value ^ 0xFF for value in inputs[0])
        if self.wrong_each and self.inferences % self.wrong_each == 0:
            answer = inputs[0]
        return Inference((answer,), round(took_s * self.ticks_hz))

    def stats(self) -> Stats:
        """What its sensors say."""
        mk = round(273_150 + 1000 * self.temperature_c) if self.has_sensor else 0
        return Stats(1, 1, 1, 1, self.clock_hz, mk, 3300 if self.has_sensor else 0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Simulated time."""
    clock = Clock()
    monkeypatch.setattr("mcuq.run.soak.time", clock)
    return clock


def soaked(device: HotDevice, seconds: float, *, is_timed: bool = True) -> Any:
    """A soak of three samples of four bytes."""
    array = np.arange(12, dtype=np.int8).reshape(3, 4)
    samples = Samples((array,), None, "made")
    right = Answers(((array.view(np.uint8) ^ 0xFF).view(np.int8),), 3)
    done: list[tuple[int, int]] = []
    found = soak(
        device,  # type: ignore[arg-type]
        samples,
        right,
        seconds,
        is_timed=is_timed,
        deadline_s=1.0,
        progress=lambda *state: done.append(state),
    )
    assert done[-1] == (round(10 * seconds), round(10 * seconds))
    return found


def test_a_cool_device_stays_as_it_is(clock: Clock) -> None:
    """Nothing drifts, every answer is right, and points are a second apart while there are fewer than sixty."""
    found = soaked(HotDevice(clock), 30)
    assert found.wrong == 0
    assert len(found.points) == pytest.approx(30, abs=2)
    assert found.latency_drift_percent == pytest.approx(0)
    assert found.rate_drift_percent == pytest.approx(0, abs=0.1)
    assert found.max_temperature_c == pytest.approx(28.0, abs=0.2)
    assert found.clocks_hz == (100_000_000,)
    assert sum(point.inferences for point in found.points) == found.inferences
    assert found.points[0].supply_v == 3.3


def test_throttling_is_seen(clock: Clock) -> None:
    """A clock that is halved above 40 degrees: twice the latency, both clocks, the heat before; in sixty stretches."""
    found = soaked(HotDevice(clock, limit_c=40.0), 600)
    assert 50 <= len(found.points) <= 62
    assert found.latency_drift_percent == pytest.approx(100)
    assert found.rate_drift_percent < -40
    assert found.clocks_hz == (100_000_000, 50_000_000)
    assert found.max_temperature_c > 80


def test_wrong_answers_are_counted(clock: Clock) -> None:
    """Each answer is compared, not only the first of each sample."""
    found = soaked(HotDevice(clock, wrong_each=50), 60)
    assert found.wrong == found.inferences // 50 > 5


def test_what_a_device_cannot_tell_is_none(clock: Clock) -> None:
    """Without sensors there is no temperature, and a counter that tells no time gives no latency."""
    found = soaked(HotDevice(clock, has_sensor=False), 5, is_timed=False)
    assert (found.max_temperature_c, found.latency_drift_percent) == (None, None)
    assert {point.supply_v for point in found.points} == {None}


@pytest.mark.parametrize(
    ("board", "celsius", "supply_mv"),
    [
        ("nrf52840-dk", 23.75, 0),
        ("cortex-m0", 23.75, 0),
        ("rp2040-pico", 35.1, 0),
        ("stm32f4-discovery", 44.4, 3000),
        ("nucleo-f446re", 44.4, 3000),
        ("stm32f746g-discovery", 44.4, 3000),
        ("cortex-m3", None, 0),
    ],
)
def test_sensors_are_read_as_the_manuals_say(
    board: str, celsius: float | None, supply_mv: int, digits_model: Path, tmp_path: Path
) -> None:
    """The registers of a die at that temperature, and of that supply, come out as such; boards without say nothing."""
    pytest.importorskip("unicorn", reason="the simulator is not installed")
    try:
        made = pipeline.build(pipeline.load(digits_model), pipeline.find_board(board), tmp_path)
    except ToolMissing as error:
        pytest.skip(str(error))
    steps = len(made.schedule.steps)
    with closing(open_link("sim", made.image, made.board, made.name, steps, None, None, None)) as link:
        link.open()
        stats = Client(link).stats()
        again = Client(link).stats()
    assert stats.clock_hz == made.board.clock_hz
    assert stats.supply_mv == again.supply_mv == supply_mv
    assert again.temperature_mk == stats.temperature_mk
    if celsius is None:
        assert stats.temperature_mk == 0
    else:
        assert (stats.temperature_mk - 273_150) / 1000 == pytest.approx(celsius, abs=0.05)


def test_a_soak_of_the_firmware(digits_model: Path, digits_data: Path, tmp_path: Path) -> None:
    """From model to verdict on the simulator: right answers, the sensor's temperature, no latency that is none."""
    pytest.importorskip("unicorn", reason="the simulator is not installed")
    graph = pipeline.load(digits_model)
    try:
        made = pipeline.build(graph, pipeline.find_board("nucleo-f446re"), tmp_path)
    except ToolMissing as error:
        pytest.skip(str(error))
    samples = pipeline.load_samples(digits_data, graph, 5)
    found = pipeline.run(made, samples, soak_s=1.2, warm_up=2).soak
    assert found is not None
    assert (found.wrong, found.points[0].latency_ms) == (0, None)
    assert found.inferences >= 5
    assert found.max_temperature_c == pytest.approx(44.4)


def test_firmware_of_earlier_versions_has_no_sensors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen bytes of figures are the reply of a firmware that knows of no more."""
    client = Client(SimpleNamespace(name="none"))  # type: ignore[arg-type]
    monkeypatch.setattr(client, "_call", lambda _request: bytes(range(16)))
    assert client.stats() == Stats(0x03020100, 0x07060504, 0x0B0A0908, 0x0F0E0D0C)
