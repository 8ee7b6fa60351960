"""Caches simulated while a program runs: every access to memory becomes an event, or nothing."""

from __future__ import annotations

from mcuq.profile.memory import Cache, Event, MemoryModel

Range = tuple[int, int]


class CacheState:
    """The lines and sectors that are in a cache."""

    def __init__(self, cache: Cache) -> None:
        self._line_shift = cache.line_bytes.bit_length() - 1
        self._sector_shift = cache.sector_bytes.bit_length() - 1
        self._ways = cache.ways
        self._set_count = cache.lines // cache.ways
        self._sectors_per_line = cache.line_bytes // cache.sector_bytes
        # So many bytes in a row are in the cache together, wherever they begin.
        self.holds_bytes = (cache.lines - 1) * cache.line_bytes
        self.clear()

    def clear(self) -> None:
        """Empty it."""
        # Line -> sectors that are there, as bits; the least recently used line comes first.
        self._sets: list[dict[int, int]] = [{} for _ in range(self._set_count)]

    def sectors(self, address: int, size: int) -> range:
        """The numbers of the sectors that an access touches."""
        return range(address >> self._sector_shift, ((address + size - 1) >> self._sector_shift) + 1)

    def touch(self, sector: int) -> bool:
        """Whether the sector was there; now it is."""
        line = sector // self._sectors_per_line
        lines = self._sets[line % self._set_count]
        bit = 1 << (sector % self._sectors_per_line)
        present = lines.pop(line, None)
        if present is None:
            if len(lines) >= self._ways:
                del lines[next(iter(lines))]
            present = 0
        lines[line] = present | bit
        return bool(present & bit)


class MemoryWatch:
    """A board's memory model as what `run` reports accesses to.

    `flash` and `ram` are address ranges [begin, end). `reads` and `writes` are the ranges whose accesses are wanted.
    """

    def __init__(self, model: MemoryModel, flash: Range, ram: Range) -> None:
        self._flash_begin, self._flash_end = flash
        self._data = CacheState(model.data_cache) if model.data_cache else None
        own_fetch_cache = CacheState(model.fetch_cache) if model.fetch_cache else None
        self._fetch = self._data if model.is_unified else own_fetch_cache
        self.wants_fetches = self._fetch is not None
        # A block that loops finds itself again, but where data may have displaced it.
        self._loop_limit_bytes = own_fetch_cache.holds_bytes if own_fetch_cache else 0
        everywhere = (flash, ram) if model.unaligned else (flash,)
        self.reads: tuple[Range, ...] = everywhere
        self.writes: tuple[Range, ...] = (ram,) if model.unaligned else ()
        self._is_unaligned_slow = model.unaligned != 0.0
        self.begin()

    def begin(self) -> None:
        """An inference begins: caches are empty, so that every one is counted alike."""
        self._last_missed = -2
        self._looping = (-1, 0)
        for cache in (self._data, self._fetch):
            if cache is not None:
                cache.clear()

    def read(self, address: int, size: int) -> tuple[int, ...]:
        """The events of a read of data."""
        if not self._flash_begin <= address < self._flash_end:
            return self.write(address, size)
        if self._data is None:
            return (Event.ISOLATED_MISS,)
        data = self._data
        missed = [sector for sector in data.sectors(address, size) if not data.touch(sector)]
        events = self.write(address, size)
        return events if not missed else (*events, *(self._miss(sector) for sector in missed))

    def write(self, address: int, size: int) -> tuple[int, ...]:
        """The events of a write of data."""
        if self._is_unaligned_slow and size == 4 and address & 3:
            return (Event.UNALIGNED,)
        return ()

    def fetch(self, address: int, size: int, is_sequential: bool) -> tuple[int, ...]:
        """The events of a block of instructions that runs; only the target of a taken branch can be slow."""
        cache = self._fetch
        if cache is None or ((address, size) == self._looping and size <= self._loop_limit_bytes):
            return ()
        self._looping = (address, size)
        hits = [cache.touch(sector) for sector in cache.sectors(address, size)]
        return () if is_sequential or hits[0] else (Event.FETCH_MISS,)

    def _miss(self, sector: int) -> int:
        follows = sector == self._last_missed + 1
        self._last_missed = sector
        return Event.SEQUENTIAL_MISS if follows else Event.ISOLATED_MISS
