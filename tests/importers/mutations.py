"""Damaged model files: one seeded way of damaging a function, in a visible list."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

from mcuq.importers import load_tflite
from mcuq.importers.tflite.reader import Source

EXTREMES = (0, 1, -1, 2, 127, 128, 255, 256, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, -0x80000000, 0x40000000, 1 << 24)
TIMES = (1, 1, 1, 2, 4)  # mostly one change: heavier damage is found out before anything interesting is read

Place = Callable[[], int]
Mutation = Callable[[bytearray, random.Random, Place], bytearray]


def flip_bits(data: bytearray, rng: random.Random, place: Place) -> bytearray:
    """Up to four single bits."""
    for _ in range(rng.choice(TIMES)):
        data[place()] ^= 1 << rng.randrange(8)
    return data


def set_bytes(data: bytearray, rng: random.Random, place: Place) -> bytearray:
    """Up to four random bytes."""
    for _ in range(rng.choice(TIMES)):
        data[place()] = rng.randrange(256)
    return data


def truncate(data: bytearray, rng: random.Random, place: Place) -> bytearray:
    """The beginning of the file."""
    return data[: rng.randrange(len(data))]


def splice(data: bytearray, rng: random.Random, place: Place) -> bytearray:
    """One part of the file written over another."""
    size = rng.randint(1, min(256, len(data) // 2))
    source, target = min(place(), len(data) - size), min(place(), len(data) - size)
    data[target : target + size] = data[source : source + size]
    return data


def cut_out(data: bytearray, rng: random.Random, place: Place) -> bytearray:
    """The file without some bytes in its middle."""
    start = place()
    del data[start : start + rng.randint(1, 64)]
    return data


def overwrite_words(data: bytearray, rng: random.Random, place: Place) -> bytearray:
    """Up to four aligned 32-bit fields set to extreme values."""
    for _ in range(rng.choice(TIMES)):
        struct.pack_into("<I", data, min(place() & ~3, len(data) - 4), rng.choice(EXTREMES) & 0xFFFFFFFF)
    return data


def overwrite_halfwords(data: bytearray, rng: random.Random, place: Place) -> bytearray:
    """Up to four aligned 16-bit fields, which vtables are made of, set to extreme values."""
    for _ in range(rng.choice(TIMES)):
        struct.pack_into("<H", data, min(place() & ~1, len(data) - 2), rng.choice(EXTREMES) & 0xFFFF)
    return data


def nudge_words(data: bytearray, rng: random.Random, place: Place) -> bytearray:
    """Up to four aligned 32-bit fields a little off, so that offsets point beside their targets."""
    for _ in range(rng.choice(TIMES)):
        position = min(place() & ~3, len(data) - 4)
        (value,) = struct.unpack_from("<I", data, position)
        struct.pack_into("<I", data, position, (value + rng.randint(-32, 32)) & 0xFFFFFFFF)
    return data


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits,
    set_bytes,
    truncate,
    splice,
    cut_out,
    overwrite_words,
    overwrite_halfwords,
    nudge_words,
)


def places_read(model: bytes) -> tuple[int, ...]:
    """The positions that the importer looks at: tables, vtables and vectors, but not the weights between them."""
    places: set[int] = set()
    read = Source.read

    def noting(source: Source, layout: str, position: int, place: str) -> tuple[int, ...]:
        places.update(range(position, position + struct.calcsize("<" + layout)))
        return read(source, layout, position, place)

    with mock.patch.object(Source, "read", noting):
        load_tflite(model, "places")
    return tuple(sorted(places))


def mutated(model: bytes, places: Sequence[int], seed: int) -> bytes:
    """`model` after one to three mutations that the seed chooses; three of four hit `places`."""
    rng = random.Random(seed)
    data = bytearray(model)

    def place() -> int:
        position = rng.choice(places) if rng.random() < 0.75 else rng.randrange(len(data))
        return min(position, len(data) - 1)

    for _ in range(rng.choice((1, 1, 2))):
        if len(data) > 16:
            data = rng.choice(MUTATIONS)(data, rng, place)
    return bytes(data)


def mutated_json(value: Any, rng: random.Random) -> Any:
    """`value`, as json.loads gives it, with something in it replaced by something of a like or another kind."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(sorted(value))
        return {**value, key: mutated_json(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.85:
        index = rng.randrange(len(value))
        return [*value[:index], mutated_json(value[index], rng), *value[index + 1 :]]
    return rng.choice((None, -1, 0, 1, 2, 255, 1 << 31, 1 << 70, 0.5, 1e-300, True, "", "x", [], {}, [value], [0] * 9))
