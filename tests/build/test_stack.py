"""The stack bound that is read from machine code holds, and is tight."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcuq import demo, pipeline
from mcuq.build import find_toolchain
from mcuq.build.stack import _grown_bytes
from mcuq.errors import ToolMissing


@pytest.mark.system
@pytest.mark.parametrize("compiler", ["gcc", "clang", "zig"])
@pytest.mark.parametrize("board", ["cortex-m4", "cortex-m0"])
def test_the_bound_holds_and_is_tight(board: str, compiler: str, tmp_path: Path) -> None:
    """No step of the demo needs more stack on the simulator than build.json says, and the deepest needs nearly that."""
    pytest.importorskip("unicorn", reason="the simulator needs unicorn")
    try:
        find_toolchain(pipeline.find_board(board), compiler)
    except ToolMissing as missing:
        pytest.skip(str(missing))
    made = pipeline.build(pipeline.load(demo.model_path()), pipeline.find_board(board), tmp_path, compiler=compiler)
    document = json.loads((tmp_path / "build.json").read_text())
    measured = max(step.stack_bytes for step in pipeline.profile(made).steps)
    assert measured <= document["invoke_stack_bytes"] <= measured + 32
    assert document["worst_step"]["estimated_cycles"] == max(step.cycles for step in made.schedule.steps)


@pytest.mark.parametrize(
    ("mnemonic", "operands", "grown"),
    [
        ("push", "{r4, r5, lr}", 12),
        ("push.w", "{r4-r11, lr}", 36),
        ("vpush", "{d8, d9}", 16),
        ("vpush", "{s16}", 4),
        ("sub", "sp, #0x1c", 28),
        ("sub.w", "sp, sp, #0x400", 1024),
        ("subw", "sp, sp, #0x404", 1028),
        ("str", "lr, [sp, #-4]!", 4),
        ("stmdb", "sp!, {r4, lr}", 8),
        ("sub.w", "sp, sp, r3", None),
        ("addi", "sp, sp, -32", 32),
        ("addi", "sp, sp, 32", 0),
        ("sub", "r0, r0, #4", 0),
        ("pop", "{r4, pc}", 0),
    ],
)
def test_what_makes_the_stack_grow(mnemonic: str, operands: str, grown: int | None) -> None:
    """Each way to decrement the stack pointer counts its bytes, and one by a register has no bound."""
    assert _grown_bytes(mnemonic, operands) == grown
