"""The demo, built for every board and run over every link that the board has, and with every compiler."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from mcuq import pipeline
from mcuq.artifacts import Build, Samples
from mcuq.build import find_toolchain
from mcuq.errors import ToolMissing
from mcuq.ir import Graph
from tests.networks import network
from tests.ops.strategies import inputs_for

BOARDS = tuple(board.name for board in pipeline.all_boards())
ROADS = tuple((board, link) for board in BOARDS for link in pipeline.find_board(board).links if link != "serial")
FLASH_CODE_LIMIT_BYTES = 16 * 1024
ACCURACY = 0.97


def need(board: str, link: str | None = None, compiler: str | None = None) -> None:
    """Skip where a tool is not installed."""
    try:
        find_toolchain(pipeline.find_board(board), compiler)
    except ToolMissing as error:
        pytest.skip(str(error))
    if link == "sim":
        pytest.importorskip("unicorn", reason="the simulator is not installed")
    if link == "renode" and shutil.which("renode") is None:
        pytest.skip("renode is not installed")
    qemu = pipeline.find_board(board).run.qemu
    if link == "qemu" and qemu is not None and shutil.which(qemu.program) is None:
        pytest.skip(f"{qemu.program} is not installed")


@pytest.fixture(scope="module")
def digits(digits_model: Path) -> Graph:
    """The demo's model."""
    return pipeline.load(digits_model)


@pytest.fixture(scope="module")
def samples(digits: Graph, digits_data: Path) -> Samples:
    """The demo's held-out samples."""
    return pipeline.load_samples(digits_data, digits)


@pytest.fixture(scope="module")
def builds(digits: Graph, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Build]:
    """One build a board, made when it is first asked for."""

    class Builds(dict[str, Build]):
        def __missing__(self, name: str) -> Build:
            folder = tmp_path_factory.mktemp(name)
            self[name] = pipeline.build(digits, pipeline.find_board(name), folder, name="digits")
            return self[name]

    return Builds()


@pytest.mark.parametrize(("board", "link"), ROADS)
def test_the_demo_is_right(board: str, link: str, builds: dict[str, Build], samples: Samples) -> None:
    """Every byte equals the reference, step by step too, and the accuracy is the reference's, at least 97 %."""
    need(board, link)
    measured = pipeline.run(builds[board], samples, link=link, per_step=True)
    assert measured.bit_exact
    assert measured.accuracy == measured.reference_accuracy
    assert measured.accuracy is not None
    assert measured.accuracy >= ACCURACY
    if board != "host":
        assert measured.instructions is not None
        assert measured.stack_bytes is not None
        assert 0 < measured.stack_bytes < builds[board].board.stack_bytes
        assert builds[board].image.code_bytes < FLASH_CODE_LIMIT_BYTES


@pytest.mark.parametrize("board", [board for board, link in ROADS if link == "qemu"])
def test_simulator_and_qemu_agree(board: str, builds: dict[str, Build], samples: Samples) -> None:
    """One ELF on two emulators: the same stack, and instructions that differ by what reading the counter takes."""
    need(board, "qemu")
    need(board, "sim")
    sim, qemu = (pipeline.run(builds[board], samples, link=link, limit=3) for link in ("sim", "qemu"))
    assert sim.instructions is not None
    assert qemu.instructions is not None
    assert qemu.instructions.median == pytest.approx(sim.instructions.median, rel=1e-3)
    assert sim.stack_bytes is not None
    assert qemu.stack_bytes is not None
    # Where SysTick stands in for the cycle counter, its interrupt takes stack: eight words, and 18 more with an FPU.
    extra = 0 if builds[board].board.port.timer.model != "dwt" else 36 + 4 * 18  # type: ignore[union-attr]
    assert 0 <= qemu.stack_bytes - sim.stack_bytes <= extra


@pytest.mark.parametrize("compiler", ["gcc", "clang", "zig"])
@pytest.mark.parametrize("goal", ["speed", "ram", "size"])
def test_every_goal_is_right_with_every_compiler(compiler: str, goal: str, digits: Graph, tmp_path: Path) -> None:
    """Row streams, shared functions and fast kernels are bit-exact whichever compiler built them."""
    need("cortex-m4", "sim", compiler)
    board, options = pipeline.find_board("cortex-m4"), {"name": "digits", "compiler": compiler}
    made = pipeline.build(digits, board, tmp_path, goal=pipeline.Goal(goal), **options)
    kernels = {step.kernel for step in made.schedule.steps}
    assert goal != "ram" or any("stream" in kernel for kernel in kernels), kernels
    inputs = Samples(tuple(np.asarray(array) for array in inputs_for(digits, seed=3)), None, "random")
    assert pipeline.run(made, inputs, link="sim", per_step=True, count_samples=1).bit_exact


@pytest.mark.parametrize("compiler", ["gcc", "clang", "zig"])
@pytest.mark.parametrize("board", ["cortex-m0", "cortex-m4", "hifive1-revb"])
def test_every_compiler_is_right(board: str, compiler: str, digits: Graph, samples: Samples, tmp_path: Path) -> None:
    """The demo is bit-exact whichever compiler built it, and says which one did."""
    need(board, "sim", compiler)
    made = pipeline.build(digits, pipeline.find_board(board), tmp_path, name="digits", compiler=compiler)
    measured = pipeline.run(made, samples, link="sim", limit=100, per_step=True)
    assert measured.bit_exact
    assert measured.compiler.startswith(compiler)


@pytest.mark.parametrize("board", ["cortex-m0-large", "cortex-m4"])
@pytest.mark.parametrize("seed", [2, 5, 9, 14, 23])
def test_networks_run_on_devices(seed: int, board: str, tmp_path: Path) -> None:
    """Random networks with several inputs and outputs run bit for bit, inputs kept or not, with each core's kernels."""
    need(board, "sim")
    graph = network(seed)
    made = pipeline.build(graph, pipeline.find_board(board), tmp_path, name="net", keep_inputs=bool(seed % 2))
    measured = pipeline.run(made, Samples(inputs_for(graph, seed, 12), None, "random"), per_step=True)
    assert measured.bit_exact
