"""Memory models: their files, their caches, their events."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from mcuq.errors import InvalidBoard
from mcuq.profile import Event, MemoryModel, MemoryWatch, all_memory_models, memory_model, memory_model_of_board
from mcuq.profile.memory import FOLDER, Cache, load_memory_model
from mcuq.profile.watch import CacheState

FLASH, RAM = (0x0800_0000, 0x0810_0000), (0x2000_0000, 0x2010_0000)


def watch_of(name: str) -> MemoryWatch:
    """A watch of a model by name."""
    model = next(model for model in all_memory_models() if model.name == name)
    return MemoryWatch(model, FLASH, RAM)


def test_a_stream_misses_sector_by_sector() -> None:
    """On the STM32L4R5 a stream of words misses once in 8 bytes; all but the first follow the miss before them."""
    watch = watch_of("stm32l4r5")
    events = [watch.read(FLASH[0] + 4 * word, 4) for word in range(64)]
    met = Counter(event for several in events for event in several)
    assert met == {Event.ISOLATED_MISS: 1, Event.SEQUENTIAL_MISS: 31}
    assert events[1::2] == [()] * 32


def test_two_streams_miss_apart() -> None:
    """Two streams in turn break each other's sequence, so that every miss is an isolated one."""
    watch = watch_of("stm32l4r5")
    addresses = (FLASH[0] + stream * 0x1000 + 8 * sector for sector in range(16) for stream in (0, 1))
    assert {watch.read(address, 4) for address in addresses} == {(Event.ISOLATED_MISS,)}


def test_a_short_table_stays_in_the_cache() -> None:
    """256 bytes are read again without a miss; 8 bytes more and nothing is found again."""
    for table_bytes, misses in ((256, 0), (264, 33)):
        watch = watch_of("stm32l4r5")
        addresses = range(FLASH[0], FLASH[0] + table_bytes, 8)
        for address in addresses:
            watch.read(address, 4)
        met = [event for address in addresses for event in watch.read(address, 4)]
        assert len(met) == misses


def test_ram_is_never_missed() -> None:
    """Reads of RAM meet nothing, unless a word is not aligned."""
    watch = watch_of("stm32l4r5")
    assert watch.read(RAM[0] + 0x40, 4) == ()
    assert watch.read(RAM[0] + 0x42, 4) == (Event.UNALIGNED,)
    assert watch.write(RAM[0] + 0x41, 4) == (Event.UNALIGNED,)
    assert watch.read(RAM[0] + 0x41, 2) == ()


def test_every_read_of_flash_waits_on_the_small_board() -> None:
    """The STM32G0B1 caches no data; the target of a taken branch is slow until it was fetched."""
    watch = watch_of("stm32g0b1")
    assert watch.read(FLASH[0], 4) == watch.read(FLASH[0], 4) == (Event.ISOLATED_MISS,)
    assert watch.fetch(FLASH[0], 8, False) == (Event.FETCH_MISS,)
    assert watch.fetch(FLASH[0], 8, False) == ()
    assert watch.fetch(FLASH[0] + 0x40, 64, True) == ()  # long enough to displace the first
    assert watch.fetch(FLASH[0], 8, False) == (Event.FETCH_MISS,)


def test_a_unified_cache_is_shared() -> None:
    """On the STM32U5 instructions displace data that lie 8 KB away, and the other way round."""
    watch = watch_of("stm32u575")
    assert watch.read(FLASH[0], 4) == (Event.ISOLATED_MISS,)
    assert watch.read(FLASH[0] + 12, 4) == ()
    watch.fetch(FLASH[0] + 8192, 16, True)
    assert watch.read(FLASH[0], 4) != ()


def test_a_new_inference_begins_cold() -> None:
    """After `begin` the caches are empty, so that all inferences are counted alike."""
    watch = watch_of("stm32l4r5")
    first = [watch.read(FLASH[0] + address, 4) for address in (0, 4, 8, 64)]
    watch.begin()
    assert [watch.read(FLASH[0] + address, 4) for address in (0, 4, 8, 64)] == first


@pytest.mark.parametrize("cache", [Cache(8, 8, 32, 8), Cache(512, 1, 16, 16), Cache(16, 2, 16, 16)])
def test_a_cache_is_what_its_description_says(cache: Cache) -> None:
    """On random accesses it equals a cache written down naively: lists of lines, oldest first."""
    generator = random.Random(3)
    state = CacheState(cache)
    sets: list[list[tuple[int, set[int]]]] = [[] for _ in range(cache.lines // cache.ways)]
    for _ in range(5000):
        address = generator.randrange(4 * cache.lines * cache.line_bytes)
        line, sector = address // cache.line_bytes, address // cache.sector_bytes
        own = sets[line % len(sets)]
        entry = next((entry for entry in own if entry[0] == line), (line, set()))
        was_there = sector in entry[1]
        entry[1].add(sector)
        own[:] = [*(other for other in own if other[0] != line), entry][-cache.ways :]
        assert state.touch(sector) is was_there


def test_events_have_prices() -> None:
    """Events cost what the board's table says."""
    (model,) = (model for model in all_memory_models() if model.name == "stm32l4r5")
    events = {(0x100, int(Event.SEQUENTIAL_MISS)): 10, (0x200, int(Event.ISOLATED_MISS)): 1}
    assert model.event_cycles(events) == pytest.approx(10 * 2.6 + 4.4)


def test_models_are_found_by_board_and_name() -> None:
    """A board has its model by its name; another board takes one of the same core by the model's name."""
    found = memory_model_of_board("nucleo-l4r5zi")
    assert found == memory_model("stm32l4r5", "cortex-m4")
    assert memory_model_of_board("cortex-m4") is None


@pytest.mark.parametrize(
    ("name", "core", "told"),
    [
        ("stm32h7", "cortex-m4", "there are stm32g0b1, stm32l4r5"),
        ("stm32l4r5", "cortex-m33", "cortex-m4, not cortex-m33"),
    ],
)
def test_wrong_models_are_refused(name: str, core: str, told: str) -> None:
    """A model that does not exist or is of another core is told with what there is."""
    with pytest.raises(InvalidBoard, match=told):
        memory_model(name, core)


def test_a_model_of_ones_own(tmp_path: Path) -> None:
    """A .toml file by path is a model; unknown keys are named."""
    text = (FOLDER / "stm32l4r5.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('"stm32l4r5"\n', '"mine"\n', 1), encoding="utf-8")
    assert memory_model(str(path), "cortex-m4").name == "mine"
    path.write_text("wait_states = 5\n" + text, encoding="utf-8")
    with pytest.raises(InvalidBoard, match="wait_states"):
        load_memory_model(path)
    with pytest.raises(InvalidBoard, match="cannot be read"):
        load_memory_model(tmp_path / "absent.toml")


def test_calibrated_boards_print_held_out_errors() -> None:
    """5 % for convolutional networks, 12 % for fully connected ones: not the residual of the fit."""
    models: tuple[MemoryModel, ...] = all_memory_models()
    assert [model.name for model in models] == ["stm32g0b1", "stm32l4r5", "stm32u385", "stm32u575"]
    for model in models:
        error = model.timing.error
        assert error is not None
        assert (error.convolutional, error.fully_connected) == (0.05, 0.12)
