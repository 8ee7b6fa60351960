"""Constants in RAM: start-up copies them, the bits stay, and every figure counts them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from mcuq import pipeline
from mcuq.artifacts import Build, Goal
from mcuq.errors import DoesNotFit, InvalidProject, ToolMissing

pytestmark = pytest.mark.system


def constants_in_data(made: Build) -> dict[str, bool]:
    """The model's arrays in the firmware, and whether each lies in the data that start-up copies."""
    with made.image.path.open("rb") as file:
        data = ELFFile(file).get_section_by_name(".data")
        start, end = data["sh_addr"], data["sh_addr"] + data["sh_size"]
    names = {f"{made.name}_{step.index}_{c.role}" for step in made.schedule.steps for c in step.constants}
    assert names <= set(made.image.symbols)
    return {name: start <= made.image.symbols[name].address < end for name in names}


@pytest.mark.parametrize(
    ("board", "link", "program"),
    [
        ("cortex-m4", "sim", "arm-none-eabi-gcc"),
        ("cortex-m0-large", "sim", "arm-none-eabi-gcc"),
        ("netduinoplus2", "qemu", "qemu-system-arm"),
        ("virt-rv32", "qemu", "qemu-system-riscv32"),
        ("esp32c3-devkitm-1", "sim", "riscv64-unknown-elf-gcc"),
        ("cortex-m4", "gdb", "qemu-system-arm"),
        ("host", "host", "cc"),
    ],
)
def test_copied_constants_give_the_same_bits(
    board: str, link: str, program: str, digits_model: Path, digits_data: Path, tmp_path: Path
) -> None:
    """On every road to a board; RAM grows by the bytes, flash and the opened build tell the same."""
    if link == "sim":
        pytest.importorskip("unicorn", reason="the simulator is not installed")
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    graph = pipeline.load(digits_model)
    target = pipeline.find_board(board)
    try:
        before = pipeline.build(graph, target, tmp_path / "flash", name="digits")
    except ToolMissing as error:
        pytest.skip(str(error))
    goal = Goal(ram_constants="all")
    made = pipeline.build(graph, target, tmp_path / "ram", name="digits", goal=goal)
    copied = made.schedule.ram_constant_bytes
    assert copied == made.schedule.constant_bytes > 3000
    assert made.plan == before.plan
    if not target.is_host:
        assert copied <= made.image.static_ram_bytes - before.image.static_ram_bytes < copied + 64
        assert abs(made.image.flash_bytes - before.image.flash_bytes) < 64
        assert all(constants_in_data(made).values())
        assert not any(constants_in_data(before).values())
    opened = pipeline.open_build(tmp_path / "ram")
    assert (opened.schedule, opened.goal, opened.sources) == (made.schedule, made.goal, made.sources)
    verdict = pipeline.run(opened, pipeline.load_samples(digits_data, graph, 20), link=link, per_step=link != "gdb")
    assert verdict.bit_exact, verdict.first_difference


def test_some_constants_in_ram(digits_model: Path, digits_data: Path, tmp_path: Path) -> None:
    """Those of one layer lie in RAM, the others in flash, and build.json says so step by step."""
    pytest.importorskip("unicorn", reason="the simulator is not installed")
    graph = pipeline.load(digits_model)
    try:
        made = pipeline.build(
            graph, pipeline.find_board("cortex-m4"), tmp_path, name="digits", goal=Goal(ram_constants="2000")
        )
    except ToolMissing as error:
        pytest.skip(str(error))
    said = json.loads((tmp_path / "build.json").read_text())
    assert 0 < said["ram_constant_bytes"] <= 2000
    assert said["ram_constant_bytes"] == sum(s["constant_bytes"] for s in said["steps"] if s["constants_in_ram"])
    assert {True, False} == set(constants_in_data(made).values())
    assert pipeline.run(made, pipeline.load_samples(digits_data, graph, 10), link="sim").bit_exact


def test_too_many_constants_are_refused(root: Path, digits_model: Path, tmp_path: Path) -> None:
    """Where copied constants do not fit the RAM, the error names them and what would help; unknown layers too."""
    text = (root / "boards" / "stm32vldiscovery.toml").read_text()
    path = tmp_path / "small.toml"
    path.write_text(text.replace('name = "stm32vldiscovery"', 'name = "small"').replace("0x0000_2000", "0x0000_1000"))
    graph, board = pipeline.load(digits_model), pipeline.find_board(str(path))
    with pytest.raises(DoesNotFit, match=r"copied constants of \d+ bytes.*a smaller --ram-constants"):
        pipeline.build(graph, board, tmp_path / "out", goal=Goal(ram_constants="all"))
    with pytest.raises(InvalidProject, match="no layer with constants"):
        pipeline.build(graph, board, tmp_path / "out", goal=Goal(ram_constants="nothing"))
    assert not (tmp_path / "out").exists()
