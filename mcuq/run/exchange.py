"""Requests that are answered or end in a named error: sessions, sequence numbers, timeouts, retries."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable

from mcuq.errors import DeviceError, DeviceFault
from mcuq.run.frames import REPLY, Frame, Parser, encode
from mcuq.run.link import Link
from mcuq.run.messages import Fault, Request, Status, parse_fault, refusal
from mcuq.run.patience import Loss, Patience, RoundTrip

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
        self.round_trip = RoundTrip()
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
    def now_s(self) -> float:
        """Monotonic."""
        return time.monotonic()

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
        sequence = self.send(request, body)
        sent_s: float | None = self.now_s
        while True:
            reply = self._reply(request, sequence, patience, sent_s)
            if reply is not None:
                return checked(reply, what)
            # Which attempt the next answer belongs to cannot be told.
            sent_s = None
            self.send(request, body, sequence)

    def _reply(self, request: Request, sequence: int, patience: Patience, sent_s: float | None) -> Frame | None:
        while True:
            event = self.wait(*patience.limits())
            if isinstance(event, Loss):
                patience.lost(event)
                return None
            if event.sequence == sequence and event.kind == request | REPLY:
                if sent_s is not None and patience.is_measured:
                    self.round_trip.observe(self.now_s - sent_s)
                if event.status != Status.STARTED:
                    return event
                patience.starts()


def checked(reply: Frame, what: str) -> bytes:
    """The body of a reply. Raises SessionLost or DeviceError unless its status is OK."""
    if reply.status == Status.WRONG_SESSION:
        raise SessionLost(what, reply.body)
    if reply.status != Status.OK:
        raise refusal(what, reply.status, reply.body)
    return reply.body
