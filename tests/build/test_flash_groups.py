"""Flash by what takes it: every programmed byte is in one group, and names tell which."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcuq import pipeline
from mcuq.artifacts import Image, Symbol
from mcuq.errors import ToolMissing


def image(symbols: list[Symbol], flash_bytes: int, constant_bytes: int) -> Image:
    """An image of nothing but symbols."""
    named = {symbol.name: symbol for symbol in symbols}
    return Image(Path("x"), "b", "gcc", {}, flash_bytes, constant_bytes, 0, 0, 0, named)


def test_groups_add_up_to_all_flash() -> None:
    """Aliases count once, RAM not at all, and what no symbol covers is `other`."""
    found = image(
        [
            Symbol("net_0_weights", 0x100, 40, False),
            Symbol("net_invoke", 0x200, 10, True),
            Symbol("helper", 0x210, 20, True, "net.c"),
            Symbol("parameters", 0x240, 8, False, "net.c"),
            Symbol("memcpy", 0x300, 16, True),
            Symbol("__aeabi_memcpy", 0x300, 16, True),
            Symbol("__aeabi_idiv", 0x340, 30, True),
            Symbol("send", 0x380, 12, True, "mcuq_frames.c"),
            Symbol("arena", 0x2000_0000, 1000, False, "net.c", False),
        ],
        flash_bytes=150,
        constant_bytes=40,
    ).flash_groups("net")
    assert found == {"constants": 40, "kernels": 38, "library": 30, "firmware": 28, "other": 14}


@pytest.mark.parametrize("compiler", ["gcc", "clang", "zig"])
@pytest.mark.parametrize("board", ["cortex-m4", "cortex-m0", "virt-rv32"])
def test_the_demo_in_groups(board: str, compiler: str, digits_model: Path, tmp_path: Path) -> None:
    """With every compiler nearly all of the code is told by name, and build.json has the groups."""
    try:
        made = pipeline.build(
            pipeline.load(digits_model), pipeline.find_board(board), tmp_path, name="digits", compiler=compiler
        )
    except ToolMissing as error:
        pytest.skip(str(error))
    groups = json.loads((tmp_path / "build.json").read_text())["flash_groups"]
    assert groups == made.image.flash_groups("digits")
    assert sum(groups.values()) == made.image.flash_bytes
    assert groups["constants"] == made.schedule.constant_bytes
    assert groups["kernels"] > 3000
    assert groups["firmware"] > 2500
    assert 0 <= groups["other"] < 400
