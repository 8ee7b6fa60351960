"""What is not an ELF file is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcuq.boards import Board
from mcuq.build.image import read_image
from mcuq.errors import BuildFailed


def test_rubbish_is_refused(m4: Board, tmp_path: Path) -> None:
    """A file that is no ELF is an error for a device."""
    path = tmp_path / "firmware.elf"
    path.write_bytes(b"not an ELF file at all")
    with pytest.raises(BuildFailed, match="is not an ELF file"):
        read_image(path, m4, "gcc 1.2.3", 0, 0)


def test_a_host_program_has_no_flash(host: Board, tmp_path: Path) -> None:
    """On the host flash and static RAM are 0, and a program of another format is taken as it is."""
    path = tmp_path / "firmware.elf"
    path.write_bytes(b"\xcf\xfa\xed\xfe and so on")
    image = read_image(path, host, "clang 17.0.0", 100, 200)
    assert (image.flash_bytes, image.static_ram_bytes, image.arena_bytes) == (0, 0, 200)
    assert not image.symbols
