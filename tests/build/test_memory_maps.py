"""Every section of every board's firmware lies in a memory that the chip has, by its datasheet."""

from __future__ import annotations

from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from mcuq import resources
from mcuq.artifacts import Sources
from mcuq.boards import Board, all_boards
from mcuq.build import build_image, find_toolchain
from mcuq.build.boot2 import checksum
from mcuq.codegen import link_script
from mcuq.errors import ToolMissing

KB = 1024

# Address, bytes, and whether it is RAM: from the datasheets' memory maps (flash size of the part on the board).
MAPS: dict[str, tuple[tuple[int, int, bool], ...]] = {
    "cortex-m0": ((0, 256 * KB, False), (0x2000_0000, 16 * KB, True)),  # nRF51822 QFAA
    "esp32c3-devkitm-1": (  # ESP32-C3-MINI-1: 4 MB of flash, seen twice; SRAM 1
        (0x4200_0000, 4096 * KB, False),
        (0x3C00_0000, 4096 * KB, False),
        (0x3FC8_0000, 384 * KB, True),
    ),
    "hifive1-revb": ((0x2000_0000, 4096 * KB, False), (0x8000_0000, 16 * KB, True)),  # FE310-G002
    "lm3s6965evb": ((0, 256 * KB, False), (0x2000_0000, 64 * KB, True)),
    "netduinoplus2": ((0x0800_0000, 1024 * KB, False), (0x2000_0000, 128 * KB, True)),  # STM32F405RG
    "nrf52840-dk": ((0, 1024 * KB, False), (0x2000_0000, 256 * KB, True)),
    "nucleo-f446re": ((0x0800_0000, 512 * KB, False), (0x2000_0000, 128 * KB, True)),
    "nucleo-l4r5zi": ((0x0800_0000, 2048 * KB, False), (0x2000_0000, 640 * KB, True)),
    "nucleo-u575zi-q": ((0x0800_0000, 2048 * KB, False), (0x2000_0000, 768 * KB, True)),
    "rp2040-pico": ((0x1000_0000, 2048 * KB, False), (0x2000_0000, 264 * KB, True)),
    "stm32f4-discovery": (
        (0x0800_0000, 1024 * KB, False),
        (0x2000_0000, 128 * KB, True),
        (0x1000_0000, 64 * KB, True),
    ),
    "stm32f746g-discovery": (
        (0x0800_0000, 1024 * KB, False),
        (0x2000_0000, 64 * KB, True),
        (0x2001_0000, 256 * KB, True),
    ),
    "stm32vldiscovery": ((0x0800_0000, 128 * KB, False), (0x2000_0000, 8 * KB, True)),  # STM32F100RB
}


def elf_of(board: Board, sources: Sources, program: tuple[Path, ...], folder: Path) -> Path:
    """The echo firmware of a board; skips where it cannot be compiled."""
    try:
        find_toolchain(board)
    except ToolMissing as error:
        pytest.skip(str(error))
    script = link_script(board)
    image = build_image(sources, board, folder, constant_bytes=0, arena_bytes=1024, link_script=script, program=program)
    return image.path


@pytest.mark.parametrize("name", sorted(MAPS))
def test_sections_lie_in_the_chips_memory(
    echo_sources: Sources, echo_program: tuple[Path, ...], tmp_path: Path, name: str
) -> None:
    """What is written lies in RAM, what is programmed in flash; the board's file names no memory that is not there."""
    board = next(board for board in all_boards([resources.boards()]) if board.name == name)

    def inside(address: int, size: int, is_ram: bool) -> bool:
        return any(
            start <= address and address + size <= start + length for start, length, ram in MAPS[name] if ram is is_ram
        )

    assert all(inside(region.address, region.bytes, region.kind == "ram") for region in board.memory)
    with elf_of(board, echo_sources, echo_program, tmp_path).open("rb") as file:
        elf = ELFFile(file)
        for section in elf.iter_sections():
            if section["sh_flags"] & 2 and section["sh_size"]:
                assert inside(section["sh_addr"], section["sh_size"], bool(section["sh_flags"] & 1)), section.name
        loaded = [segment for segment in elf.iter_segments("PT_LOAD") if segment["p_filesz"]]
        assert loaded
        assert all(inside(segment["p_paddr"], segment["p_filesz"], False) for segment in loaded)


def test_the_second_stage_of_the_rp2040_is_sealed(
    echo_sources: Sources, echo_program: tuple[Path, ...], tmp_path: Path
) -> None:
    """The first 256 bytes end with the CRC that the boot ROM checks; the vector table follows them."""
    board = next(board for board in all_boards([resources.boards()]) if board.name == "rp2040-pico")
    with elf_of(board, echo_sources, echo_program, tmp_path).open("rb") as file:
        elf = ELFFile(file)
        text = elf.get_section_by_name(".text")
        data = text.data()
        assert text["sh_addr"] == 0x1000_0000
        assert int.from_bytes(data[252:256], "little") == checksum(data[:252])
        table = elf.get_section_by_name(".symtab").get_symbol_by_name("mcuq_vector_table")[0]
        assert table["st_value"] == 0x1000_0100


def test_the_checksum_is_that_of_crc_32_mpeg_2() -> None:
    """The check value of CRC-32/MPEG-2, which is how the boot ROM computes: 0x0376E6E7 for "123456789"."""
    assert checksum(b"123456789") == 0x0376_E6E7
