"""A device of the protocol inside the test's own process: the C library, a fake model, and a line that may be bad."""

from __future__ import annotations

import ctypes
import random
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from mcuq.artifacts import Trace

HERE = Path(__file__).parent
INPUT_BYTES = (1500, 5)
OUTPUT_BYTES = (12, 5000)


@pytest.fixture(scope="session")
def host_compiler() -> str:
    """A C compiler of this computer."""
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return name
    pytest.skip("no C compiler for this computer (cc, gcc or clang)")


@pytest.fixture(scope="session")
def protocol_sources(root: Path) -> list[Path]:
    """The C files of the protocol library."""
    return sorted((root / "firmware" / "protocol").glob("*.c"))


@pytest.fixture(scope="session")
def library(
    host_compiler: str, protocol_sources: list[Path], root: Path, tmp_path_factory: pytest.TempPathFactory
) -> ctypes.CDLL:
    """The C library and its harness as a shared object; one device at a time."""
    return compiled_library(host_compiler, protocol_sources, root, tmp_path_factory.mktemp("protocol"))


def compiled_library(compiler: str, protocol_sources: list[Path], root: Path, folder: Path) -> ctypes.CDLL:
    """The shared object, built in `folder` and loaded."""
    target = folder / "harness.so"
    flags = ["-std=c99", "-O1", "-shared", "-fPIC", f"-I{root / 'firmware' / 'include'}"]
    sources = [str(HERE / "protocol_harness.c"), *map(str, protocol_sources)]
    subprocess.run([compiler, *flags, "-o", str(target), *sources], check=True)
    library = ctypes.CDLL(str(target))
    library.harness_take.restype = ctypes.c_size_t
    library.harness_count.restype = ctypes.c_uint32
    library.harness_feed.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    library.harness_take.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    return library


@dataclass
class Line:
    """What a line does to bytes, each with its own probability; seeded."""

    seed: int = 0
    lose: float = 0.0
    double: float = 0.0
    flip: float = 0.0
    cut: float = 0.0
    dice: random.Random = field(init=False)
    harmed: int = 0

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def carry(self, data: bytes) -> bytes:
        """What is left of `data` at the other end; `cut` loses all of it."""
        if self.dice.random() < self.cut:
            self.harmed += 1
            return b""
        carried = bytearray()
        for byte in data:
            roll = self.dice.random()
            if roll < self.lose:
                self.harmed += 1
                continue
            if roll < self.lose + self.double:
                self.harmed += 1
                carried.append(byte)
            elif roll < self.lose + self.double + self.flip:
                self.harmed += 1
                byte ^= 1 << self.dice.randrange(8)
            carried.append(byte)
        return bytes(carried)


class FakeDevice:
    """A Link to the C library in this process. `frames_sent` counts what the host wrote."""

    name = "fake"

    def __init__(
        self,
        library: ctypes.CDLL,
        *,
        line: Line | None = None,
        window: int = 1,
        instrumented: bool = True,
        init_code: int = 0,
        deaf_starts: bool = False,
    ) -> None:
        self._library = library
        self.line = line or Line()
        self.frames_sent = 0
        self.is_deaf = False
        self._deaf_starts = deaf_starts
        self._power_on = (window, instrumented, init_code)
        self.restart()

    def restart(self, *, crashed: bool = False) -> None:
        """Power off and on."""
        self._library.harness_start(*self._power_on, crashed)

    def count(self, what: str) -> int:
        """How many invocations, steps or resets there were since power-on, or the bytes of the device's state."""
        return int(self._library.harness_count(["invocations", "steps", "resets", "state_bytes"].index(what)))

    def open(self) -> None:
        """Nothing to open."""

    def write(self, data: bytes) -> None:
        """Through the line to the device, which answers at once."""
        self.frames_sent += 1
        if self._deaf_starts:
            self._library.harness_take(ctypes.create_string_buffer(1 << 16), 1 << 16)
            self.restart(crashed=True)
            return
        if not self.is_deaf:
            carried = self.line.carry(data)
            self._library.harness_feed(carried, len(carried))
            self._library.harness_poll()

    def read(self, timeout_s: float) -> bytes:
        """What the device said, as the line brings it; silence costs no time here."""
        buffer = ctypes.create_string_buffer(1 << 16)
        count = self._library.harness_take(buffer, len(buffer))
        return self.line.carry(buffer.raw[:count])

    def start_counting(self) -> None:
        """Not here."""

    def stop_counting(self) -> tuple[Trace, ...]:
        """Not here."""
        return ()

    def last_words(self) -> str:
        """What every test can look for."""
        return "it sat in this very process."

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def device(library: ctypes.CDLL) -> Callable[..., FakeDevice]:
    """Makes a device: keywords are those of FakeDevice."""
    return lambda **options: FakeDevice(library, **options)


@pytest.fixture
def bad_line() -> type[Line]:
    """The class of lines."""
    return Line


def expected_outputs(inputs: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """What the fake model of the harness computes."""
    first, second = inputs
    total = 0
    for value in first:
        total = (total * 31 + value) & 0xFFFFFFFF
    power = pow(31, len(first), 1 << 32)
    sums = [(total + index * power) & 0xFFFFFFFF for index in range(OUTPUT_BYTES[0])]
    small = bytes((s ^ (s >> 11) ^ second[i % len(second)]) & 0xFF for i, s in enumerate(sums))
    large = bytes((first[i % len(first)] ^ (i // 7)) & 0xFF for i in range(OUTPUT_BYTES[1]))
    return small, large


@pytest.fixture
def answers_of() -> Callable[[tuple[bytes, bytes]], tuple[bytes, bytes]]:
    """What the fake model makes of its inputs."""
    return expected_outputs


@pytest.fixture
def link_tools() -> SimpleNamespace:
    """What a test of links takes from here."""
    return SimpleNamespace(FakeDevice=FakeDevice, Line=Line, INPUT_BYTES=INPUT_BYTES, expected_outputs=expected_outputs)
