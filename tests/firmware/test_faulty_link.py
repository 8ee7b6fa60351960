"""A link that drops, doubles, flips, delays and splits bytes, and is cut: no wrong answer is ever accepted.

`python tests/firmware/test_faulty_link.py --frames 100000` runs it as long as one likes and prints the figures; the
variable MCUQ_FAULT_FRAMES does the same to the test.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mcuq.errors import DeviceError, LinkLost
from mcuq.run.client import Client

FRAMES = int(os.environ.get("MCUQ_FAULT_FRAMES", "15000"))


@dataclass(frozen=True)
class Faults:
    """Rates: of bytes for `corrupt` (a third each dropped, doubled, flipped), of pieces for `delay` and `split`, of
    frames for `cut` (the cable is pulled and put back) and `power` (the device starts anew)."""

    corrupt: float = 0.01
    delay: float = 0.02
    split: float = 0.2
    cut: float = 0.0002
    power: float = 0.0002


@dataclass
class Outcome:
    """What came of a run of so many frames."""

    frames: int = 0
    harmed_bytes: int = 0
    right: int = 0
    wrong: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def __str__(self) -> str:
        named = ", ".join(f"{name} {count}" for name, count in sorted(self.errors.items())) or "none"
        return (
            f"{self.frames} frames, {self.harmed_bytes} bytes harmed: {self.right} answers right, {self.wrong} wrong; "
            f"named errors: {named}; {self.seconds:.0f} s"
        )


class FaultyLink:
    """The device of the harness behind a line that is as bad as `faults` say."""

    name = "faulty"

    def __init__(self, device: Any, faults: Faults, seed: int) -> None:
        self._device = device
        self._faults = faults
        self._dice = random.Random(seed)
        self._kept_back = b""
        self._is_cut = False
        self.frames = 0

    def open(self) -> None:
        """Put the cable back; what was on its way is lost."""
        self._is_cut = False
        self._kept_back = b""
        self._device.read(0)

    def write(self, data: bytes) -> None:
        """One frame through the line, maybe in two pieces, unless the cable is out."""
        self.frames += 1
        if self._dice.random() < self._faults.cut:
            self._is_cut = True
        if self._is_cut:
            raise LinkLost("the cable was pulled out")
        if self._dice.random() < self._faults.power:
            self._device.restart()
        at = self._dice.randrange(1, len(data)) if self._dice.random() < self._faults.split else len(data)
        for piece in (data[:at], data[at:]):
            if piece:
                self._device.write(piece)

    def read(self, timeout_s: float) -> bytes:
        """What the device said, maybe later, maybe only a part of it yet."""
        if self._is_cut:
            raise LinkLost("the cable was pulled out")
        data, self._kept_back = self._kept_back + self._device.read(0), b""
        if data and self._dice.random() < self._faults.delay:
            self._kept_back = data
            return b""
        if len(data) > 1 and self._dice.random() < self._faults.split:
            at = self._dice.randrange(1, len(data))
            data, self._kept_back = data[:at], data[at:]
        return data

    def last_words(self) -> str:
        """For messages."""
        return "the line is bad"

    def close(self) -> None:
        """Nothing to close."""


def validate(library: Any, tools: Any, faults: Faults, frames: int, seed: int, window: int) -> Outcome:
    """Inferences over a bad line until so many frames were sent; each ends right or in a named error."""
    rate = faults.corrupt / 3
    device = tools.FakeDevice(
        library, line=tools.Line(seed=seed, lose=rate, double=rate, flip=rate), window=window, instrumented=True
    )
    link = FaultyLink(device, faults, seed)
    client = Client(link, timeout_s=0.002, retries=8)
    dice, outcome, begin_s = random.Random(seed), Outcome(), time.monotonic()
    while link.frames < frames:
        inputs = dice.randbytes(tools.INPUT_BYTES[0]), dice.randbytes(tools.INPUT_BYTES[1])
        try:
            client.hello(deadline_s=1.0)
            inference = client.infer(inputs, deadline_s=1.0)
        except DeviceError as error:
            outcome.errors[type(error).__name__] += 1
            if isinstance(error, LinkLost):
                link.open()
            continue
        is_right = inference.outputs == tools.expected_outputs(inputs) and inference.ticks == 10_100
        outcome.right += is_right
        outcome.wrong += not is_right
    outcome.frames, outcome.harmed_bytes = link.frames, device.line.harmed
    outcome.seconds = time.monotonic() - begin_s
    return outcome


@pytest.mark.parametrize(
    ("faults", "window"),
    [
        (Faults(), 1),
        (Faults(), 4),
        (Faults(corrupt=0.001, split=0.9, delay=0.2, cut=0.003, power=0.003), 4),
    ],
    ids=["1-percent", "1-percent-window-4", "cut-and-split"],
)
def test_no_wrong_answer_is_accepted(library: Any, link_tools: Any, faults: Faults, window: int) -> None:
    """Every inference ends in the right answer or in an error that names what happened."""
    outcome = validate(library, link_tools, faults, FRAMES // 3, window, window)
    print(outcome)
    assert outcome.wrong == 0
    assert outcome.right > 2
    assert outcome.harmed_bytes > 50
    assert set(outcome.errors) <= {"DeviceTimeout", "LinkLost", "SessionLost", "BootLoop"}


def main() -> int:
    """The long run by command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--corrupt", type=float, default=0.01, help="rate of harmed bytes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--window", type=int, default=1)
    given = parser.parse_args()
    root = Path(__file__).resolve().parents[2]
    sys.path.insert(0, str(root))
    from tests.firmware import conftest as tools

    with tempfile.TemporaryDirectory() as folder:
        library = tools.compiled_library("cc", sorted((root / "firmware" / "protocol").glob("*.c")), root, Path(folder))
        outcome = validate(library, tools, Faults(corrupt=given.corrupt), given.frames, given.seed, given.window)
    print(outcome)
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
