"""The simulator: exact, counted, and strict about memory."""

from __future__ import annotations

import random
import re
import struct
import threading
from collections.abc import Callable
from typing import Any

import pytest

from mcuq import resources
from mcuq.artifacts import Image
from mcuq.boards import Board, all_boards
from mcuq.errors import DeviceFault, DeviceTimeout, LinkLost
from mcuq.run.sim import SimLink

unicorn = pytest.importorskip("unicorn")

IT_BITS = 0x0600_FC00
BOARDS = [board.name for board in all_boards([resources.boards()]) if board.run.sim is not None]


def sim_of(pair: tuple[Board, Image]) -> SimLink:
    """A simulator of the echo firmware."""
    board, image = pair
    return SimLink(image, board, "echo", 3)


@pytest.mark.parametrize("name", BOARDS)
def test_bytes_go_there_and_back(build_echo: Any, speak: Any, name: str) -> None:
    """On every board twenty thousand random bytes come back as they were."""
    data = random.Random(1).randbytes(20_000)
    assert speak(sim_of(build_echo(name))).echo(data) == data


@pytest.mark.parametrize("name", BOARDS)
def test_the_port_tells_its_figures(build_echo: Any, speak: Any, name: str) -> None:
    """Stack, static RAM and clock that the device reports are those of board and image; data and bss are set up."""
    board, image = build_echo(name)
    stack, peak, static, clock, in_data, in_bss = speak(sim_of((board, image))).ask(b"v", 6)
    assert (stack, static, clock) == (board.stack_bytes, image.static_ram_bytes, board.clock_hz)
    assert 0 < peak < stack
    assert (in_data, in_bss) == (0x12345678, 0)


@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m4"])
def test_our_memory_functions_are_right(build_echo: Any, speak: Any, name: str) -> None:
    """memcpy, memmove and memset agree with a byte loop for all small sizes, offsets and directions."""
    assert speak(sim_of(build_echo(name))).ask(b"m", 1) == (0,)


def test_stopping_and_going_on_changes_nothing(build_echo: Any, speak: Any) -> None:
    """Hundreds of stops for input leave the stack peak as it was after the first."""
    speaker = speak(sim_of(build_echo("cortex-m4")))
    speaker.echo(b"abc")
    before = speaker.ask(b"v", 6)
    for index in range(300):
        assert speaker.echo(bytes([index & 255] * (1 + index % 70))) == bytes([index & 255] * (1 + index % 70))
    assert speaker.ask(b"v", 6) == before


def test_a_command_in_pieces_is_one_command(build_echo: Any, speak: Any) -> None:
    """Bytes that are written one by one, with reads in between, are not lost or doubled."""
    speaker = speak(sim_of(build_echo("cortex-m4")))
    for byte in b"e" + struct.pack("<I", 3) + b"xy":
        speaker.link.write(bytes([byte]))
        speaker.link.read(0.01)
    speaker.link.write(b"z")
    assert speaker.receive(3) == b"xyz"


def test_counting_gives_instructions_of_invoke_and_steps(build_echo: Any, speak: Any) -> None:
    """Each counted call of invoke gives one trace; the steps and invoke's own code add up to its total."""
    speaker = speak(sim_of(build_echo("cortex-m4")))
    speaker.link.start_counting()
    for _ in range(2):
        speaker.ask(b"i", 1)
    first, second = speaker.link.stop_counting()
    assert first == second
    steps = [step.instructions for step in first.steps]
    assert len(steps) == 3
    assert 4000 < steps[0] < 8000  # a thousand rounds of a byte store, a counter and a branch
    assert steps[1] < 20
    assert 0 < first.instructions - sum(steps) < 30
    assert first.cycles is None
    assert first.latency_ms is None


def test_counting_does_not_change_what_runs(build_echo: Any, speak: Any) -> None:
    """After counting the device answers as before, and nothing is counted any more."""
    speaker = speak(sim_of(build_echo("cortex-m4")))
    speaker.link.start_counting()
    assert speaker.echo(b"counted") == b"counted"
    assert speaker.link.stop_counting() == ()
    speaker.ask(b"i", 1)
    assert speaker.echo(b"free") == b"free"
    assert speaker.link.stop_counting() == ()


def test_an_access_outside_memory_names_address_function_and_step(build_echo: Any, speak: Any) -> None:
    """A read of nowhere stops the run and says where, in which function, in which step; so do all later calls."""
    speaker = speak(sim_of(build_echo("cortex-m4")))
    speaker.touch(0x3000_0000)
    words = r"read from address 0x30000000, which is outside the memory of board 'cortex-m4', in touch, step 1 \(pc 0x"
    with pytest.raises(DeviceFault, match=words):
        speaker.receive(4)
    with pytest.raises(DeviceFault, match="step 1"):
        speaker.link.write(b"i")
    assert "0x30000000" in speaker.link.last_words()


def test_a_write_to_flash_is_a_fault(build_echo: Any, speak: Any) -> None:
    """Flash cannot be written by a store."""
    speaker = speak(sim_of(build_echo("cortex-m4")))
    speaker.touch(0x100)
    with pytest.raises(DeviceFault, match="write to address 0x00000100, which the flash region 'flash' forbids"):
        speaker.receive(4)


def test_a_stack_overflow_is_a_fault(build_echo: Any, speak: Any) -> None:
    """The stack lies at the bottom of RAM, so that too deep a recursion leaves RAM instead of overwriting data."""
    speaker = speak(sim_of(build_echo("cortex-m4")))
    speaker.link.write(b"o" + struct.pack("<I", 1000))
    with pytest.raises(DeviceFault, match=r"write to address 0x1fff.*in overflow"):
        speaker.receive(4)


