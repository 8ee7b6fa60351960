"""Memory is watched while an inference is counted: events by block and step, and the depth of the stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcuq.artifacts import Image, Symbol
from mcuq.run.cores import count_thumb_instructions
from mcuq.run.functions import Functions
from mcuq.run.watch import StackOnly
from mcuq.run.watched import WatchedCounter

INVOKE, STEP_0, STEP_1, HELPER, CALLER = 0x100, 0x200, 0x300, 0x400, 0x50
STACK = 0x2000_1000


class Odd(StackOnly):
    """Event 1 is a read of an odd address, event 2 a write to one, event 3 a fetch that does not follow."""

    begun = 0

    def begin(self) -> None:
        """Count inferences."""
        self.begun += 1

    def read(self, address: int, size: int) -> tuple[int, ...]:
        """Odd addresses."""
        return (1,) * (address & 1)

    def write(self, address: int, size: int) -> tuple[int, ...]:
        """Odd addresses."""
        return (2,) * (address & 1)

    def fetch(self, address: int, size: int, is_sequential: bool) -> tuple[int, ...]:
        """What does not follow."""
        return () if is_sequential else (3,)


@pytest.fixture
def watch() -> Odd:
    """What the counter asks."""
    return Odd()


@pytest.fixture
def counter(watch: Odd) -> WatchedCounter:
    """A counter for a model of two steps, called from CALLER."""
    names = (("kws_invoke", INVOKE), ("kws_step_0", STEP_0), ("kws_step_1", STEP_1), ("helper", HELPER))
    symbols = {name: Symbol(name, address, 0x40, True) for name, address in names}
    functions = Functions(Image(Path("none"), "board", "gcc", {}, 0, 0, 0, 0, 0, symbols), "kws")
    return WatchedCounter(
        functions,
        2,
        lambda _address, size: bytes(size),
        lambda: CALLER | 1,
        count_thumb_instructions,
        lambda: STACK,
        watch,
    )


def run_once(counter: WatchedCounter) -> None:
    """One inference: step 0 reads and calls the helper, step 1 writes."""
    counter.on_block(None, INVOKE, 8, None)
    counter.on_stack_write(None, 0, STACK - 8, 4, 0, None)
    counter.on_block(None, STEP_0, 8, None)
    counter.on_stack_write(None, 0, STACK - 40, 4, 0, None)
    counter.on_read(None, 0, 0x801, 4, 0, None)
    counter.on_read(None, 0, 0x800, 4, 0, None)
    counter.on_block(None, HELPER, 8, None)
    counter.on_read(None, 0, 0x803, 4, 0, None)
    counter.on_block(None, INVOKE + 8, 4, None)
    counter.on_read(None, 0, 0x805, 4, 0, None)
    counter.on_block(None, STEP_1, 4, None)
    counter.on_stack_write(None, 0, STACK - 16, 4, 0, None)
    counter.on_write(None, 0, 0x901, 4, 0, None)
    counter.on_block(None, CALLER, 4, None)
    counter.on_read(None, 0, 0x807, 4, 0, None)


def test_events_belong_to_blocks_and_steps(counter: WatchedCounter) -> None:
    """A step owns the events of what it calls; those of invoke's own code are in the whole only."""
    run_once(counter)
    (trace,) = counter.traces
    assert trace.step_events == ({(STEP_0, 1): 1, (HELPER, 1): 1}, {(STEP_1, 2): 1})
    whole = {key: times for part in trace.events for key, times in part.items()}
    assert whole == {(STEP_0, 1): 1, (HELPER, 1): 1, (INVOKE + 8, 1): 1, (STEP_1, 2): 1}


def test_what_runs_outside_is_nobodys(counter: WatchedCounter) -> None:
    """Reads before and after an inference are not in its trace."""
    counter.on_read(None, 0, 0x807, 4, 0, None)
    run_once(counter)
    assert sum(sum(part.values()) for part in counter.traces[0].events) == 4


def test_the_stack_of_each_step(counter: WatchedCounter) -> None:
    """Bytes from the stack pointer at the entry of the inference down to the lowest write of the step."""
    run_once(counter)
    assert counter.traces[0].step_stack_bytes == (40, 16)


def test_inferences_are_alike(counter: WatchedCounter, watch: Odd) -> None:
    """The watch is told of each inference, and the second trace equals the first."""
    run_once(counter)
    run_once(counter)
    first, second = counter.traces
    assert watch.begun == 2
    assert (first.step_events, first.step_stack_bytes) == (second.step_events, second.step_stack_bytes)


def test_fetches_know_what_they_follow(counter: WatchedCounter) -> None:
    """A block right behind the one before it is sequential, any other is the target of a branch."""
    counter.on_fetching_block(None, INVOKE, 8, None)
    counter.on_fetching_block(None, INVOKE + 8, 4, None)
    counter.on_fetching_block(None, STEP_0, 4, None)
    counter.on_fetching_block(None, CALLER, 4, None)
    events = {key: times for part in counter.traces[0].events for key, times in part.items()}
    assert events == {(INVOKE, 3): 1, (STEP_0, 3): 1}
