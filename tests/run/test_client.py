"""The client against devices that are silent, slow, noisy or wrong; its clock is the test's."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterable

import pytest

from mcuq.artifacts import Trace
from mcuq.errors import BadFrame, DeviceError, DeviceTimeout, InvalidData, LinkLost
from mcuq.run.client import Client
from mcuq.run.frames import REPLY, Frame, Parser, encode
from mcuq.run.messages import Request, Status, Ticks, words
from mcuq.run.transfer import Pace

Answer = Callable[[Frame], Iterable[bytes]]
INPUT = bytes(range(250)) * 12


def reply(request: Frame, body: bytes = b"", status: int = 0) -> bytes:
    """A reply on the wire."""
    return encode(Frame(request.kind | REPLY, request.sequence, request.session, body, status))


class Clock:
    """Stands for the module time."""

    now_s = 0.0

    def monotonic(self) -> float:
        """Seconds that passed by reading."""
        return self.now_s


class ScriptedDevice:
    """A Link whose device is a function from a request to pieces of bytes, each of which is one `read`.

    A number among the pieces is a silence of that many seconds. `seen` holds every request.
    """

    name = "scripted"

    def __init__(self, clock: Clock, *, window: int = 1, answer: Answer | None = None) -> None:
        self.clock = clock
        self.window = window
        self.answer = answer or self.well
        self.seen: list[Frame] = []
        self.loaded = bytearray(len(INPUT))
        self.waiting: list[bytes | float] = []
        self.opened = self.closed = 0
        self._parser = Parser()

    def well(self, request: Frame) -> list[bytes]:
        """What a good device says."""
        return [reply(request, self._body(request))]

    def _body(self, request: Frame) -> bytes:
        if request.kind == Request.HELLO:
            return struct.pack("<BBBBHBxHH8sIIIi", 1, 2, 1, 1, 4, self.window, 496, 4096, b"hashhash", 100, 1, 2, 0)
        if request.kind == Request.NAME:
            return b"name"
        if request.kind == Request.DESCRIBE:
            return struct.pack("<IIfiI", len(INPUT), 1, 0.5, 0, len(INPUT))
        if request.kind == Request.LOAD:
            offset, data = struct.unpack_from("<I", request.body, 4)[0], request.body[8:]
            self.loaded[offset : offset + len(data)] = data
        if request.kind == Request.READ_OUTPUT:
            _, offset, count = struct.unpack("<III", request.body)
            return INPUT[offset : offset + count]
        if request.kind == Request.INVOKE:
            return struct.pack("<QII", 7, 7, 7)
        return b""

    def of_kind(self, kind: Request) -> list[Frame]:
        """The requests of that kind."""
        return [frame for frame in self.seen if frame.kind == kind]

    def open(self) -> None:
        """Count."""
        self.opened += 1

    def write(self, data: bytes) -> None:
        """Answer as the script says."""
        for request in self._parser.feed(data):
            self.seen.append(request)
            self.waiting += self.answer(request)

    def read(self, timeout_s: float) -> bytes:
        """The next piece; silence lets the clock go on."""
        if not self.waiting:
            self.clock.now_s += timeout_s
            return b""
        piece = self.waiting.pop(0)
        if isinstance(piece, bytes):
            self.clock.now_s += 0.001
            return piece
        self.clock.now_s += min(timeout_s, piece)
        if piece > timeout_s:
            self.waiting.insert(0, piece - timeout_s)
        return b""

    def start_counting(self) -> None:
        """Not here."""

    def stop_counting(self) -> tuple[Trace, ...]:
        """Not here."""
        return ()

    def last_words(self) -> str:
        """What messages end with."""
        return "it blinked twice."

    def close(self) -> None:
        """Count."""
        self.closed += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the exchange, which goes on only while the client reads."""
    clock = Clock()
    monkeypatch.setattr("mcuq.run.exchange.time", clock)
    return clock


@pytest.fixture
def device(clock: Clock) -> ScriptedDevice:
    """A device that behaves until a test says otherwise."""
    return ScriptedDevice(clock)