def test_a_hung_device_is_silent_and_names_its_function(build_echo: Any, speak: Any) -> None:
    """An endless loop gives no bytes within the timeout; its function is in the last words, and close ends it."""
    link = sim_of(build_echo("cortex-m4"))
    speaker = speak(link)
    speaker.link.write(b"h")
    assert link.read(0.1) == b""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mcuq.run.sim._STOP_LIMIT_S", 0.1)
        with pytest.raises(DeviceTimeout, match="still busy"):
            link.start_counting()
    assert re.search(r"busy in main \(pc 0x", link.last_words())
    link.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "mcuq simulator"]


def test_a_busy_device_goes_on_between_reads(build_echo: Any, speak: Any) -> None:
    """A command that takes longer than one read is finished by the next ones."""
    speaker = speak(sim_of(build_echo("cortex-m4")))
    speaker.link.write(b"m" * 3)
    first = speaker.link.read(0.001)
    assert first + speaker.receive(12 - len(first)) == bytes(12)


def test_reset_starts_over(build_echo: Any, speak: Any) -> None:
    """A reset sets data and bss up again, and the device answers."""
    speaker = speak(sim_of(build_echo("cortex-m4")))
    speaker.link.write(b"nn")
    assert speaker.ask(b"v", 6)[4:] == (0x1234567A, 2)
    speaker.link.write(b"z")
    assert speaker.ask(b"v", 6)[4:] == (0x12345678, 0)


def test_a_closed_simulator_is_lost_and_can_be_opened_again(build_echo: Any, speak: Any) -> None:
    """Closing twice is fine, talking to a closed one is LinkLost, opening it again starts from nothing."""
    link = sim_of(build_echo("cortex-m4"))
    speaker = speak(link)
    link.close()
    link.close()
    with pytest.raises(LinkLost):
        link.write(b"v")
    assert link.last_words() == "the simulator is not running"
    link.open()
    assert speaker.echo(b"again") == b"again"


def test_two_simulators_at_once(build_echo: Any, speak: Any) -> None:
    """Two devices in one process do not disturb each other."""
    one, two = speak(sim_of(build_echo("cortex-m4"))), speak(sim_of(build_echo("cortex-m0")))
    one.link.write(b"n")
    assert two.echo(b"two") == b"two"
    assert one.ask(b"v", 6)[5] == 1
    assert two.ask(b"v", 6)[5] == 0


@pytest.fixture
def engine() -> Any:
    """A bare Cortex-M4 with code at 0x1000 and RAM at 0x20000000."""
    constants = unicorn.unicorn_const
    engine = unicorn.Uc(constants.UC_ARCH_ARM, constants.UC_MODE_THUMB | constants.UC_MODE_MCLASS)
    engine.ctl_set_cpu_model(unicorn.arm_const.UC_CPU_ARM_CORTEX_M4)
    engine.mem_map(0, 0x2000, constants.UC_PROT_READ | constants.UC_PROT_EXEC)
    engine.mem_map(0x2000_0000, 0x1000)
    return engine


def run(engine: Any, code: bytes, **registers: int) -> Callable[[str], int]:
    """Run `code` with those registers; returns what reads registers."""
    number = {
        name: getattr(unicorn.arm_const, f"UC_ARM_REG_{name.upper()}") for name in ("r0", "r1", "r2", "r3", "cpsr")
    }
    for name, value in registers.items():
        engine.reg_write(number[name], value)
    engine.mem_write(0x1000, code)
    engine.emu_start(0x1001, 0x1000 + len(code))
    return lambda name: int(engine.reg_read(number[name]))


def test_predicated_loads_survive_memory_hooks(engine: Any) -> None:
    """With a memory hook in place, an ITT block reads what is there, and its condition ends with it.

    Unicorn 2.1.4 leaves the IT bits of xPSR set, so that the next block runs under a condition.
    """
    engine.mem_write(0x2000_0010, struct.pack("<II", 0x11223344, 0x55667788))
    constants = unicorn.unicorn_const
    engine.hook_add(constants.UC_HOOK_MEM_READ | constants.UC_HOOK_MEM_WRITE, lambda *_: None)
    # cmp r0, #0; itt ne; ldrne r1, [r2, #16]; ldrne r3, [r2, #20]
    code = bytes.fromhex("0028 1cbf 1169 5369")
    register = run(engine, code, r0=1, r1=7, r2=0x2000_0000, r3=8)
    assert (register("r1"), register("r3")) == (0x11223344, 0x55667788)
    assert register("cpsr") & IT_BITS == 0
    register = run(engine, code, r0=0, r1=7, r2=0x2000_0000, r3=8)
    assert (register("r1"), register("r3")) == (7, 8)
    assert register("cpsr") & IT_BITS == 0


def test_device_registers_are_read_under_memory_hooks(engine: Any) -> None:
    """With an unrestricted read hook in place, a device register still answers."""
    engine.mmio_map(0x4000_0000, 0x1000, lambda *_: 0x5A, None, lambda *_: None, None)
    engine.hook_add(unicorn.unicorn_const.UC_HOOK_MEM_READ, lambda *_: None)
    register = run(engine, bytes.fromhex("1168"), r1=0, r2=0x4000_0000)  # ldr r1, [r2]
    assert register("r1") == 0x5A
