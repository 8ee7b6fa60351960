"""Instructions are told apart by what timing rules ask of them."""

from __future__ import annotations

import pytest

from mcuq.profile.decode import Instruction, decode

pytest.importorskip("capstone", reason="estimating cycles needs capstone")


def one(code: str) -> Instruction:
    """The only instruction of some bytes."""
    (instruction,) = decode(bytes.fromhex(code), 0x100)
    return instruction


@pytest.mark.parametrize(
    ("code", "kind", "moved_bytes", "is_branch"),
    [
        ("0868", "load", 4, False),  # ldr r0, [r1]
        ("0878", "load", 1, False),  # ldrb r0, [r1]
        ("91f90000", "load", 1, False),  # ldrsb.w r0, [r1]
        ("0888", "load", 2, False),  # ldrh r0, [r1]
        ("0860", "store", 4, False),  # str r0, [r1]
        ("0870", "store", 1, False),  # strb r0, [r1]
        ("d1e90023", "pair", 8, False),  # ldrd r2, r3, [r1]
        ("0fc8", "load multiple", 16, False),  # ldm r0, {r0-r3}
        ("f0b5", "store multiple", 20, False),  # push {r4-r7, lr}
        ("f0bd", "load multiple", 20, True),  # pop {r4-r7, pc}
        ("d5ed007a", "load", 4, False),  # vldr s15, [r5]
        ("2ded048b", "store multiple", 16, False),  # vpush {d8, d9}
        ("7047", "other", 0, True),  # bx lr
        ("fed1", "other", 0, True),  # bne .
        ("21f00100", "other", 0, False),  # bic r0, r1, #1: no branch, though it begins with b
        ("dfe800f0", "other", 0, True),  # tbb [pc, r0]
        ("0028", "other", 0, False),  # cmp r0, #0
        ("02b1", "other", 0, True),  # cbz r2, .+4
    ],
)
def test_kinds(code: str, kind: str, moved_bytes: int, is_branch: bool) -> None:
    """Kind, traffic and whether it branches follow from the encoding."""
    instruction = one(code)
    assert (instruction.kind, instruction.moved_bytes, instruction.is_branch) == (kind, moved_bytes, is_branch)


def test_addresses_have_their_registers() -> None:
    """The base of an address, its register offset and the loaded register are known."""
    plain, indexed = one("0868"), one("51f82200")  # ldr r0, [r1]; ldr.w r0, [r1, r2, lsl #2]
    assert (plain.base, plain.loaded, plain.has_register_offset) == (("r1",), "r0", False)
    assert (indexed.base, indexed.has_register_offset) == (("r1", "r2"), True)


def test_loads_and_stores_are_counted_apart() -> None:
    """A pair is a load or a store by its name."""
    assert one("d1e90023").is_load
    assert not one("d1e90023").is_store
    assert one("c1e90023").is_store


def test_results_are_no_sources() -> None:
    """`adds r0, r1, r2` uses r1 and r2, not r0."""
    add = one("8818")
    assert [add.uses(register) for register in ("r0", "r1", "r2")] == [False, True, True]
