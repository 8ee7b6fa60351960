"""Hooks on blocks and memory see what they should, and do not change what the program computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mcuq.run.engine_hooks import add_block_hook, add_read_hook, add_write_hook

unicorn = pytest.importorskip("unicorn", reason="the simulator needs unicorn")

CODE, DATA, END = 0x1000, 0x2000, 0x1040
# r0 counts down from 8; r2 = the word at DATA when it is odd, else 7; both are written behind it.
PROGRAM = bytes.fromhex(
    "10f0010f"  # tst.w r0, #1
    "1ebf"  # ittt ne
    "0a68"  # ldrne r2, [r1]
    "00bf"  # nopne
    "00bf"  # nopne
    "08bf"  # it eq
    "0722"  # moveq r2, #7
    "4a60"  # str r2, [r1, #4]
    "0138"  # subs r0, #1
    "f4d1"  # bne CODE
    "00bf"  # nop
)


@pytest.fixture
def engine() -> Any:
    """An engine with the program and two words of data."""
    made = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    made.ctl_set_cpu_model(unicorn.arm_const.UC_CPU_ARM_CORTEX_M4)
    made.mem_map(CODE, 0x1000)
    made.mem_map(DATA, 0x1000)
    made.mem_write(CODE, PROGRAM)
    made.mem_write(DATA, (123).to_bytes(4, "little"))
    made.reg_write(unicorn.arm_const.UC_ARM_REG_R0, 8)
    made.reg_write(unicorn.arm_const.UC_ARM_REG_R1, DATA)
    return made


def run(engine: Any) -> int:
    """Run to the end; the word that was written last."""
    engine.emu_start(CODE | 1, CODE + len(PROGRAM))
    return int.from_bytes(engine.mem_read(DATA + 4, 4), "little")


def test_predicated_loads_survive_a_read_hook(engine: Any) -> None:
    """A load whose condition fails is not done, and one whose condition holds is: releases of Unicorn differ here."""
    seen: list[tuple[int, int]] = []

    def on_read(_engine: object, _kind: int, address: int, size: int, _value: int, _data: object) -> None:
        seen.append((address, size))

    remove = add_read_hook(unicorn, engine, on_read, (DATA, DATA + 4))
    assert run(engine) == 123
    assert seen == [(DATA, 4)] * 4
    remove()


def test_writes_are_seen_in_their_range_only(engine: Any) -> None:
    """A hook on the word behind the one that is written sees nothing; one on the word itself sees every write."""
    near: list[int] = []
    far: list[int] = []

    def into(places: list[int]) -> Callable[..., None]:
        return lambda _engine, _kind, address, _size, _value, _data: places.append(address)

    add_write_hook(unicorn, engine, into(near), (DATA + 4, DATA + 8))
    add_write_hook(unicorn, engine, into(far), (DATA + 8, DATA + 64))
    run(engine)
    assert near == [DATA + 4] * 8
    assert far == []


def test_unaligned_accesses_keep_their_address(engine: Any) -> None:
    """A word at an odd address is one access of four bytes at that address."""
    seen: list[tuple[int, int]] = []
    engine.reg_write(unicorn.arm_const.UC_ARM_REG_R1, DATA + 1)
    add_read_hook(unicorn, engine, lambda _e, _k, address, size, _v, _d: seen.append((address, size)), (DATA, DATA + 8))
    run(engine)
    assert set(seen) == {(DATA + 1, 4)}


def test_blocks_are_seen_until_the_hook_is_removed(engine: Any) -> None:
    """The loop's block is seen each time round; afterwards nothing is."""
    seen: list[int] = []
    remove = add_block_hook(unicorn, engine, lambda _engine, address, _size, _data: seen.append(address))
    run(engine)
    assert seen.count(CODE) == 8
    remove()
    engine.ctl_remove_cache(CODE, CODE + 0x1000)
    engine.reg_write(unicorn.arm_const.UC_ARM_REG_R0, 2)
    count = len(seen)
    run(engine)
    assert len(seen) == count
