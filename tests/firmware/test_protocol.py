"""The C library and the Python client of the serial protocol, against each other."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcuq.errors import DeviceError, DeviceFault, DeviceTimeout, InvalidData
from mcuq.run.client import Client
from mcuq.run.frames import REPLY, Frame, Parser, encode
from mcuq.run.messages import DTYPES, PROTOCOL_VERSION, Fault, HelloFlag, Request, Stats, Status, Ticks, words

Device = Callable[..., Any]
Answers = Callable[[tuple[bytes, bytes]], tuple[bytes, bytes]]


def some_inputs(seed: int) -> tuple[bytes, bytes]:
    """Inputs for the fake model, with many zeros, which frames have to escape."""
    dice = random.Random(seed)
    return bytes(dice.choice((0, dice.randrange(256))) for _ in range(1500)), dice.randbytes(5)


def enum_of(header: Path, name: str, prefix: str) -> dict[str, int]:
    """The constants of a C enum, without their prefix."""
    body = re.search(rf"enum {name} \{{(.*?)\}};", header.read_text(), re.DOTALL)
    assert body
    text = re.sub(r"/\*.*?\*/", "", body[1], flags=re.DOTALL)
    return {key: int(value, 0) for key, value in re.findall(rf"{prefix}(\w+) = (\w+)", text)}


def test_numbers_are_the_same_in_c_and_python(root: Path) -> None:
    """Requests, statuses, flags, element types and the version have the same numbers on both sides."""
    header = root / "firmware" / "protocol" / "mcuq_protocol.h"
    assert enum_of(header, "mcuq_request", "MCUQ_") == {request.name: request.value for request in Request}
    assert enum_of(header, "mcuq_status", "MCUQ_") == {status.name: status.value for status in Status}
    assert enum_of(header, "mcuq_hello_flags", "MCUQ_") == {flag.name: flag.value for flag in HelloFlag}
    assert f"#define MCUQ_PROTOCOL_VERSION {PROTOCOL_VERSION}\n" in header.read_text()
    dtypes = enum_of(root / "firmware" / "include" / "mcuq" / "model.h", "mcuq_dtype", "MCUQ_")
    assert {name.lower(): value for name, value in dtypes.items()} == {name: value for value, name in DTYPES.items()}


def test_hello_tells_everything(device: Device) -> None:
    """HELLO brings names, hash, tensors, sizes, clocks and flags as the device has them."""
    hello = Client(device(window=3)).hello()
    assert (hello.board, hello.model, hello.model_hash) == ("fake-board", "fake_model", "00112233445566ff")
    assert [(t.dtype, t.shape, t.bytes, t.zero_point) for t in hello.inputs] == [
        ("int8", (1, 30, 50), 1500, -3),
        ("uint8", (1, 5), 5, 0),
    ]
    small = hello.outputs[0]
    assert (small.dtype, small.shape, small.scale) == ("int8", (1, 12), 0.00390625)
    assert hello.outputs[1].scale == pytest.approx(0.1, rel=1e-7)
    assert (hello.step_count, hello.arena_bytes, hello.clock_hz, hello.ticks_hz) == (4, 6517, 25_000_000, 25_000_000)
    assert (hello.load_chunk_bytes, hello.read_chunk_bytes, hello.window) == (496, 4096, 3)
    assert (hello.keep_inputs, hello.instrumented, hello.init_code) == (False, True, 0)
    assert hello.firmware_version == "1.2.3"


def test_a_start_is_announced_with_its_cause(device: Device) -> None:
    """The first frame after power-on says BOOT and the fault before it, and FAULT still tells it once."""
    link = device()
    assert Parser().feed(link.read(0)) == [Frame(Request.BOOT | REPLY, 0, 0, bytes(24))]
    link.restart(crashed=True)
    (boot,) = Parser().feed(link.read(0))
    assert boot.body == words(1, 3, 0x1234, 0x5679, 0x8200, 0x20000000)
    assert Client(link).fault() == Fault(3, 0x1234, 0x5679, 0x8200, 0x20000000)


def test_a_device_that_starts_again_and_again_is_named(device: Device) -> None:
    """Four starts without an answer are a boot loop; the error counts them and says what they ran into."""
    link = device(deaf_starts=True)
    with pytest.raises(DeviceFault, match=r"again and again: 4 starts .* it ran into exception 3 at pc 0x00001234"):
        Client(link, timeout_s=0.01).hello(deadline_s=5.0)


def test_check_is_the_crc_of_an_input(device: Device) -> None:
    """CHECK answers with zlib's CRC-32 of the bytes that lie in the input."""
    link = device()
    client = Client(link)
    client.load(0, some_inputs(3)[0])
    body = client._call(Request.CHECK, words(0, 100, 1000))
    assert body == words(zlib.crc32(some_inputs(3)[0][100:1100]))
    assert client.arena_crc(0, 1500) == zlib.crc32(some_inputs(3)[0])


