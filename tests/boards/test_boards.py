"""Board files: the ones that come with mcuq are right, and a wrong one is refused by file and key."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mcuq import resources
from mcuq.boards import Board, all_boards, find_board, load_board
from mcuq.errors import InvalidBoard

SHIPPED = (resources.boards(),)
NAMES = tuple(sorted(path.stem for path in resources.boards().glob("*.toml")))


@pytest.fixture
def valid_text() -> str:
    """A board file that is right."""
    return (resources.boards() / "cortex-m4.toml").read_text(encoding="utf-8")


def refusal(folder: Path, text: str) -> str:
    """What load_board says to a file with that text."""
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidBoard) as caught:
        load_board(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_all_shipped_boards_are_right_and_named_as_their_files() -> None:
    """Every board that comes with mcuq loads, and its name is the name of its file."""
    assert tuple(board.name for board in all_boards(SHIPPED)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_port_sources_exist(name: str) -> None:
    """The port files that a board names are in firmware/port."""
    board = find_board(name, SHIPPED)
    assert board.port.sources
    assert all((resources.firmware() / "port" / source).is_file() for source in board.port.sources)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "host"])
def test_fpu_boards_alone_use_the_hard_float_convention(name: str) -> None:
    """Every compiler is told to pass floats in registers where there is an FPU, and only there."""
    board = find_board(name, SHIPPED)
    has_fpu = "fpu" in board.features
    assert ("-mfloat-abi=hard" in board.compiler.gcc) is has_fpu
    assert ("-mfloat-abi=hard" in board.compiler.clang) is has_fpu
    assert any(flag.endswith("eabihf") for flag in board.compiler.zig) is has_fpu


def test_a_board_is_a_frozen_value() -> None:
    """Nobody edits a Board in place."""
    board = find_board("cortex-m4", SHIPPED)
    with pytest.raises(dataclasses.FrozenInstanceError):
        board.clock_hz = 1  # type: ignore[misc]


def test_links_are_named_in_order_of_preference() -> None:
    """A board knows the links that it has, the simulator first."""
    assert find_board("cortex-m4", SHIPPED).links == ("sim", "qemu")
    assert find_board("cortex-m0-large", SHIPPED).links == ("sim",)
    assert find_board("host", SHIPPED).links == ("host", "serial")


def test_the_first_regions_of_flash_and_ram_are_the_ones_to_link_into() -> None:
    """`flash` and `ram` are the first regions of their kind, and None on the host."""
    board = find_board("cortex-m0", SHIPPED)
    assert board.ram is not None
    assert board.flash is not None
    assert (board.ram.bytes, board.flash.bytes) == (16 * 1024, 256 * 1024)
    assert board.ram.end == 0x2000_4000
    assert find_board("host", SHIPPED).flash is None


def test_ticks_are_instructions_where_qemu_counts_virtual_time() -> None:
    """At 64 ns an instruction and 25 MHz, 1.6 ticks are one instruction; boards without QEMU have no answer."""
    assert find_board("cortex-m4", SHIPPED).instructions_from_ticks(1600) == 1000
    assert find_board("cortex-m0-large", SHIPPED).instructions_from_ticks(1600) is None


def test_the_users_folder_comes_first(tmp_path: Path, valid_text: str) -> None:
    """A board of the user's own folder is found, by name and by path, and hides one that comes with mcuq."""
    mine = tmp_path / "cortex-m4.toml"
    mine.write_text(valid_text.replace("25_000_000", "50_000_000"), encoding="utf-8")
    folders = (tmp_path, *SHIPPED)
    assert find_board("cortex-m4", folders).clock_hz == 50_000_000
    assert find_board(mine, SHIPPED).clock_hz == 50_000_000
    assert len(all_boards(folders)) == len(NAMES)


def test_a_board_of_a_folder_is_named_like_its_file(tmp_path: Path, valid_text: str) -> None:
    """A copy that kept its old name is refused where it would be found by the name of its file."""
    (tmp_path / "mine.toml").write_text(valid_text, encoding="utf-8")
    with pytest.raises(InvalidBoard, match="must be 'mine', like the file"):
        find_board("mine", [tmp_path])
    with pytest.raises(InvalidBoard, match="must be 'mine', like the file"):
        all_boards([tmp_path])
    assert find_board(tmp_path / "mine.toml", []).name != "mine"


