"""Tensors and arenas in pieces: how large a piece and how many at once, as the line bears it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from mcuq.errors import BadFrame
from mcuq.run.exchange import Exchange, checked
from mcuq.run.frames import REPLY
from mcuq.run.messages import Request, words
from mcuq.run.patience import Loss, Patience

_SMALLEST_CHUNK_BYTES = 16
_SMALLEST_GROWTH_BYTES = 4
_WINDOW_GROWS_AFTER = 8


class Pace:
    """Chunk and window: halved by a loss; each good answer adds an eighth to the chunk, eight add one to the window.

    So the chunk settles where about one piece in six is lost: near the best for lines that lose single bytes, where
    smaller pieces would drown in their own frames and larger ones never arrive.
    """

    def __init__(self, chunk_bytes: int, window: int) -> None:
        self._most_bytes = self.chunk_bytes = chunk_bytes
        self._most_window = self.window = window
        self._good = 0

    def lost(self, sent_bytes: int) -> None:
        """A piece of `sent_bytes` went astray."""
        self.chunk_bytes = max(min(self.chunk_bytes, sent_bytes) // 2, min(_SMALLEST_CHUNK_BYTES, self._most_bytes))
        self.window = max(self.window // 2, 1)
        self._good = 0

    def arrived(self) -> None:
        """A piece was answered."""
        growth_bytes = max(self.chunk_bytes // 8, _SMALLEST_GROWTH_BYTES)
        self.chunk_bytes = min(self.chunk_bytes + growth_bytes, self._most_bytes)
        self._good += 1
        if self._good == _WINDOW_GROWS_AFTER:
            self._good = 0
            self.window = min(self.window + 1, self._most_window)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Bytes `offset` to `offset + count` on their way since `sent_s`."""

    offset: int
    count: int
    sent_s: float


class Transfer:
    """One tensor or piece of arena on its way, to the device (LOAD) or from it (READ_OUTPUT, READ_ARENA).

    Each piece gets a new sequence number on every attempt: all three requests may be repeated freely.
    """

    def __init__(self, exchange: Exchange, pace: Pace, request: Request, *, limit_bytes: int, what: str) -> None:
        """`limit_bytes` is the most that the device takes or gives in one piece."""
        self._exchange = exchange
        self._pace = pace
        self._request = request
        self._limit_bytes = limit_bytes
        self._what = what
        self._todo: deque[tuple[int, int]] = deque()
        self._flying: dict[int, _Piece] = {}

    def load(self, index: int, data: bytes) -> None:
        """Send `data` to input `index`."""
        self._move(
            deque([(0, len(data))] if data else []),
            lambda offset, count: words(index, offset) + data[offset : offset + count],
            lambda offset, count, body: None,
        )

    def read(self, index: int, offset: int, count: int) -> bytes:
        """`count` bytes of output `index` (0 for the arena) from `offset` on."""
        received = bytearray(count)

        def take(at: int, length: int, body: bytes) -> None:
            if len(body) != length:
                raise BadFrame(f"{self._what}: {len(body)} bytes came instead of {length}; rebuild the firmware")
            received[at - offset : at - offset + length] = body

        self._move(deque([(offset, count)] if count else []), lambda at, length: words(index, at, length), take)
        return bytes(received)

    def _move(
        self,
        todo: deque[tuple[int, int]],
        body_of: Callable[[int, int], bytes],
        take: Callable[[int, int, bytes], None],
    ) -> None:
        self._todo = todo
        self._exchange.forget()
        patience = Patience(self._exchange, self._what, self._request)
        while self._todo or self._flying:
            self._launch(body_of)
            event = self._exchange.wait(*patience.limits())
            if isinstance(event, Loss):
                patience.lost(event)
                self._give_up(list(self._flying))
            elif event.kind == self._request | REPLY and event.sequence in self._flying:
                body = checked(event, self._what)
                self._give_up(self._older_than(event.sequence))
                piece = self._flying.pop(event.sequence)
                take(piece.offset, piece.count, body)
                self._exchange.round_trip.observe(self._exchange.now_s - piece.sent_s)
                patience.progress()
                self._pace.arrived()

    def _launch(self, body_of: Callable[[int, int], bytes]) -> None:
        while self._todo and len(self._flying) < self._pace.window:
            offset, count = self._todo.popleft()
            length = min(count, self._pace.chunk_bytes, self._limit_bytes)
            if length < count:
                self._todo.appendleft((offset + length, count - length))
            sequence = self._exchange.send(self._request, body_of(offset, length))
            self._flying[sequence] = _Piece(offset, length, self._exchange.now_s)

    def _older_than(self, sequence: int) -> list[int]:
        # Replies keep the order of the requests: what was sent before the one that is answered now is lost.
        order = list(self._flying)
        return order[: order.index(sequence)]

    def _give_up(self, sequences: list[int]) -> None:
        if sequences:
            self._pace.lost(max(self._flying[sequence].count for sequence in sequences))
        for sequence in reversed(sequences):
            piece = self._flying.pop(sequence)
            self._todo.appendleft((piece.offset, piece.count))