def test_an_input_that_repeats_is_not_sent_twice(device: Device) -> None:
    """The same bytes again cost one CHECK; after a run that wrote over them they are sent."""
    link = device()
    client = Client(link)
    data, other = some_inputs(1)[0], some_inputs(2)[0]
    assert [frames_of(link, client, data) for data in (data, data, data, other, data)] == [4, 1, 1, 4, 4]
    client.invoke()
    assert [frames_of(link, client, data) for _ in range(2)] == [1 + 4, 4]
    assert client._call(Request.CHECK, words(0, 0, 1500)) == words(zlib.crc32(data))


def test_a_restart_forgets_what_was_loaded(device: Device) -> None:
    """What another session loaded is not believed to be there."""
    link = device()
    client = Client(link)
    data = some_inputs(1)[0]
    client.load(0, data)
    client.reset()
    client.hello()
    assert frames_of(link, client, data) == 4


def frames_of(link: Any, client: Client, data: bytes) -> int:
    """How many frames loading input 0 takes."""
    client.hello()
    before = link.frames_sent
    client.load(0, data)
    return int(link.frames_sent - before)


@pytest.mark.parametrize("window", [1, 2, 16])
def test_an_inference_is_right(device: Device, answers_of: Answers, window: int) -> None:
    """Inputs and outputs larger than a chunk arrive whole with any window, and the ticks are those of the model."""
    client = Client(device(window=window))
    for seed in range(5):
        inference = client.infer(some_inputs(seed))
        assert inference.outputs == answers_of(some_inputs(seed))
        assert inference.ticks == 10_100


def test_a_small_inference_takes_few_frames(device: Device) -> None:
    """LOAD in chunks of 496 bytes, then one INVOKE that brings the output along: no frame more."""
    link = device()
    client = Client(link)
    client.hello()
    before = link.frames_sent
    client.load(1, b"12345")
    client._invoke(1, 12, 1.0)
    assert link.frames_sent - before == 2


def test_invoke_counts_ticks_of_every_run(device: Device) -> None:
    """Three runs: their sum, the fewest and the most of one."""
    link = device()
    assert Client(link).invoke(3) == Ticks(3, 30_300, 10_100, 10_100)
    assert link.count("invocations") == 3


def test_invoking_zero_times_is_refused(device: Device) -> None:
    """Neither the client nor the device takes 0 runs."""
    link = device()
    client = Client(link)
    with pytest.raises(InvalidData, match="0 times"):
        client.invoke(0)
    with pytest.raises(DeviceError, match="OUT_OF_RANGE"):
        client._call(Request.INVOKE, words(0, 0, 0))
    assert link.count("invocations") == 0


def test_steps_run_one_by_one_or_up_to_one(device: Device, answers_of: Answers) -> None:
    """Steps in order are an inference, run_to stops where it says, and the arena shows what is live there."""
    link = device()
    client = Client(link)
    inputs = some_inputs(1)
    for index, data in enumerate(inputs):
        client.load(index, data)
    assert client.run_to(0) == 1100
    small, large = answers_of(inputs)
    assert client.read_arena(1505 + 12, 5000) == large
    assert [client.run_step(step) for step in (1, 2, 3)] == [2100, 3100, 4100]
    assert client.output(0) == small
    assert client.read_arena(0, 4) == b"\xee" * 4
    assert (link.count("steps"), link.count("invocations")) == (4, 0)


def test_figures_of_the_device(device: Device) -> None:
    """Stack and arena come from the hooks; what has no hook is 0."""
    assert Client(device()).stats() == Stats(4096, 512, 0, 6517, 25_000_000, 296_900, 3300)


def test_reset_starts_over(device: Device) -> None:
    """After a reset the client says hello again by itself and the device is as new."""
    link = device()
    client = Client(link)
    client.invoke()
    client.reset()
    assert link.count("resets") == 1
    assert client.invoke().times == 1


