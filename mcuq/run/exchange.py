"""Requests that are answered or end in a named error: sessions, sequence numbers, timeouts, retries."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable
from enum import Enum

from mcuq.errors import DeviceError, DeviceFault, DeviceTimeout
from mcuq.run.diagnosis import line_story
from mcuq.run.frames import REPLY, Frame, Parser, encode
from mcuq.run.link import Link
from mcuq.run.messages import Fault, Request, Status, parse_fault, refusal

_RUNS = (Request.INVOKE, Request.STEPS)
_LONGEST_SILENCE_S = 10.0
_HELLO_SILENCE_S = 0.5
_SILENCE_COSTS = 4
_NOISE_COSTS = 1
_BOOT_LOOP = 4


class SessionLost(DeviceError):
    """The device does not know our session: it restarted, or another program took it over."""

    def __init__(self, what: str, holder: bytes) -> None:
        self.has_restarted = not any(holder)
        why = "it restarted" if self.has_restarted else "another program has taken it over; run one at a time"
        super().__init__(f"{what}: the device does not know this session any more: {why}.")


class BootLoop(DeviceFault):
    """The device starts again and again, and never gets so far as to answer."""

    def __init__(self, boots: int, seconds: float, cause: str, fault: Fault | None) -> None:
        why = f"each time it ran into {cause}" if fault else "no fault is recorded: a watchdog, or a failing supply"
        super().__init__(
            f"the device restarts again and again: {boots} starts within {seconds:.1f} s; {why}. "
            "Build the firmware for this very board and flash it again.",
            fault,
        )


class Loss(Enum):
    """Why there is no reply yet: nothing came, or something that is not a frame (on either side)."""

    SILENCE = 1
    NOISE = 2


class Exchange:
    """Sends requests of one session and receives their replies.

    A reply counts only with the right CRC, session, kind and sequence number. Sequence numbers only go up: what was
    abandoned can never be taken for what is asked now, because links keep the order of bytes.
    """

    def __init__(self, link: Link, *, timeout_s: float, retries: int) -> None:
        self.link = link
        self.timeout_s = timeout_s
        self.retries = retries
        self.heard_bytes = 0
        self.describe_fault: Callable[[Fault], str] = str
        self._inbox: deque[Frame] = deque()
        self._has_noise = False
        self.start_session()

    def start_session(self) -> None:
        """Forget everything; the next request has to be HELLO."""
        self._session = secrets.randbelow(2**32 - 1) + 1
        self._sequence = 0
        self._parser = Parser()
        self._is_established = False
        self._boots = 0
        self._boots_begin_s = time.monotonic()
        self.forget()

    def establish(self) -> None:
        """The device has answered HELLO: a start that it announces from now on ends the session."""
        self._is_established = True

    def forget(self) -> None:
        """Drop replies and noise that came before now."""
        self._inbox.clear()
        self._has_noise = False

    @property
    def garbage_bytes(self) -> int:
        """Bytes of this session that belong to no valid frame."""
        return self._parser.garbage_bytes + self._parser.unfinished_bytes

    @property
    def garbage_tail(self) -> bytes:
        """The last of them."""
        return self._parser.garbage_tail

    def send(self, request: Request, body: bytes, sequence: int | None = None) -> int:
        """Send with a new sequence number, or again with the same; returns the number."""
        if sequence is None:
            self._sequence = sequence = (self._sequence + 1) & 0xFFFF
        self.link.write(encode(Frame(request, sequence, self._session, body)))
        return sequence

    def wait(self, silence_s: float, until_s: float) -> Frame | Loss:
        """The next reply of this session, or a loss after `silence_s` without a byte or at `until_s` (monotonic).

        Raises SessionLost, and what the link raises.
        """
        heard_s = time.monotonic()
        while True:
            if self._inbox:
                return self._inbox.popleft()
            if self._has_noise:
                self._has_noise = False
                return Loss.NOISE
            left_s = min(heard_s + silence_s, until_s) - time.monotonic()
            if left_s <= 0:
                return Loss.SILENCE
            data = self.link.read(left_s)
            if data:
                heard_s = time.monotonic()
                self._take(data)

    def _take(self, data: bytes) -> None:
        self.heard_bytes += len(data)
        runs = self._parser.garbage_runs
        for frame in self._parser.feed(data):
            if frame.kind == Request.REJECT | REPLY:
                self._has_noise = True
            elif frame.kind == Request.BOOT | REPLY:
                self._booted(parse_fault(frame.body, Request.BOOT))
            elif frame.session == self._session and frame.kind & REPLY:
                self._inbox.append(frame)
        if self._parser.garbage_runs != runs:
            self._has_noise = True

    def _booted(self, fault: Fault | None) -> None:
        """The device says that it started. Raises SessionLost in a session, BootLoop at the fourth without one."""
        if self._is_established:
            raise SessionLost("BOOT", b"")
        self._boots += 1
        if self._boots >= _BOOT_LOOP:
            seconds = time.monotonic() - self._boots_begin_s
            raise BootLoop(self._boots, seconds, self.describe_fault(fault) if fault else "", fault)

    def call(self, request: Request, body: bytes, *, what: str, deadline_s: float | None = None) -> bytes:
        """Ask, with the same sequence number on every attempt, until there is an answer; returns the reply's body.

        `deadline_s` is for requests that take their time. Raises DeviceTimeout, DeviceError (the device refuses),
        SessionLost, and what the link raises.
        """
        self.forget()
        patience = Patience(self, what, request, deadline_s)
        sequence = None
        while True:
            sequence = self.send(request, body, sequence)
            reply = self._reply(request, sequence, patience)
            if reply is not None:
                return checked(reply, what)

    def _reply(self, request: Request, sequence: int, patience: Patience) -> Frame | None:
        while True:
            event = self.wait(*patience.limits())
            if isinstance(event, Loss):
                patience.lost(event)
                return None
            if event.sequence == sequence and event.kind == request | REPLY:
                if event.status != Status.STARTED:
                    return event
                patience.has_started = True


def checked(reply: Frame, what: str) -> bytes:
    """The body of a reply. Raises SessionLost or DeviceError unless its status is OK."""
    if reply.status == Status.WRONG_SESSION:
        raise SessionLost(what, reply.body)
    if reply.status != Status.OK:
        raise refusal(what, reply.status, reply.body)
    return reply.body


class Patience:
    """How long one request may stay unanswered: `retries` silences, four times as many garbled frames, or a deadline.

    The first silence lasts `timeout_s`, the others twice that. HELLO, which waits for a device to start, is sent every
    half second until its deadline. Runs are asked for again after ever longer silences, up to 10 s; only a device that
    gave no sign of life is given up before their deadline.
    """

    def __init__(self, exchange: Exchange, what: str, request: Request, deadline_s: float | None = None) -> None:
        self._exchange = exchange
        self._what = what
        self._request = request
        self._deadline_s = deadline_s
        self._silence_s = min(exchange.timeout_s, _HELLO_SILENCE_S) if request is Request.HELLO else exchange.timeout_s
        self.has_started = False
        self.progress()

    def progress(self) -> None:
        """Something was answered: patience begins anew."""
        self._begin_s = time.monotonic()
        self._heard_bytes = self._exchange.heard_bytes
        self._garbage_bytes = self._exchange.garbage_bytes
        self._losses = 0
        self._budget = _SILENCE_COSTS * (self._exchange.retries + 1)

    def limits(self) -> tuple[float, float]:
        """What `Exchange.wait` needs: the silence to bear, and the end of it all (monotonic)."""
        if self._deadline_s is not None:
            return self._silence_s, self._begin_s + self._deadline_s
        return self._silence_s, time.monotonic() + 10 * self._silence_s

    def lost(self, loss: Loss) -> None:
        """Count a loss. Raises DeviceTimeout when it was one too many."""
        self._losses += 1
        self._budget -= _SILENCE_COSTS if loss is Loss.SILENCE else _NOISE_COSTS
        if loss is Loss.SILENCE and self._request in _RUNS:
            self._silence_s = min(2 * self._silence_s, _LONGEST_SILENCE_S)
        elif loss is Loss.SILENCE and self._request is not Request.HELLO:
            self._silence_s = 2 * self._exchange.timeout_s
        if self._is_over():
            raise DeviceTimeout(self._story())

    def _is_over(self) -> bool:
        if self._deadline_s is not None and time.monotonic() >= self._begin_s + self._deadline_s:
            return True
        if self._request is Request.HELLO:
            return False
        is_alive = self._request in _RUNS and self._exchange.heard_bytes != self._heard_bytes
        return self._budget <= 0 and not is_alive

    def _story(self) -> str:
        heard = self._exchange.heard_bytes - self._heard_bytes
        garbage = max(0, self._exchange.garbage_bytes - self._garbage_bytes)
        answer = "the device began, but did not finish" if self.has_started else "no answer from the device"
        came = line_story(heard, garbage, self._exchange.garbage_tail)
        waited_s = time.monotonic() - self._begin_s
        return (
            f"{self._what}: {answer} within {waited_s:.1f} s after {self._losses} attempts; {came}. "
            f"Last known of {self._exchange.link.name}: {self._exchange.link.last_words()}. "
            "Check that this firmware runs there and that the line is right, or allow more time."
        )
