"""The parser of the device under sanitizers, and what it says to streams that no host would send."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mcuq.run.frames import REPLY, Frame, Parser, encode
from mcuq.run.messages import PROTOCOL_VERSION, Request, Status, words

REJECT = Frame(Request.REJECT | REPLY, 0, 0, bytes(4), Status.BAD_FRAME)


@pytest.fixture(scope="session")
def program(
    host_compiler: str, protocol_sources: list[Path], root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[bytes], bytes]:
    """Answers a stream: the C library under AddressSanitizer and UBSan, as a program that ends at the first finding."""
    folder = tmp_path_factory.mktemp("fuzz")
    flags = ["-std=c99", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DHARNESS_MAIN"]
    sources = [str(Path(__file__).parent / "protocol_harness.c"), *map(str, protocol_sources)]
    command = [host_compiler, *flags, f"-I{root / 'firmware' / 'include'}", *sources, "-o", str(folder / "fuzz")]
    built = subprocess.run(command, capture_output=True, text=True)
    if built.returncode and "san" in built.stderr:
        pytest.skip(f"{host_compiler} has no sanitizers")
    assert built.returncode == 0, built.stderr

    def answer(stream: bytes) -> bytes:
        (folder / "in").write_bytes(stream)
        run = subprocess.run([folder / "fuzz", folder / "in", folder / "out"], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return (folder / "out").read_bytes()

    return answer


def any_request(dice: random.Random, sequence: int) -> bytes:
    """A frame with a right CRC and a body that is often wrong."""
    kind = dice.choice([*(int(request) for request in Request), dice.randrange(256)])
    numbers = [dice.choice((0, 1, 2, 5, 12, 496, 5000, 2**31, 2**32 - 1)) for _ in range(dice.randrange(5))]
    if kind in (Request.INVOKE, Request.STEPS):
        numbers[:1] = [dice.randrange(3)]
    body = words(*numbers) + dice.randbytes(dice.choice((0, 0, 1, 3, 496, 497)))
    if kind == Request.HELLO:
        return encode(Frame(kind, sequence, 77 + dice.randrange(2), body))
    return encode(Frame(kind, sequence, 77, body, dice.choice((0, 1))))


def mutated(dice: random.Random, stream: bytes) -> bytes:
    """`stream` with a few bytes changed, lost, doubled, or a piece of it moved."""
    data = bytearray(stream)
    for _ in range(dice.randrange(8)):
        at = dice.randrange(len(data))
        action = dice.randrange(5)
        if action == 0:
            data[at] = dice.randrange(256)
        elif action == 1:
            del data[at : at + dice.choice((1, 1, 2, 100))]
        elif action == 2:
            data.insert(at, dice.choice((0, 1, 255, data[at])))
        elif action == 3:
            data[at:at] = data[at : at + dice.randrange(600)]
        else:
            data[at:at] = dice.randbytes(dice.randrange(40))
        data = data or bytearray(b"\0")
    return bytes(data)


@pytest.mark.parametrize("seed", range(8))
def test_mutated_streams_break_nothing(program: Callable[[bytes], bytes], seed: int) -> None:
    """After any stream the sanitizers are silent, all that is said are frames, and a new session is answered."""
    dice = random.Random(seed)
    hello = encode(Frame(Request.HELLO, 1, 77, words(PROTOCOL_VERSION)))
    requests = b"".join(any_request(dice, sequence) for sequence in range(2, 200))
    stream = mutated(dice, hello + requests) + b"\0" + dice.randbytes(3000)
    parser = Parser()
    frames = parser.feed(program(stream + b"\0" + encode(Frame(Request.HELLO, 1, 99, words(PROTOCOL_VERSION)))))
    assert (parser.garbage_bytes, parser.unfinished_bytes) == (0, 0)
    assert len(frames) > 50
    assert (frames[-1].kind, frames[-1].session, frames[-1].status) == (Request.HELLO | REPLY, 99, Status.OK)


def test_pure_noise_is_only_rejected(program: Callable[[bytes], bytes]) -> None:
    """100 KB of random bytes contain no frame, and the device says nothing else."""
    boot, *frames = Parser().feed(program(random.Random(1).randbytes(100_000) + b"\0"))
    assert boot.kind == Request.BOOT | REPLY
    assert len(frames) > 100
    assert set(frames) == {REJECT}


def test_every_single_byte_of_a_frame_matters(device: Any) -> None:
    """Whichever bit of a request flips, whichever byte is lost or doubled, INVOKE does not run."""
    link = device()
    link.write(encode(Frame(Request.HELLO, 1, 77, words(PROTOCOL_VERSION))))
    frame = encode(Frame(Request.INVOKE, 2, 77, words(1, 0, 12)))
    inner = range(1, len(frame) - 1)
    harmed = [frame[:at] + bytes([frame[at] ^ 1 << bit]) + frame[at + 1 :] for at in inner for bit in range(8)]
    harmed += [frame[:at] + frame[at + 1 :] for at in inner]
    harmed += [frame[:at] + frame[at : at + 1] + frame[at:] for at in inner]
    for data in harmed:
        link.write(b"\0" + data + b"\0")
    assert link.count("invocations") == 0
    link.write(frame)
    assert link.count("invocations") == 1


@pytest.mark.parametrize("length", [0, 1, 252, 253, 254, 255, 256, 495, 496])
@pytest.mark.parametrize("fill", [0, 1, None])
def test_cobs_of_both_sides_agree(device: Any, length: int, fill: int | None) -> None:
    """What LOAD brings is what READ_ARENA takes away, at every length around the limits of a COBS block."""
    link = device()
    data = random.Random(length).randbytes(length) if fill is None else bytes([fill]) * length
    link.write(encode(Frame(Request.HELLO, 1, 77, words(PROTOCOL_VERSION))))
    link.write(encode(Frame(Request.LOAD, 2, 77, words(0, 3) + data)))
    link.write(encode(Frame(Request.READ_ARENA, 3, 77, words(0, 3, length))))
    parser = Parser()
    loaded, read = parser.feed(link.read(0))[2:]
    assert (loaded.status, read.status, read.body) == (Status.OK, Status.OK, data)
    assert parser.garbage_bytes == 0