def test_a_fault_is_told_once(device: Device) -> None:
    """The record of the fault before the start is there for the first who asks."""
    link = device()
    assert Client(link).fault() is None
    link.restart(crashed=True)
    assert Client(link).fault() == Fault(3, 0x1234, 0x5679, 0x8200, 0x20000000)
    assert Client(link).fault() is None


def test_a_device_that_restarts_is_not_believed(device: Device) -> None:
    """A restart between LOAD and INVOKE ends in an error, not in the answer to inputs that are gone."""
    link = device()
    client = Client(link)
    client.load(1, b"12345")
    link.restart()
    with pytest.raises(DeviceError, match="any more: it restarted"):
        client.invoke()
    assert link.count("invocations") == 0
    client.load(1, b"12345")
    link.restart(crashed=True)
    with pytest.raises(DeviceFault, match=r"exception 3 at pc 0x00001234.*CFSR 0x00008200"):
        client.output(0)


def test_another_host_ends_the_session(device: Device) -> None:
    """Of two clients the later one has the device, and the earlier one is told."""
    link = device()
    first, second = Client(link), Client(link)
    first.hello()
    second.hello()
    with pytest.raises(DeviceError, match="another program"):
        first.invoke()
    assert link.count("invocations") == 0
    assert second.invoke().times == 1


def test_a_model_that_did_not_start_says_so(device: Device) -> None:
    """With init failed the device still says hello and gives figures, and refuses the rest with the code."""
    client = Client(device(init_code=-7))
    assert client.hello().init_code == -7
    assert client.stats().arena_bytes == 6517
    asks = (lambda: client.load(1, b"12345"), client.invoke, lambda: client.output(0), lambda: client.run_to(0))
    for refused in asks:
        with pytest.raises(DeviceError, match="init returned -7"):
            refused()


def test_steps_need_an_instrumented_build(device: Device) -> None:
    """Without single steps the device refuses them by name."""
    link = device(instrumented=False)
    with pytest.raises(DeviceError, match="NOT_INSTRUMENTED"):
        Client(link).run_step(0)
    assert link.count("steps") == 0


@pytest.mark.parametrize(
    ("request_kind", "body", "status"),
    [
        (99, b"", Status.UNKNOWN_REQUEST),
        (0, b"", Status.UNKNOWN_REQUEST),
        (Request.STATS, b"x", Status.BAD_LENGTH),
        (Request.LOAD, words(0), Status.BAD_LENGTH),
        (Request.NAME, words(3), Status.BAD_INDEX),
        (Request.DESCRIBE, words(0, 2), Status.BAD_INDEX),
        (Request.DESCRIBE, words(2, 0), Status.BAD_INDEX),
        (Request.LOAD, words(2, 0) + b"1", Status.BAD_INDEX),
        (Request.LOAD, words(1, 5) + b"1", Status.OUT_OF_RANGE),
        (Request.LOAD, words(1, 0xFFFFFFFF) + b"12", Status.OUT_OF_RANGE),
        (Request.READ_OUTPUT, words(2, 0, 1), Status.BAD_INDEX),
        (Request.READ_OUTPUT, words(0, 1, 12), Status.OUT_OF_RANGE),
        (Request.READ_OUTPUT, words(1, 0, 5000), Status.OUT_OF_RANGE),
        (Request.READ_ARENA, words(0, 6517, 1), Status.OUT_OF_RANGE),
        (Request.READ_ARENA, words(0, 0xFFFFFFFF, 2), Status.OUT_OF_RANGE),
        (Request.CHECK, words(2, 0, 1), Status.BAD_INDEX),
        (Request.CHECK, words(1, 4, 2), Status.OUT_OF_RANGE),
        (Request.CHECK, words(0xFFFFFFFF, 6517, 1), Status.OUT_OF_RANGE),
        (Request.CHECK, words(1, 1, 0xFFFFFFFF), Status.OUT_OF_RANGE),
        (Request.INVOKE, words(1, 2, 0), Status.BAD_INDEX),
        (Request.INVOKE, words(1, 0, 13), Status.OUT_OF_RANGE),
        (Request.STEPS, words(0, 4), Status.BAD_INDEX),
        (Request.STEPS, words(2, 1), Status.BAD_INDEX),
    ],
)
def test_the_device_checks_every_field(device: Device, request_kind: int, body: bytes, status: Status) -> None:
    """What does not exist is refused with its own status and runs nothing, whatever the host believes."""
    link = device()
    link.write(encode(Frame(Request.HELLO, 1, 77, words(PROTOCOL_VERSION))))
    link.read(0)
    link.write(encode(Frame(request_kind, 2, 77, body)))
    assert Parser().feed(link.read(0)) == [Frame(request_kind | REPLY, 2, 77, b"", status)]
    assert (link.count("steps"), link.count("invocations")) == (0, 0)