def test_a_silent_device_is_given_up_in_the_stated_time(device: ScriptedDevice) -> None:
    """After (2 * retries + 1) * timeout_s the error names request, time, attempts and the link's last words."""
    client = Client(device, timeout_s=2.0, retries=3)
    client.hello()
    device.answer = lambda request: []
    begin_s = device.clock.now_s
    with pytest.raises(DeviceTimeout, match=r"STATS: no answer .* 14\.0 s after 4 attempts; not one byte .*blinked"):
        client.stats()
    assert device.clock.now_s - begin_s == pytest.approx(14.0)
    assert len({frame.sequence for frame in device.of_kind(Request.STATS)}) == 1


def test_a_device_that_never_starts_is_given_up_at_the_deadline(device: ScriptedDevice) -> None:
    """HELLO is repeated every half second, for as long as the caller says."""
    device.answer = lambda request: []
    with pytest.raises(DeviceTimeout, match="HELLO: no answer"):
        Client(device).hello(deadline_s=5.0)
    assert device.clock.now_s == pytest.approx(5.0)
    assert len(device.seen) == 10


def test_a_device_that_starts_late_is_found(device: ScriptedDevice) -> None:
    """HELLO reaches a device that boots for three seconds and talks before."""
    device.answer = lambda request: device.well(request) if device.clock.now_s > 3 else [b"booting\r\n"]
    assert Client(device).hello().model == "name"


def test_garbage_is_named_in_the_error(device: ScriptedDevice) -> None:
    """A device that speaks something else is told from a silent one."""
    client = Client(device, timeout_s=1.0, retries=1)
    client.hello()
    device.answer = lambda request: [b"Hello, I am a bootloader\r\n"]
    with pytest.raises(DeviceTimeout, match=r"received 52 bytes, 52 of them in no valid frame"):
        client.stats()


def test_endless_garbage_ends(device: ScriptedDevice) -> None:
    """A device that never stops talking cannot hold the client for ever."""
    client = Client(device, timeout_s=0.01, retries=1)
    client.hello()
    device.answer = lambda request: [b"blah"] * 10_000
    with pytest.raises(DeviceTimeout):
        client.stats()


def test_a_lost_link_is_passed_on(device: ScriptedDevice) -> None:
    """LinkLost of the link reaches the caller as it is, and the link is closed."""

    def lose(request: Frame) -> list[bytes]:
        raise LinkLost("the emulator ended with status 1")

    device.answer = lose
    with pytest.raises(LinkLost, match="status 1"), Client(device) as client:
        client.hello()
    assert (device.opened, device.closed) == (1, 1)


def test_replies_to_something_else_are_ignored(device: ScriptedDevice) -> None:
    """Another sequence number, session or kind is never taken for the answer, nor is the echo of the request."""

    def confuse(request: Frame) -> list[bytes]:
        wrong = [
            Frame(request.kind | REPLY, request.sequence - 1, request.session, bytes(16)),
            Frame(request.kind | REPLY, request.sequence, request.session ^ 1, bytes(16)),
            Frame(Request.FAULT | REPLY, request.sequence, request.session, bytes(16)),
            request,
        ]
        return [*map(encode, wrong), reply(request, words(1, 2, 3, 4))]

    client = Client(device)
    client.hello()
    device.answer = confuse
    assert client.stats().stack_peak_bytes == 2
    assert len(device.of_kind(Request.STATS)) == 1


def test_a_rejected_frame_is_sent_again_at_once(device: ScriptedDevice) -> None:
    """The device's word that it got garbage saves the wait, and costs less patience than silence."""
    client = Client(device, retries=1)
    client.hello()
    rejection = encode(Frame(Request.REJECT | REPLY, 0, 0, b"", Status.BAD_FRAME))
    begin_s = device.clock.now_s
    device.answer = lambda request: [rejection] if len(device.seen) < 10 else [reply(request, words(1, 2, 3, 4))]
    assert client.stats().stack_bytes == 1
    assert device.clock.now_s - begin_s < 0.1


