"""Frames on a byte stream: COBS between zero delimiters, CRC-32 at the end; the Python half of firmware/protocol."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from mcuq.errors import BadFrame

REPLY = 0x80
_TAIL_BYTES = 512
_HEADER = struct.Struct("<BBHI")
_CRC = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Frame:
    """One request or reply; a reply has the kind of its request + 0x80, and repeats `sequence` and `session`."""

    kind: int
    sequence: int
    session: int
    body: bytes = b""
    status: int = 0


def cobs_encode(data: bytes) -> bytes:
    """`data` without zero bytes, at most 1 byte in 254 longer (Cheshire and Baker, 1997)."""
    encoded = bytearray()
    for piece in data.split(b"\0"):
        start = 0
        while len(piece) - start >= 254:
            encoded.append(255)
            encoded += piece[start : start + 254]
            start += 254
        encoded.append(len(piece) - start + 1)
        encoded += piece[start:]
    return bytes(encoded)


def cobs_decode(encoded: bytes) -> bytes:
    """The inverse of `cobs_encode`; `encoded` has no zero in it. Raises BadFrame when a block is cut."""
    decoded = bytearray()
    start, code = 0, 255
    while start < len(encoded):
        if code != 255:
            decoded.append(0)
        code = encoded[start]
        end = start + code
        if end > len(encoded):
            raise BadFrame(f"a COBS block of {code} bytes is cut after {len(encoded) - start}")
        decoded += encoded[start + 1 : end]
        start = end
    return bytes(decoded)


def encode(frame: Frame) -> bytes:
    """The bytes on the wire, with a delimiter before (it ends what stood on the line) and after."""
    payload = _HEADER.pack(frame.kind, frame.status, frame.sequence, frame.session) + frame.body
    return b"\0" + cobs_encode(payload + _CRC.pack(zlib.crc32(payload))) + b"\0"


def decode(encoded: bytes) -> Frame:
    """The frame between two delimiters. Raises BadFrame unless its length and CRC are right."""
    decoded = cobs_decode(encoded)
    payload, crc = decoded[:-4], decoded[-4:]
    if len(payload) < _HEADER.size or _CRC.pack(zlib.crc32(payload)) != crc:
        raise BadFrame(f"{len(encoded)} bytes between two delimiters are not a frame")
    kind, status, sequence, session = _HEADER.unpack_from(payload)
    return Frame(kind, sequence, session, payload[_HEADER.size :], status)


class Parser:
    """Takes bytes as they come, gives frames; what is not a frame is counted in `garbage_bytes` and `garbage_runs`."""

    def __init__(self, limit_bytes: int = 1 << 16) -> None:
        """`limit_bytes`: longer than any frame; more without a delimiter is dropped."""
        self._limit_bytes = limit_bytes
        self._pending = bytearray()
        self._is_dropping = False
        self.garbage_bytes = 0
        self.garbage_runs = 0
        self._garbage_tail = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes, in order."""
        frames: list[Frame] = []
        *complete, rest = data.split(b"\0")
        for piece in complete:
            self._append(piece)
            self._end(frames)
        self._append(rest)
        return frames

    def _append(self, piece: bytes) -> None:
        if self._is_dropping:
            self._count_garbage(piece)
            return
        self._pending += piece
        if len(self._pending) > self._limit_bytes:
            self._count_garbage(self._pending)
            self._pending.clear()
            self._is_dropping = True

    def _end(self, frames: list[Frame]) -> None:
        encoded = bytes(self._pending)
        self._pending.clear()
        if encoded:
            try:
                frames.append(decode(encoded))
            except BadFrame:
                self._count_garbage(encoded)
                self.garbage_runs += 1
        elif self._is_dropping:
            self.garbage_runs += 1
        self._is_dropping = False

    def _count_garbage(self, data: bytes | bytearray) -> None:
        self.garbage_bytes += len(data)
        self._garbage_tail += data
        del self._garbage_tail[:-_TAIL_BYTES]

    @property
    def garbage_tail(self) -> bytes:
        """The last bytes that belong to no frame."""
        return bytes(self._garbage_tail + self._pending)[-_TAIL_BYTES:]

    @property
    def unfinished_bytes(self) -> int:
        """Bytes since the last delimiter that may still become a frame."""
        return len(self._pending)
