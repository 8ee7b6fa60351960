"""The host side of the MLPerf Tiny protocol: commands that end with '%', lines until "m-ready"."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from mcuq.errors import BadFrame, DeviceError, DeviceTimeout
from mcuq.run.link import Link

READY = "m-ready"
BYTES_PER_COMMAND = 31  # what the benchmark's runner sends; 62 digits and "db " stay below the 80 of a command

_READ_S = 0.2
_ASK_AGAIN_S = 1.0
_DRAIN_S = 0.3
_WRAP_US = 1 << 32
_NAME = re.compile(r"^m-name-dut-\[([^]]+)]$")
_MODEL = re.compile(r"^m-model-\[([^]]+)]$")
_RESULTS = re.compile(r"^m-results-\[([^]]+)]$")
_LAP = re.compile(r"^m-lap-us-([0-9]+)$")


@dataclass(frozen=True, slots=True)
class Inferred:
    """The reply to `infer`: results as they were written, and microseconds between the timestamps (None: no lines)."""

    results: tuple[str, ...]
    elapsed_us: int | None


class MlperfClient:
    """Speaks to a device that runs a benchmark's firmware, mcuq's or another, over an open link.

    Every method raises DeviceTimeout, DeviceError (the device refuses: `e-[...]`), BadFrame (a reply that cannot be),
    and what the link raises. `deadline_s` bounds the silence of one command.
    """

    def __init__(self, link: Link, *, deadline_s: float = 10.0) -> None:
        self._link = link
        self._deadline_s = deadline_s
        self._text = ""

    def connect(self, *, deadline_s: float = 10.0) -> str:
        """The vendor's name of the device; asked again while it starts, for its first words may be lost."""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            self._link.write(b"name%")
            for line in self._lines_until(lambda line: bool(_NAME.match(line)), _ASK_AGAIN_S):
                found = _NAME.match(line)
                if found:
                    self._drain()
                    return found[1]
        raise DeviceTimeout(
            f"no MLPerf Tiny device answered `name` within {deadline_s:g} s. Last known of {self._link.name}: "
            f"{self._link.last_words()}. Check that it runs firmware of `mcuq build --firmware mlperf-tiny`"
        )

    def command(self, text: str, *, deadline_s: float | None = None) -> tuple[str, ...]:
        """The lines of the reply, without the last, `m-ready`."""
        allowed_s = deadline_s or self._deadline_s
        self._link.write(text.encode("ascii") + b"%")
        lines = self._lines_until(lambda line: line == READY, allowed_s)
        if not lines or lines[-1] != READY:
            came = f"its last line is {lines[-1]!r}" if lines else "not one line came"
            raise DeviceTimeout(
                f"'{text[:40]}' was not answered within {allowed_s:g} s: {came}. "
                f"Last known of {self._link.name}: {self._link.last_words()}"
            )
        refused = next((line for line in lines if line.startswith("e-[")), None)
        if refused is not None:
            raise DeviceError(f"'{text[:40]}': the device refused: {refused}")
        return lines[:-1]

    def model(self) -> str:
        """The benchmark that the device says it runs."""
        return _matched(self.command("profile"), _MODEL, "profile")

    def load(self, data: bytes) -> None:
        """Send the bytes of one sample."""
        lines = self.command(f"db load {len(data)}")
        if lines != (f"m-[Expecting {len(data)} bytes]",):
            raise DeviceError(f"'db load {len(data)}': the device answered {' '.join(lines)!r}")
        for start in range(0, len(data), BYTES_PER_COMMAND):
            lines = self.command(f"db {data[start : start + BYTES_PER_COMMAND].hex()}")
        if lines != ("m-load-done",):
            raise BadFrame(f"the device did not say m-load-done behind {len(data)} bytes, but {lines!r}; load again")

    def infer(self, times: int, warm_up: int, *, deadline_s: float | None = None) -> Inferred:
        """Run `warm_up` and then `times` inferences of what was loaded."""
        lines = self.command(f"infer {times} {warm_up}", deadline_s=deadline_s)
        for wanted in (f"m-warmup-start-{warm_up}", "m-warmup-done", f"m-infer-start-{times}", "m-infer-done"):
            if wanted not in lines:
                raise BadFrame(f"'infer {times} {warm_up}': {wanted} is missing in {lines!r}; is the line right?")
        laps = [int(found[1]) for found in map(_LAP.match, lines) if found]
        if len(laps) not in (0, 2):
            raise BadFrame(f"'infer {times} {warm_up}': {len(laps)} timestamps came, not two; is the line right?")
        results = tuple(_matched(lines, _RESULTS, "infer").split(","))
        return Inferred(results, (laps[1] - laps[0]) % _WRAP_US if laps else None)

    def _lines_until(self, is_last: Callable[[str], bool], silence_s: float) -> tuple[str, ...]:
        """Lines up to the one that is the last, or what came before a silence."""
        lines: list[str] = []
        end = time.monotonic() + silence_s
        while time.monotonic() < end:
            while "\n" in self._text:
                line, _, self._text = self._text.partition("\n")
                lines.append(line.rstrip("\r"))
                if is_last(lines[-1]):
                    return tuple(lines)
            data = self._link.read(_READ_S)
            if data:
                end = time.monotonic() + silence_s
                self._text += data.decode("ascii", "replace")
        return tuple(lines)

    def _drain(self) -> None:
        """Wait until nothing comes any more: `name` may have been asked, and will be answered, more than once."""
        end = time.monotonic() + _DRAIN_S
        while time.monotonic() < end:
            if self._link.read(0.05):
                end = time.monotonic() + _DRAIN_S
        self._text = ""


def _matched(lines: tuple[str, ...], pattern: re.Pattern[str], command: str) -> str:
    for line in lines:
        found = pattern.match(line)
        if found:
            return found[1]
    raise BadFrame(f"'{command}': no line like {pattern.pattern} in {lines!r}; is the line right?")
