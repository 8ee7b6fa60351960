"""A profile of a real build: its parts add up, it is the same every time, and it says what it does not know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcuq import pipeline
from mcuq.artifacts import Build, Profile
from mcuq.build import find_toolchain
from mcuq.errors import InvalidBoard, ToolMissing


@pytest.fixture(scope="module")
def build(digits_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The demo for a Cortex-M4."""
    pytest.importorskip("unicorn", reason="the simulator is not installed")
    board = pipeline.find_board("cortex-m4")
    try:
        find_toolchain(board)
    except ToolMissing as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("digits")
    return pipeline.build(pipeline.load(digits_model), board, folder, name="digits")


@pytest.fixture(scope="module")
def profile(build: Build) -> Profile:
    """On an STM32L4R5."""
    return pipeline.profile(build, memory="stm32l4r5", hot=3)


def test_steps_and_functions_add_up(profile: Profile) -> None:
    """Steps are the whole but for the loop that calls them; functions are all of it."""
    assert [step.index for step in profile.steps] == list(range(len(profile.build.schedule.steps)))
    steps = sum(step.cost.instructions for step in profile.steps)
    assert 0 < profile.cost.instructions - steps < 20 * (1 + len(profile.steps))
    for field in ("instructions", "cycles", "board_cycles", "loads", "stores", "moved_bytes"):
        parts = sum(getattr(function.cost, field) for function in profile.functions)
        assert parts == pytest.approx(getattr(profile.cost, field))
    assert sum(function.macs for function in profile.functions) == profile.macs


def test_two_runs_are_equal(build: Build, profile: Profile) -> None:
    """The same build gives the same profile."""
    assert pipeline.profile(build, memory="stm32l4r5", hot=3) == profile


def test_run_and_profile_count_alike(build: Build, profile: Profile) -> None:
    """`run` says the same instructions and core cycles for the same sample."""
    measured = pipeline.run(build, pipeline.random_samples(build.graph), count_samples=1)
    assert measured.instructions is not None
    assert measured.cycles is not None
    assert measured.instructions.median == profile.cost.instructions
    assert measured.cycles.median == round(profile.cost.cycles)
    assert measured.stack_bytes == profile.stack_peak_bytes


def test_estimates_say_how_far_to_trust_them(profile: Profile) -> None:
    """The demo is convolutional: 15 % by the book, 5 % on the calibrated board, whose memory only adds."""
    assert profile.core.error == 0.15
    assert profile.memory is not None
    assert profile.memory.error == 0.05
    assert profile.memory.cycles.median > profile.core.cycles.median
    assert profile.memory.latency_ms == pytest.approx(profile.memory.cycles.median / 120e3)
    assert set(profile.memory.events) >= {"sequential_miss", "isolated_miss"}


def test_the_stack_of_a_step_is_part_of_the_devices(profile: Profile) -> None:
    """Every step uses some stack, and none more than the device's peak."""
    assert all(0 < step.stack_bytes < profile.stack_peak_bytes for step in profile.steps)


def test_weights_are_read_from_flash(profile: Profile) -> None:
    """A convolution reads all of its weights at least once, so it meets at least that many misses of 8 bytes."""
    assert profile.memory is not None
    weights = sum(step.constant_bytes for step in profile.steps)
    assert sum(profile.memory.events.values()) >= weights // 8 // 2


def test_a_build_without_memory_model_has_one_figure(build: Build) -> None:
    """Where no memory model is named and the board has none, there are core cycles only."""
    profile = pipeline.profile(build)
    assert profile.memory is None
    assert all(step.cost.board_cycles is None for step in profile.steps)


def test_several_samples_have_a_spread(build: Build, digits_data: Path) -> None:
    """Cycles of three samples have a minimum and a maximum around the median."""
    samples = pipeline.load_samples(digits_data, build.graph, 3)
    profile = pipeline.profile(build, samples, count_samples=3)
    cycles = profile.core.cycles
    assert profile.samples == 3
    assert cycles.min <= cycles.median <= cycles.max


def test_a_core_without_claims(digits_model: Path, tmp_path: Path) -> None:
    """For a Cortex-M7 no error is claimed."""
    pytest.importorskip("unicorn", reason="the simulator is not installed")
    board = pipeline.find_board("cortex-m7")
    try:
        find_toolchain(board)
    except ToolMissing as missing:
        pytest.skip(str(missing))
    build = pipeline.build(pipeline.load(digits_model), board, tmp_path, name="digits")
    assert pipeline.profile(build).core.error is None


def test_the_host_has_no_cycles(digits_model: Path, tmp_path: Path) -> None:
    """A board without simulator is refused with a sentence."""
    host = pipeline.find_board("host")
    try:
        find_toolchain(host)
    except ToolMissing as missing:
        pytest.skip(str(missing))
    build = pipeline.build(pipeline.load(digits_model), host, tmp_path, name="digits")
    with pytest.raises(InvalidBoard, match="no simulator"):
        pipeline.profile(build)


def test_random_samples_are_the_same_every_time(digits_model: Path) -> None:
    """The seed decides; another seed gives other inputs."""
    graph = pipeline.load(digits_model)
    first, again, other = (pipeline.random_samples(graph, 2, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.inputs[0], again.inputs[0])
    assert (first.inputs[0] != other.inputs[0]).any()
    assert first.inputs[0].min() < -100
    assert first.inputs[0].max() > 100
