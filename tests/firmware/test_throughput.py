"""How much of a serial line carries tensors: a line of 921,600 baud in simulated time, clean and with losses."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mcuq.run.client import Client

BAUD = 921_600
BITS_PER_BYTE = 10  # 8N1


class Clock:
    """Stands for the module time; it goes on with the bytes."""

    now_s = 0.0

    def monotonic(self) -> float:
        """Simulated seconds."""
        return self.now_s


class TimedLink:
    """The device of the harness behind a line that takes its time: `turnaround_s` is what adapter and drivers add."""

    name = "timed"

    def __init__(self, device: Any, clock: Clock, turnaround_s: float = 0.0) -> None:
        self._device = device
        self._clock = clock
        self._turnaround_s = turnaround_s
        self._free_s = [0.0, 0.0]  # to the device, from it
        self._coming: list[tuple[float, bytes]] = []
        self.frame_bytes: list[int] = []

    def write(self, data: bytes) -> None:
        """The device has it when the last byte is through, and answers then."""
        self.frame_bytes.append(len(data))
        at_device_s = self._passes(0, len(data), self._clock.now_s)
        self._device.write(data)
        answer = self._device.read(0)
        if answer:
            arrives_s = self._passes(1, len(answer), at_device_s) + self._turnaround_s
            self._coming.append((arrives_s, answer))

    def read(self, timeout_s: float) -> bytes:
        """Let time pass until something is here."""
        if self._coming and self._coming[0][0] <= self._clock.now_s + timeout_s:
            arrives_s, data = self._coming.pop(0)
            self._clock.now_s = max(self._clock.now_s, arrives_s)
            return data
        self._clock.now_s += timeout_s
        return b""

    def last_words(self) -> str:
        """For messages."""
        return "simulated line"

    def _passes(self, way: int, count: int, from_s: float) -> float:
        self._free_s[way] = max(from_s, self._free_s[way]) + count * BITS_PER_BYTE / BAUD
        return self._free_s[way]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Simulated time for the client, and the same sessions in each run, as their numbers decide what gets lost."""
    clock, sessions = Clock(), random.Random(7)
    monkeypatch.setattr("mcuq.run.exchange.time", clock)
    monkeypatch.setattr("mcuq.run.exchange.secrets.randbelow", sessions.randrange)
    return clock


def share_of_wire(link: TimedLink, clock: Clock, inferences: int) -> dict[str, float]:
    """Payload bytes over what the wire could have carried meanwhile: inputs, outputs, and whole inferences."""
    client = Client(link, timeout_s=1.0, retries=30)  # type: ignore[arg-type]
    client.hello()
    dice, taken = random.Random(1), {"load": 0.0, "read": 0.0, "infer": 0.0}
    for _ in range(inferences):
        for what, work in (
            ("load", lambda: client.load(0, dice.randbytes(1500))),
            ("read", lambda: client.output(1)),
            ("infer", lambda: client.infer((dice.randbytes(1500), dice.randbytes(5)))),
        ):
            begin_s = clock.now_s
            work()
            taken[what] += clock.now_s - begin_s
    payload = {"load": 1500, "read": 5000, "infer": 1505 + 5012}
    return {what: inferences * payload[what] * BITS_PER_BYTE / BAUD / seconds for what, seconds in taken.items()}


@pytest.mark.parametrize(("window", "turnaround_s", "least"), [(1, 0.0, 0.85), (4, 0.001, 0.85), (1, 0.001, 0.70)])
def test_a_clean_line_is_used(device: Any, clock: Clock, window: int, turnaround_s: float, least: float) -> None:
    """Over 85 % of the wire is payload, also over an adapter that adds 1 ms where frames may follow each other."""
    share = share_of_wire(TimedLink(device(window=window), clock, turnaround_s), clock, 20)
    print(window, turnaround_s, {what: round(100 * value, 1) for what, value in share.items()})
    assert share["read"] > least
    assert share["load"] > least
    assert share["infer"] > least


def test_frames_shrink_as_losses_grow(device: Any, bad_line: Any, clock: Clock) -> None:
    """The worse the line, the smaller the frames; what still arrives is many times what large frames would bring."""
    means, shares = [], []
    for rate in (0.0, 0.0003, 0.001, 0.003, 0.01):
        line = bad_line(seed=3, lose=rate / 3, double=rate / 3, flip=rate / 3)
        link = TimedLink(device(line=line), clock)
        shares.append(share_of_wire(link, clock, 20)["load"])
        loads = [count for count in link.frame_bytes if count > 40]
        means.append(sum(loads) / len(loads))
        print(f"{rate:.4f} of bytes harmed: frames of {means[-1]:.0f} bytes, {100 * shares[-1]:.1f} % of the wire")
    assert means == sorted(means, reverse=True)
    assert means[-1] < means[0] / 5
    assert shares[2] > 0.3
    # Frames of 512 bytes survive 1 % with 0.99 ** 512, one in 172.
    assert shares[-1] > 10 * 0.99**512
    # Where each silence lasted `timeout_s`, it would be under 1 %.
    assert shares[-1] > 0.05
