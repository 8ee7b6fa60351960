"""Instructions are counted from the bytes of blocks, and given to calls and steps."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from mcuq.artifacts import Image, Symbol
from mcuq.run.cores import count_thumb_instructions
from mcuq.run.counting import Counter
from mcuq.run.functions import Functions

INVOKE, STEP_0, STEP_1, HELPER, CALLER = 0x100, 0x200, 0x300, 0x400, 0x51


def image_of(*functions: tuple[str, int, int]) -> Image:
    """An image that has only symbols."""
    symbols = {name: Symbol(name, address, size, True) for name, address, size in functions}
    return Image(Path("none"), "board", "gcc", {}, 0, 0, 0, 0, 0, symbols)


@pytest.fixture
def functions() -> Functions:
    """A model of two steps, one of them specialised by the compiler, and a helper that both call."""
    return Functions(
        image_of(
            ("kws_invoke", INVOKE, 0x40),
            ("kws_step_0", STEP_0, 0x40),
            ("kws_step_1.constprop.0", STEP_1, 0x40),
            ("helper", HELPER, 0x40),
        ),
        "kws",
    )


def counter_of(functions: Functions, steps: int = 2) -> Counter:
    """A counter for code that is nothing but 2-byte instructions, called from CALLER."""
    return Counter(functions, steps, lambda _address, size: bytes(size), lambda: CALLER, count_thumb_instructions)


def play(counter: Counter, *blocks: tuple[int, int]) -> None:
    """Let blocks (address, bytes) run."""
    for address, size in blocks:
        counter.on_block(None, address, size, None)


ONE_CALL = (
    *((INVOKE, 8), (STEP_0, 4), (HELPER, 10), (HELPER, 10), (STEP_0 + 8, 2), (INVOKE + 8, 4)),
    *((STEP_1, 6), (INVOKE + 12, 2), (CALLER & ~1, 20)),
)


def test_a_call_is_counted_by_step(functions: Functions) -> None:
    """A step owns its own code and what it calls; invoke's own code counts for the call only."""
    counter = counter_of(functions)
    play(counter, (0x50, 6), *ONE_CALL)
    (trace,) = counter.traces
    assert [step.instructions for step in trace.steps] == [2 + 5 + 5 + 1, 3]
    assert trace.instructions == 13 + 3 + 4 + 2 + 1


def test_calls_are_counted_one_by_one(functions: Functions) -> None:
    """Two calls give two equal traces, and what runs between them counts for neither."""
    counter = counter_of(functions)
    play(counter, *ONE_CALL, (HELPER, 10), (STEP_1, 6), *ONE_CALL)
    first, second = counter.traces
    assert first == second


def test_an_unfinished_call_is_not_a_trace(functions: Functions) -> None:
    """A call that has not returned is not told."""
    counter = counter_of(functions)
    play(counter, *ONE_CALL[:-1])
    assert counter.traces == []


def test_steps_that_were_not_seen_are_not_invented(functions: Functions) -> None:
    """Where a step has no function of its own, the trace has no steps, but its total."""
    counter = counter_of(functions, steps=3)
    play(counter, *ONE_CALL)
    assert counter.traces[0].steps == ()
    assert counter.traces[0].instructions == 23


def test_a_model_without_invoke_is_not_counted() -> None:
    """Without `<name>_invoke` in the image nothing is counted."""
    counter = counter_of(Functions(image_of(("main", 0, 4)), "kws"))
    play(counter, *ONE_CALL)
    assert counter.traces == []


def test_addresses_have_names(functions: Functions) -> None:
    """An address inside a function has its name, one outside is told as a number; steps are known by their entry."""
    assert functions.name(HELPER + 6) == "helper"
    assert functions.name(HELPER + 1) == "helper"
    assert functions.name(0x90) == "0x00000090"
    assert functions.name(0x900) == "0x00000900"
    assert functions.entries == {STEP_0: 0, STEP_1: 1}


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("", 0),
        ("00bf", 1),  # nop
        ("00bf 00bf", 2),
        ("4ff00000", 1),  # mov.w r0, #0
        ("00bf dff80410 7047", 3),  # nop; ldr.w r1, [pc, #4]; bx lr
        ("00f000f8", 1),  # bl
        ("fee7", 1),  # b .: 0b11100 is still a 16-bit instruction
    ],
)
def test_thumb_instructions_are_counted_by_their_first_halfword(code: str, count: int) -> None:
    """16-bit and 32-bit instructions are told apart without a disassembler."""
    assert count_thumb_instructions(bytes.fromhex(code)) == count


def test_counting_agrees_with_a_disassembler() -> None:
    """On random sequences of instructions that a disassembler knows, both count alike."""
    capstone = pytest.importorskip("capstone")
    disassembler = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    generator = random.Random(2)
    known = b"".join(
        code
        for code in (generator.randbytes(4) for _ in range(4000))
        if len(list(disassembler.disasm(code, 0)))
        and sum(instruction.size for instruction in disassembler.disasm(code, 0)) == 4
    )
    assert len(known) > 4000
    expected = sum(len(list(disassembler.disasm(known[start : start + 4], 0))) for start in range(0, len(known), 4))
    assert count_thumb_instructions(known) == expected