def test_the_last_reply_is_kept(device: Device) -> None:
    """The same sequence number brings the same reply and runs nothing; an older one brings silence."""
    link = device()

    def ask(kind: int, sequence: int, body: bytes = b"") -> list[Frame]:
        link.write(encode(Frame(kind, sequence, 77, body)))
        return Parser().feed(link.read(0))

    ask(Request.HELLO, 0xFFFF, words(PROTOCOL_VERSION))
    started, first = ask(Request.INVOKE, 0, words(1, 0, 12))
    assert (started.status, first.status) == (Status.STARTED, Status.OK)
    assert ask(Request.INVOKE, 0, words(1, 0, 12)) == [first]
    assert ask(Request.INVOKE, 0xFFFF, words(1, 0, 12)) == []
    assert link.count("invocations") == 1


def test_a_session_of_zero_or_none_is_refused(device: Device) -> None:
    """Before HELLO nothing is executed, not even for a host that says session 0."""
    link = device()
    link.read(0)
    for session in (0, 5):
        link.write(encode(Frame(Request.INVOKE, 1, session, words(1, 0, 0))))
        assert [frame.status for frame in Parser().feed(link.read(0))] == [Status.WRONG_SESSION]
    assert link.count("invocations") == 0


def test_garbage_is_answered_at_once(device: Device) -> None:
    """What is not a frame, or too long for one, is rejected without waiting, and the next frame is understood."""
    link = device()
    link.read(0)
    rejected = Frame(Request.REJECT | REPLY, 0, 0, bytes(4), Status.BAD_FRAME)
    for garbage in (b"hello\0", b"\xff" * 5000 + b"\0", b"\x05abc\0", b"\x01\x01\0"):
        link.write(garbage)
        assert Parser().feed(link.read(0)) == [rejected]
    assert Client(link).hello().model == "fake_model"


@pytest.mark.parametrize("seed", range(6))
def test_a_bad_line_never_gives_a_wrong_number(device: Device, bad_line: Any, answers_of: Answers, seed: int) -> None:
    """Bytes lost, doubled and flipped both ways: every answer is right or a named error, and no run happens twice."""
    rate = 0.0004 * 2**seed
    line = bad_line(seed=seed, lose=rate / 3, double=rate / 3, flip=rate / 3, cut=0.02)
    link = device(line=line, window=1 + 3 * (seed % 2))
    client = Client(link, timeout_s=0.002, retries=8)
    right, errors, asked, runs = 0, 0, 0, 0
    while link.frames_sent < 1500:
        inputs = some_inputs(link.frames_sent)
        try:
            client.hello(deadline_s=1.0)
            asked += 1
            inference = client.infer(inputs, deadline_s=1.0)
            assert inference.outputs == answers_of(inputs)
            assert inference.ticks == 10_100
            right += 1
        except DeviceTimeout:
            errors += 1
        runs = link.count("invocations")
        assert right <= runs <= asked
    assert line.harmed > 100
    assert right > 10 * errors


@pytest.mark.parametrize("seed", range(3))
def test_single_steps_over_a_bad_line(device: Device, bad_line: Any, answers_of: Answers, seed: int) -> None:
    """Steps are never executed twice either, and the arena read behind them is what was there."""
    link = device(line=bad_line(seed=seed, lose=0.001, double=0.001, flip=0.001))
    client = Client(link, timeout_s=0.002, retries=30)
    for turn in range(20):
        inputs = some_inputs(turn)
        for index, data in enumerate(inputs):
            client.load(index, data)
        assert [client.run_step(step) for step in range(4)] == [1100, 2100, 3100, 4100]
        assert client.read_arena(1505, 5012) == b"".join(answers_of(inputs))
    assert link.count("steps") == 80