def test_a_long_inference_is_waited_for(device: ScriptedDevice) -> None:
    """Once the device says that it began, only the deadline counts; the repeats in between keep their number."""
    client = Client(device, timeout_s=1.0, retries=3)
    client.hello()

    def slow(request: Frame) -> list[bytes | float]:
        if len(device.of_kind(Request.INVOKE)) > 1:
            return []
        return [reply(request, b"", Status.STARTED), 50.0, *device.well(request)]

    device.answer = slow  # type: ignore[assignment]
    assert client.invoke() == Ticks(1, 7, 7, 7)
    assert device.clock.now_s > 50
    assert len({frame.sequence for frame in device.of_kind(Request.INVOKE)}) == 1
    assert len(device.of_kind(Request.INVOKE)) < 12


def test_an_inference_that_never_ends_is_given_up(device: ScriptedDevice) -> None:
    """The deadline ends it, and the error says that it had begun."""
    client = Client(device)
    client.hello()
    device.answer = lambda request: [reply(request, b"", Status.STARTED)]
    begin_s = device.clock.now_s
    with pytest.raises(DeviceTimeout, match=r"INVOKE: the device began, but did not finish within 30\.0 s"):
        client.invoke(deadline_s=30.0)
    assert device.clock.now_s - begin_s == pytest.approx(30.0)


def test_a_dead_device_is_not_waited_for_until_the_deadline(device: ScriptedDevice) -> None:
    """Without a sign of life INVOKE ends long before its deadline."""
    client = Client(device, timeout_s=1.0, retries=2)
    client.hello()
    device.answer = lambda request: []
    begin_s = device.clock.now_s
    with pytest.raises(DeviceTimeout, match="no answer"):
        client.invoke(deadline_s=1000.0)
    assert device.clock.now_s - begin_s == pytest.approx(1 + 2 + 4)