def test_an_unknown_board_names_the_known_ones() -> None:
    """Who mistypes a name is told which there are."""
    with pytest.raises(InvalidBoard, match="cortex-m0-large, cortex-m3"):
        find_board("cortex-m5", SHIPPED)


def test_a_missing_file_is_an_invalid_board(tmp_path: Path) -> None:
    """A path that leads nowhere is refused by name."""
    with pytest.raises(InvalidBoard, match=r"none\.toml cannot be read"):
        find_board(tmp_path / "none.toml", SHIPPED)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('core = "cortex-m4"', 'core = "cortex-m4"\ncolour = "red"', "key 'colour': unknown key"),
        ("baud = 115_200", "baud = 115_200\nparity = 1", "key 'port.uart.parity': unknown key"),
        ("clock_hz = 25_000_000", 'clock_hz = "fast"', "key 'clock_hz': input should be a valid integer"),
        ("clock_hz = 25_000_000", "clock_hz = 25.0", "key 'clock_hz': input should be a valid integer"),
        ("clock_hz = 25_000_000", "clock_hz = 2020-01-01", "key 'clock_hz': input should be a valid integer"),
        ("clock_hz = 25_000_000", "clock_hz = 0", "key 'clock_hz': must be positive"),
        ("stack_bytes = 4096", "", "key 'stack_bytes'"),
        ("stack_bytes = 4096", "stack_bytes = 4095", "key 'stack_bytes': 4095 must be a positive multiple of 8"),
        ('"dsp", "fpu"', '"dsp", "gpu"', "key 'features': unknown feature 'gpu'"),
        ('kind = "ram"', 'kind = "rom"', "key 'memory.1.kind'"),
        ('kind = "ram"', 'kind = "flash"', "key 'memory': needs one region of kind 'flash' and one of kind 'ram'"),
        ("address = 0x2000_0000", "address = 0x0010_0000", "regions 'flash' and 'ram' overlap"),
        ("address = 0x2000_0000", "address = 0x2000_0001", "region 'ram' must start and end on 4096-byte boundaries"),
        (
            "[port]",
            '[placement]\narena = "ccm"\n[port]',
            "key 'placement.arena': there is no region 'ccm' of kind 'ram'",
        ),
        ("[port.timer]", "[run.host]\n[port.timer]", "a board with [run.host] is a native program"),
        ("name", "= name", "is not TOML"),
    ],
)
def test_a_wrong_key_is_refused_by_name(tmp_path: Path, valid_text: str, old: str, new: str, said: str) -> None:
    """Unknown, missing, mistyped and impossible values are refused, naming file and key."""
    assert said in refusal(tmp_path, valid_text.replace(old, new, 1))


def test_a_board_needs_a_way_to_run_it(tmp_path: Path, valid_text: str) -> None:
    """A board without any [run.*] is refused."""
    without = valid_text[: valid_text.index("[run.sim]")] + "[run]\n"
    assert "name at least one way to run it" in refusal(tmp_path, without)


def test_a_board_needs_uart_and_timer(tmp_path: Path, valid_text: str) -> None:
    """A device without a UART or counter cannot be spoken to."""
    start, end = valid_text.index("[port.timer]"), valid_text.index("[compiler]")
    assert "needs [port.uart] and [port.timer]" in refusal(tmp_path, valid_text[:start] + valid_text[end:])


def test_binary_rubbish_is_an_invalid_board(tmp_path: Path) -> None:
    """A file that is not even text is refused like any other."""
    path = tmp_path / "mine.toml"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(InvalidBoard, match="is not TOML"):
        load_board(path)


def test_boards_compare_by_value() -> None:
    """Loading a board twice gives equal values."""
    first, second = (find_board("cortex-m33", SHIPPED) for _ in range(2))
    assert isinstance(first, Board)
    assert first == second
