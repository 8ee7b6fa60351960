"""Which constants go into RAM: by name, by bytes, all, none."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcuq import pipeline
from mcuq.artifacts import Schedule
from mcuq.errors import InvalidProject
from mcuq.schedule import constants_into_ram, schedule


@pytest.fixture
def digits(digits_model: Path) -> Schedule:
    """The demo's steps on a core with DSP instructions."""
    return schedule(pipeline.load(digits_model), frozenset({"dsp"}))


def test_none_and_all(digits: Schedule) -> None:
    """Without a word nothing is copied, and `all` is every constant."""
    assert digits.ram_constant_bytes == 0
    assert constants_into_ram(digits, "none") == digits
    assert constants_into_ram(digits, "all").ram_constant_bytes == digits.constant_bytes


@pytest.mark.parametrize("limit", [0, 100, 1000, 3000, 10_000, 1_000_000])
def test_a_number_of_bytes_is_kept(digits: Schedule, limit: int) -> None:
    """No more bytes than said are taken, and no step that would still have fitted is left."""
    found = constants_into_ram(digits, str(limit))
    assert found.ram_constant_bytes <= limit
    left = [s.constant_bytes for s in found.steps if s.constant_bytes and not s.constants_in_ram]
    assert all(size > limit - found.ram_constant_bytes for size in left)


def test_what_is_read_most_goes_first(digits: Schedule) -> None:
    """A convolution reads its weights for every pixel and precedes a fully connected layer, which reads them once."""
    holding = sorted(
        (step for step in digits.steps if step.macs), key=lambda step: step.macs / step.constant_bytes, reverse=True
    )
    found = constants_into_ram(digits, str(holding[0].constant_bytes))
    assert found.steps[holding[0].index].constants_in_ram
    assert not found.steps[holding[-1].index].constants_in_ram
    assert holding[-1].kernel.startswith("fully_connected")


def test_layers_by_name(digits: Schedule) -> None:
    """Names of layers choose the steps that compute them; another name is refused with those there are."""
    step = next(step for step in digits.steps if step.constant_bytes)
    found = constants_into_ram(digits, f" {step.layers[0]} ")
    assert [s.index for s in found.steps if s.constants_in_ram] == [step.index]
    parts = step.layers[0].split(";")
    for name in (parts[-1], "/".join(parts[0].split("/")[-2:])):
        again = constants_into_ram(digits, name)
        assert step.index in [s.index for s in again.steps if s.constants_in_ram]
    with pytest.raises(InvalidProject, match=r"'no_such' is no layer with constants, which are: .*re_lu_14_1/Relu"):
        constants_into_ram(digits, f"{step.layers[0]},no_such")
