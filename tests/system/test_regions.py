"""An arena in two memories: firmware with its buffers in a fast and a slow one is bit for bit the reference."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mcuq import pipeline
from mcuq.artifacts import Samples
from mcuq.boards import Board
from mcuq.errors import ToolMissing
from tests.networks import network
from tests.ops.strategies import inputs_for

pytestmark = pytest.mark.system
FAST_BYTES = 1200


@pytest.fixture
def board(root: Path, tmp_path: Path) -> Board:
    """The MPS2's Cortex-M4 with its PSRAM for the arena, of which the busiest buffers lie in SRAM."""
    text = (root / "boards" / "cortex-m4.toml").read_text()
    memories = '[[memory]]\nname = "psram"\naddress = 0x2100_0000\nbytes = 0x0010_0000\nkind = "ram"\n\n'
    placement = f'[placement]\narena = "psram"\nfast = "ram"\nfast_bytes = {FAST_BYTES}\n\n'
    path = tmp_path / "two-memories.toml"
    path.write_text(
        text.replace('name = "cortex-m4"', 'name = "two-memories"', 1).replace(
            "[port]\n", memories + placement + "[port]\n", 1
        )
    )
    return pipeline.find_board(str(path))


@pytest.mark.parametrize("link", ["sim", "qemu"])
def test_the_demo_in_two_memories(
    link: str, board: Board, digits_model: Path, digits_data: Path, tmp_path: Path
) -> None:
    """Every answer and every step of the demo is right, and the report says what lies where."""
    if link == "sim":
        pytest.importorskip("unicorn", reason="the simulator is not installed")
    elif shutil.which("qemu-system-arm") is None:
        pytest.skip("qemu-system-arm is not installed")
    graph = pipeline.load(digits_model)
    try:
        made = pipeline.build(graph, board, tmp_path / "out", name="digits")
    except ToolMissing as error:
        pytest.skip(str(error))
    assert made.plan.is_split
    assert 0 < made.plan.region_bytes("fast") <= FAST_BYTES
    said = json.loads((tmp_path / "out" / "build.json").read_text())["arena_regions"]
    assert said == {name: made.plan.region_bytes(name) for name in ("fast", "slow")}
    samples = pipeline.load_samples(digits_data, graph, 20)
    verdict = pipeline.run(made, samples, link=link, per_step=True)
    assert verdict.bit_exact, verdict.first_difference


@pytest.mark.parametrize("seed", range(4))
def test_random_networks_in_two_memories(seed: int, board: Board, tmp_path: Path) -> None:
    """Residuals, concatenations and reshapes over both memories give the reference's bytes."""
    pytest.importorskip("unicorn", reason="the simulator is not installed")
    graph = network(seed)
    try:
        made = pipeline.build(graph, board, tmp_path / "out", name="net")
    except ToolMissing as error:
        pytest.skip(str(error))
    samples = Samples(tuple(np.asarray(array) for array in inputs_for(graph, seed=seed)), None, "random")
    assert pipeline.run(made, samples, link="sim", count_samples=1).bit_exact
