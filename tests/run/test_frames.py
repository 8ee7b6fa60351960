"""Frames: what is encoded comes back, and nothing else is ever taken for a frame."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcuq.errors import BadFrame
from mcuq.run.frames import Frame, Parser, cobs_decode, cobs_encode, decode, encode

FRAMES = st.builds(
    Frame,
    kind=st.integers(0, 255),
    sequence=st.integers(0, 0xFFFF),
    session=st.integers(0, 0xFFFFFFFF),
    body=st.binary(max_size=600) | st.integers(0, 600).map(bytes),
    status=st.integers(0, 255),
)


@given(st.binary(max_size=1000) | st.integers(0, 1000).map(lambda n: b"x" * n))
def test_cobs_is_reversible(data: bytes) -> None:
    """Encoded data have no zero, are at most one byte in 254 longer, and decode to what they were."""
    encoded = cobs_encode(data)
    assert 0 not in encoded
    assert len(encoded) <= len(data) + len(data) // 254 + 1
    assert cobs_decode(encoded) == data


def test_cobs_as_published() -> None:
    """The well-known examples of the encoding."""
    assert cobs_encode(b"") == b"\x01"
    assert cobs_encode(b"\0\0") == b"\x01\x01\x01"
    assert cobs_encode(b"\x11\x22\x00\x33") == b"\x03\x11\x22\x02\x33"
    assert cobs_encode(bytes(range(1, 255))) == b"\xff" + bytes(range(1, 255)) + b"\x01"
    assert cobs_decode(b"\xff" + bytes(range(1, 255))) == bytes(range(1, 255))


def test_a_frame_as_it_stands_in_the_description() -> None:
    """Kind, status, sequence, session, body and CRC-32 lie where firmware/protocol says."""
    payload = bytes.fromhex("05 00 0201 44332211 aabb")
    register = 0xFFFFFFFF
    for bit in (byte >> place & 1 for byte in payload for place in range(8)):
        register = register >> 1 ^ (0xEDB88320 if (register ^ bit) & 1 else 0)
    decoded = cobs_decode(encode(Frame(5, 0x0102, 0x11223344, b"\xaa\xbb"))[1:-1])
    assert decoded == payload + (register ^ 0xFFFFFFFF).to_bytes(4, "little")


@given(st.lists(FRAMES, max_size=5), st.randoms(use_true_random=False))
def test_a_parser_finds_frames_in_any_pieces(frames: list[Frame], dice: random.Random) -> None:
    """However a stream is cut into pieces, its frames come out in order."""
    stream = b"".join(map(encode, frames))
    parser, got = Parser(), []
    while stream:
        size = dice.randrange(1, 60)
        got += parser.feed(stream[:size])
        stream = stream[size:]
    assert got == frames
    assert (parser.garbage_bytes, parser.garbage_runs, parser.unfinished_bytes) == (0, 0, 0)


@given(st.binary(max_size=300), FRAMES)
def test_a_parser_recovers_after_garbage(garbage: bytes, frame: Frame) -> None:
    """A frame is found behind any garbage, and the garbage is counted."""
    parser = Parser()
    assert parser.feed(garbage + encode(frame)) == [frame]
    assert parser.garbage_bytes == len(garbage) - garbage.count(0)


@given(FRAMES, st.data())
def test_a_damaged_frame_is_no_frame(frame: Frame, data: st.DataObject) -> None:
    """One byte lost, doubled, or changed gives no frame at all."""
    encoded = encode(frame)
    at = data.draw(st.integers(1, len(encoded) - 2))
    change = data.draw(st.integers(1, 255))
    parser = Parser()
    assert parser.feed(encoded[:at] + encoded[at + 1 :] + b"\0") == []
    assert parser.feed(encoded[:at] + encoded[at : at + 1] + encoded[at:] + b"\0") == []
    assert parser.feed(encoded[:at] + bytes([encoded[at] ^ change]) + encoded[at + 1 :] + b"\0") == []
    assert parser.garbage_bytes > 0


@given(st.lists(st.binary(max_size=100), max_size=20))
def test_noise_is_never_an_exception(pieces: list[bytes]) -> None:
    """Random bytes in random pieces give no frame, and every one that is not a delimiter is accounted for."""
    parser = Parser()
    for piece in pieces:
        assert parser.feed(piece) == []
    noise = b"".join(pieces)
    assert parser.garbage_bytes + parser.unfinished_bytes == len(noise) - noise.count(0)


def test_a_parser_keeps_no_endless_line() -> None:
    """Without a delimiter a limited number of bytes is kept; the rest of that line is dropped and counted."""
    parser = Parser(limit_bytes=100)
    for _ in range(1000):
        parser.feed(b"0123456789")
        assert parser.unfinished_bytes <= 100
    assert parser.garbage_bytes == 10_000
    frame = Frame(1, 2, 3)
    assert parser.feed(encode(frame)) == [frame]
    assert (parser.garbage_bytes, parser.garbage_runs) == (10_000, 1)


@pytest.mark.parametrize("encoded", [b"", b"\x01", b"\x05ab", b"\xff", cobs_encode(b"short"), cobs_encode(bytes(12))])
def test_decode_says_that_it_is_no_frame(encoded: bytes) -> None:
    """What is too short, cut, or has another CRC raises BadFrame."""
    with pytest.raises(BadFrame):
        decode(encoded)
