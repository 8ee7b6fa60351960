"""How long a request may stay unanswered before it is sent again, and before the device is given up."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from mcuq.errors import DeviceTimeout
from mcuq.run.diagnosis import line_story
from mcuq.run.messages import Request

if TYPE_CHECKING:
    from mcuq.run.exchange import Exchange

QUICK_S = 0.05
"""The shortest silence that counts: USB adapters hold bytes back for up to 16 ms, schedulers for as long."""

_RUNS = (Request.INVOKE, Request.STEPS)
# Answered at once, by a few bytes that are at hand; so is the STARTED of a run.
_QUICK = (Request.NAME, Request.DESCRIBE, Request.LOAD, Request.READ_OUTPUT, Request.READ_ARENA, Request.FAULT)
_LONGEST_SILENCE_S = 10.0
_HELLO_SILENCE_S = 0.5
_ENDLESS = 10
_NOISES_PER_RETRY = 4


class Loss(Enum):
    """Why there is no reply yet: nothing came, or something that is not a frame (on either side)."""

    SILENCE = 1
    NOISE = 2


class RoundTrip:
    """How long answers take: their smoothed mean and four mean deviations, as TCP's (RFC 6298, section 2)."""

    def __init__(self) -> None:
        self.least_s = QUICK_S
        self._mean_s: float | None = None
        self._deviation_s = 0.0

    def observe(self, seconds: float) -> None:
        """An answer to a request that was sent once took so long."""
        if self._mean_s is None:
            self._mean_s, self._deviation_s = seconds, seconds / 2
            return
        self._deviation_s += (abs(seconds - self._mean_s) - self._deviation_s) / 4
        self._mean_s += (seconds - self._mean_s) / 8

    def silence_s(self, most_s: float) -> float:
        """After so long without a byte the answer is not to be expected any more; at most `most_s`."""
        if self._mean_s is None:
            return most_s
        return min(max(self.least_s, self._mean_s + 4 * self._deviation_s), most_s)


class Patience:
    """How long one request may stay unanswered: silences of (2 * retries + 1) * timeout_s in all, or a deadline.

    The first silence lasts as long as answers have been taking where the request is one that is answered at once, else
    `timeout_s`; each further one twice the last, up to 2 * timeout_s. HELLO, which waits for a device to start, is sent
    every half second until its deadline. Runs are asked for again after ever longer silences, up to 10 s; only a device
    that gave no sign of life is given up before their deadline. A garbled frame counts as a quarter of a retry.
    """

    def __init__(self, exchange: Exchange, what: str, request: Request, deadline_s: float | None = None) -> None:
        self._exchange = exchange
        self._what = what
        self._request = request
        self._deadline_s = deadline_s
        self._is_run = request in _RUNS
        timeout_s, retries = exchange.timeout_s, exchange.retries
        self._longest_s = _LONGEST_SILENCE_S if self._is_run else 2 * timeout_s
        self._whole_s = timeout_s * (2 ** (retries + 1) - 1 if self._is_run else 2 * retries + 1)
        self.has_started = False
        self.progress()

    def progress(self) -> None:
        """Something was answered: patience begins anew."""
        self._begin_s = self._exchange.now_s
        self._heard_bytes = self._exchange.heard_bytes
        self._garbage_bytes = self._exchange.garbage_bytes
        self._losses = 0
        self._left_s = self._whole_s
        self._silence_s = self._first_silence_s()

    def _first_silence_s(self) -> float:
        if self._request is Request.HELLO:
            return min(self._exchange.timeout_s, _HELLO_SILENCE_S)
        if self.is_measured:
            return self._exchange.round_trip.silence_s(self._exchange.timeout_s)
        return self._exchange.timeout_s

    @property
    def is_measured(self) -> bool:
        """Whether the time to the next answer says how long answers take."""
        return self._request in _QUICK or (self._is_run and not self.has_started)

    def starts(self) -> None:
        """The device says that it computes now."""
        self.has_started = True
        self._silence_s = max(self._silence_s, self._exchange.timeout_s)

    def limits(self) -> tuple[float, float]:
        """What `Exchange.wait` needs: the silence to bear, and the end of it all (monotonic)."""
        if self._deadline_s is not None:
            return self._bearable_s(), self._begin_s + self._deadline_s
        return self._bearable_s(), self._exchange.now_s + _ENDLESS * max(self._silence_s, self._exchange.timeout_s)

    def _bearable_s(self) -> float:
        is_counted = self._left_s > 0 and self._request is not Request.HELLO
        return min(self._silence_s, self._left_s) if is_counted else self._silence_s

    def lost(self, loss: Loss) -> None:
        """Count a loss. Raises DeviceTimeout when it was one too many."""
        self._losses += 1
        if loss is Loss.NOISE:
            self._left_s -= self._whole_s / (_NOISES_PER_RETRY * (self._exchange.retries + 1))
        else:
            self._left_s -= self._bearable_s()
            if self._request is not Request.HELLO:
                self._silence_s = min(2 * self._silence_s, self._longest_s)
        if self._is_over():
            raise DeviceTimeout(self._story())

    def _is_over(self) -> bool:
        if self._deadline_s is not None and self._exchange.now_s >= self._begin_s + self._deadline_s:
            return True
        if self._request is Request.HELLO:
            return False
        is_alive = self._is_run and self._exchange.heard_bytes != self._heard_bytes
        return self._left_s <= 1e-9 * self._whole_s and not is_alive

    def _story(self) -> str:
        heard = self._exchange.heard_bytes - self._heard_bytes
        garbage = max(0, self._exchange.garbage_bytes - self._garbage_bytes)
        answer = "the device began, but did not finish" if self.has_started else "no answer from the device"
        came = line_story(heard, garbage, self._exchange.garbage_tail)
        waited_s = self._exchange.now_s - self._begin_s
        return (
            f"{self._what}: {answer} within {waited_s:.1f} s after {self._losses} attempts; {came}. "
            f"Last known of {self._exchange.link.name}: {self._exchange.link.last_words()}. "
            "Check that this firmware runs there and that the line is right, or allow more time."
        )