@pytest.mark.parametrize("window", [1, 3, 7])
def test_the_window_is_filled_and_never_exceeded(clock: Clock, window: int) -> None:
    """So many pieces are on their way as the device offered, and all arrive."""
    device = ScriptedDevice(clock, window=window)
    client = Client(device)
    client.hello()
    unanswered, most = [], 0

    def late(request: Frame) -> list[bytes]:
        nonlocal most
        unanswered.append(request)
        most = max(most, len(unanswered))
        return []

    original = device.read

    def read(timeout_s: float) -> bytes:
        return b"".join(device.well(unanswered.pop(0))) if unanswered else original(timeout_s)

    device.answer, device.read = late, read  # type: ignore[method-assign]
    client.load(0, INPUT)
    assert bytes(device.loaded) == INPUT
    assert most == min(window, 7)
    assert len(device.of_kind(Request.LOAD)) == -(-len(INPUT) // 496)


def test_a_lost_piece_is_sent_again_with_a_new_number(clock: Clock) -> None:
    """When a later piece is answered first, the earlier one goes again, smaller, and no number is used twice."""
    device = ScriptedDevice(clock, window=3)
    client = Client(device)
    client.hello()
    device.answer = lambda request: [] if len(device.of_kind(Request.LOAD)) == 2 else device.well(request)
    client.load(0, INPUT)
    assert bytes(device.loaded) == INPUT
    numbers = [frame.sequence for frame in device.of_kind(Request.LOAD)]
    assert len(numbers) == len(set(numbers)) > 7
    assert device.clock.now_s < 1.0


def test_a_lost_piece_is_missed_as_soon_as_answers_have_been_taking(device: ScriptedDevice) -> None:
    """A device that answered at once is asked again after 50 ms, then after twice that, and not after `timeout_s`."""
    client = Client(device, timeout_s=1.0)
    client.hello()
    device.answer = lambda request: [] if len(device.of_kind(Request.LOAD)) in (2, 3) else device.well(request)
    begin_s = device.clock.now_s
    client.load(0, INPUT)
    assert bytes(device.loaded) == INPUT
    assert device.clock.now_s - begin_s == pytest.approx(0.05 + 0.1, abs=0.02)


def test_a_slow_line_is_given_its_time(device: ScriptedDevice) -> None:
    """Where a byte takes 1 ms, a piece of 496 bytes is waited for as long as it takes."""
    client = Client(device, timeout_s=1.0, byte_s=0.001)
    client.hello()
    device.answer = lambda request: [0.5, *device.well(request)]  # type: ignore[list-item]
    client.load(0, INPUT)
    assert bytes(device.loaded) == INPUT
    assert len(device.of_kind(Request.LOAD)) == -(-len(INPUT) // 496)


def test_a_run_is_asked_for_again_at_once_only_until_it_started(device: ScriptedDevice) -> None:
    """A request that went astray is missed after 50 ms; a device that computes is left in peace for `timeout_s`."""
    client = Client(device, timeout_s=1.0)
    client.hello()
    times: list[float] = []

    def answer(request: Frame) -> Iterable[bytes]:
        times.append(device.clock.now_s)
        if len(times) == 1:
            return []
        if len(times) == 2:
            return [reply(request, b"", Status.STARTED)]
        return device.well(request)

    device.answer = answer
    client.invoke()
    assert [b - a for a, b in itertools.pairwise(times)] == pytest.approx([0.05, 1.0], abs=0.01)


def test_a_line_that_takes_only_small_frames_is_learned(device: ScriptedDevice) -> None:
    """Where nothing above 60 bytes survives, load and output still end right."""
    client = Client(device, timeout_s=0.01, retries=7)
    client.hello()

    def narrow(request: Frame) -> list[bytes]:
        (answer,) = device.well(request) if len(request.body) < 60 else [b""]
        return [answer] if len(answer) < 80 else [answer[:-20]]

    device.answer = narrow
    client.load(0, INPUT)
    assert client.output(0) == INPUT
    assert bytes(device.loaded) == INPUT


def test_pace_halves_and_recovers() -> None:
    """A loss halves chunk and window down to a floor, good answers bring both back to what was offered."""
    pace = Pace(4096, 8)
    pace.lost(496)
    assert (pace.chunk_bytes, pace.window) == (248, 4)
    for _ in range(20):
        pace.lost(4096)
    assert (pace.chunk_bytes, pace.window) == (16, 1)
    for _ in range(200):
        pace.arrived()
    assert (pace.chunk_bytes, pace.window) == (4096, 8)


def test_a_device_of_another_version_is_named(device: ScriptedDevice) -> None:
    """Another version of the protocol is an error that says which, whatever the rest of the reply is."""
    device.answer = lambda request: [reply(request, b"\x09 something")]
    with pytest.raises(DeviceError, match="version 9"):
        Client(device).hello()


def test_replies_of_a_wrong_length_are_bad_frames(device: ScriptedDevice) -> None:
    """A reply that passes every check but has the wrong size is refused, not read."""
    client = Client(device)
    client.hello()
    device.answer = lambda request: [reply(request, b"123")]
    for ask in (client.stats, client.fault, client.invoke, lambda: client.output(0), lambda: client.run_to(1)):
        with pytest.raises(BadFrame, match="rebuild the firmware"):
            ask()


def test_a_device_that_offers_nothing_is_refused(device: ScriptedDevice) -> None:
    """A window of 0 cannot be used."""
    device.window = 0
    with pytest.raises(BadFrame, match="window"):
        Client(device).hello()


def test_what_does_not_exist_is_not_asked_for(device: ScriptedDevice) -> None:
    """Wrong lengths and numbers are the caller's errors, and nothing is sent."""
    client = Client(device)
    client.hello()
    sent = len(device.seen)
    for ask in (
        lambda: client.load(0, b"short"),
        lambda: client.load(1, INPUT),
        lambda: client.load(-1, INPUT),
        lambda: client.output(1),
        lambda: client.infer([]),
        lambda: client.run_step(4),
        lambda: client.run_to(-1),
        lambda: client.read_arena(90, 11),
        lambda: client.read_arena(-1, 1),
    ):
        with pytest.raises(InvalidData):
            ask()
    assert len(device.seen) == sent


def test_the_caller_may_keep_pieces_small(device: ScriptedDevice) -> None:
    """`chunk_bytes` is a limit beside the device's own."""
    client = Client(device, chunk_bytes=100)
    client.load(0, INPUT)
    assert {len(frame.body) - 8 for frame in device.of_kind(Request.LOAD)} == {100}
