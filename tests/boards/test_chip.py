"""Board files of packs and linker scripts: what they say reaches the board, and what is wrong is told."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mcuq import pipeline, resources
from mcuq.boards import CORES, all_boards
from mcuq.boards.cores import core_of
from mcuq.cli.app import app
from mcuq.errors import InvalidBoard

PDSC = """<?xml version="1.0" encoding="UTF-8"?>
<package schemaVersion="1.7.7">
  <vendor>Anyone</vendor><name>Chips_DFP</name>
  <devices>
    <family Dfamily="Chip4 Series" Dvendor="Anyone:1">
      <processor Dcore="Cortex-M4" Dfpu="1" Dmpu="1" Dendian="Little-endian"/>
      <memory id="IRAM1" start="0x20000000" size="0x4000" default="1"/>
      <subFamily DsubFamily="CH40">
        <processor Dclock="84000000"/>
        <device Dname="CH401">
          <memory id="IROM1" start="0x08000000" size="0x20000" startup="1" default="1"/>
          <memory id="IRAM2" start="0x10000000" size="0x1800" default="0"/>
          <variant Dvariant="CH401X"/>
        </device>
        <device Dname="CH402">
          <memory id="IRAM1" size="0x8000"/>
          <memory name="Flash" access="rx" start="0x08000000" size="0x40000" startup="1" default="1"/>
          <memory name="System" access="rx" start="0x1FFF0000" size="0x8000" default="0"/>
          <memory name="Registers" access="rwp" start="0x40000000" size="0x10000"/>
          <memory name="Flash-alias" alias="Flash" access="rx" start="0x00000000" size="0x40000"/>
        </device>
      </subFamily>
    </family>
    <family Dfamily="Others" Dvendor="Anyone:1">
      <device Dname="DUAL">
        <processor Pname="CM4" Dcore="Cortex-M4" Dfpu="SP_FPU" Dclock="240000000"/>
        <processor Pname="CM0" Dcore="Cortex-M0+" Dclock="48000000"/>
        <memory name="Flash" access="rx" start="0x08000000" size="0x40000" startup="1" default="1"/>
        <memory name="SRAM" access="rwx" start="0x20000000" size="0x10000" default="1"/>
        <memory name="Own" access="rwx" start="0x10000000" size="0x1000" Pname="CM0"/>
      </device>
      <device Dname="V8">
        <processor Dcore="Cortex-M33" Dfpu="NO_FPU" Ddsp="NO_DSP" Dclock="64000000"/>
        <memory name="Flash" access="rx" start="0x00000000" size="0x40000" startup="1" default="1"/>
        <memory name="SRAM" access="rwx" start="0x20000000" size="0x5800" default="1"/>
      </device>
      <device Dname="R52"><processor Dcore="Cortex-R52"/></device>
      <device Dname="EMPTY"><processor Dcore="Cortex-M0" Dclock="1000000"/></device>
    </family>
  </devices>
</package>
"""

SCRIPT = """/* LENGTH = 1 in a comment counts for nothing */
ENTRY(Reset_Handler)
_flash_size = DEFINED(BIG) ? 1M : 512K; /* nobody here knows BIG */
_boot_size = 0x4000 * 2;
MEMORY
{
  BOOT (rx)  : ORIGIN = 0x08000000, LENGTH = _boot_size
  FLASH (rx) : ORIGIN = ORIGIN(BOOT) + LENGTH(BOOT), LENGTH = 512K - LENGTH(BOOT)
  RAM (xrw)  : ORIGIN = 0x20000000, LENGTH = (96 + 32) * 1K
  CCM        : org = 0x10000000, len = 64k
}
SECTIONS { .text : { *(.text) } > FLASH }
"""


@pytest.fixture
def pdsc(tmp_path: Path) -> Path:
    """A pack's description."""
    path = tmp_path / "Anyone.Chips_DFP.pdsc"
    path.write_text(PDSC)
    return path


def memories(board: pipeline.Board) -> list[tuple[str, int, int, str]]:
    """The regions of a board."""
    return [(region.name, region.address, region.bytes, region.kind) for region in board.memory]


def test_levels_of_a_pack_add_up(pdsc: Path, tmp_path: Path) -> None:
    """Core of the family, clock of the subfamily, memories of the device; what is said below replaces only itself."""
    first, path = pipeline.write_board(pdsc, tmp_path / "boards", device="CH401X")
    assert (first.name, first.core, first.clock_hz) == ("ch401x", "cortex-m4", 84_000_000)
    assert first.features == {"dsp", "fpu"}
    assert memories(first) == [
        ("irom1", 0x0800_0000, 0x2_0000, "flash"),
        ("iram1", 0x2000_0000, 0x4000, "ram"),
        ("iram2", 0x1000_0000, 0x1800, "ram"),
    ]
    assert pipeline.find_board(path) == first
    assert first.links == ("gdb",)
    second, _ = pipeline.write_board(pdsc, tmp_path / "boards", device="ch402")
    assert memories(second) == [
        ("flash", 0x0800_0000, 0x4_0000, "flash"),
        ("iram1", 0x2000_0000, 0x8000, "ram"),
        ("system", 0x1FFF_0000, 0x8000, "flash"),
    ]


def test_a_pack_is_a_zip(pdsc: Path, tmp_path: Path) -> None:
    """The .pack itself is read as its description is."""
    pack = tmp_path / "chips.pack"
    with zipfile.ZipFile(pack, "w") as file:
        file.write(pdsc, pdsc.name)
    board, _ = pipeline.write_board(pack, tmp_path / "boards", device="CH401", name="My Chip")
    assert board.name == "my-chip"


def test_one_core_of_several(pdsc: Path, tmp_path: Path) -> None:
    """A device with two cores wants one named, and each has its own clock and memories."""
    with pytest.raises(InvalidBoard, match=r"several cores.*--device DUAL:CM4 or --device DUAL:CM0"):
        pipeline.write_board(pdsc, tmp_path / "boards", device="DUAL")
    large, _ = pipeline.write_board(pdsc, tmp_path / "boards", device="DUAL:CM4")
    assert (large.core, large.clock_hz, len(large.memory)) == ("cortex-m4", 240_000_000, 2)
    small, _ = pipeline.write_board(pdsc, tmp_path / "boards", device="dual:CM0", name="small")
    assert (small.core, small.clock_hz, len(small.memory)) == ("cortex-m0plus", 48_000_000, 3)


def test_a_core_without_dsp(pdsc: Path, tmp_path: Path) -> None:
    """A Cortex-M33 whose maker left DSP out gets no DSP kernels, and a RAM of 22 KB is one."""
    board, _ = pipeline.write_board(pdsc, tmp_path / "boards", device="V8")
    assert board.features == {"mul32"}
    assert board.compiler.gcc[0] == "-mcpu=cortex-m33+nodsp"
    assert board.ram is not None
    assert board.ram.bytes == 0x5800


def test_a_linker_script_is_computed(tmp_path: Path) -> None:
    """Symbols, products, K and M, ORIGIN and LENGTH of earlier regions; names tell where attributes do not."""
    script = tmp_path / "app.ld"
    script.write_text(SCRIPT)
    board, _ = pipeline.write_board(
        script, tmp_path / "boards", core="cortex-m4", has_fpu=True, clock_hz=80_000_000, stack_bytes=2048
    )
    assert memories(board) == [
        ("boot", 0x0800_0000, 0x8000, "flash"),
        ("flash", 0x0800_8000, 0x7_8000, "flash"),
        ("ram", 0x2000_0000, 0x2_0000, "ram"),
        ("ccm", 0x1000_0000, 0x1_0000, "ram"),
    ]
    assert (board.name, board.stack_bytes, board.clock_hz) == ("app", 2048, 80_000_000)


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("SECTIONS { }", {}, "has no MEMORY"),
        ("MEMORY { }", {}, "names no region"),
        ("MEMORY { FLASH (rx) : ORIGIN = 0, LENGTH = _size }", {}, "memory FLASH: '_size' is not known here"),
        ("MEMORY { FLASH (rx) : ORIGIN = 0, LENGTH = LENGTH(RAM) }", {}, "LENGTH.RAM. is not known here"),
        ("MEMORY { FLASH (rx) : ORIGIN = 0, LENGTH = 1 / 0 }", {}, "'1 / 0' cannot be read"),
        ("MEMORY { FLASH (rx) : ORIGIN = 0, LENGTH = ( }", {}, "cannot be read"),
        ("MEMORY { RAM (rw) : ORIGIN = 0, LENGTH = 64K }", {"clock_hz": 1}, "names no flash"),
        (SCRIPT, {}, "does not say the clock of app; add for instance --clock-mhz 80"),
        (SCRIPT, {"core": None}, "does not say which core it is for; add --core with one of cortex-m0"),
        (SCRIPT, {"core": "z80", "clock_hz": 1}, "core 'z80' is not known"),
        (SCRIPT, {"core": "cortex-m3", "clock_hz": 1, "has_fpu": True}, "has no FPU that mcuq knows"),
        (SCRIPT, {"device": "X"}, "is none"),
        (SCRIPT, {"stack_bytes": 12, "clock_hz": 1}, "must be a positive multiple of 8"),
    ],
)
def test_a_script_that_does_not_do(tmp_path: Path, text: str, options: dict[str, object], words: str) -> None:
    """Each is refused with the place and the next step, and nothing is written."""
    script = tmp_path / "app.ld"
    script.write_text(text)
    with pytest.raises(InvalidBoard, match=words):
        pipeline.write_board(script, tmp_path / "boards", **{"core": "cortex-m4", **options})  # type: ignore[arg-type]
    assert not list((tmp_path / "boards").glob("*")) if (tmp_path / "boards").exists() else True


def test_a_pack_that_does_not_do(pdsc: Path, tmp_path: Path) -> None:
    """Unknown devices and cores, devices without memory, files that are no packs."""
    boards = tmp_path / "boards"
    for device, words in (
        ("CH403", "no device 'CH403' among its 7; near are CH40"),
        ("R52", "core 'Cortex-R52', which mcuq does not know"),
        ("EMPTY", "names no flash"),
        (None, "name yours with --device"),
    ):
        with pytest.raises(InvalidBoard, match=words):
            pipeline.write_board(pdsc, boards, device=device)
    for text, words in (("<a", "no CMSIS-Pack"), ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "has a DOCTYPE")):
        pdsc.write_text(text)
        with pytest.raises(InvalidBoard, match=words):
            pipeline.write_board(pdsc, boards, device="X")
    pdsc.write_text(PDSC.replace('size="0x20000"', 'size="large"'))
    with pytest.raises(InvalidBoard, match="CH401: invalid literal"):
        pipeline.write_board(pdsc, boards, device="CH401")
    with zipfile.ZipFile(tmp_path / "no.pack", "w") as file:
        file.writestr("a.txt", "a")
    with pytest.raises(InvalidBoard, match=r"holds no \.pdsc"):
        pipeline.write_board(tmp_path / "no.pack", boards, device="X")
    with pytest.raises(InvalidBoard, match="cannot be read"):
        pipeline.write_board(tmp_path / "absent.pdsc", boards, device="X")
    assert not boards.exists()


def test_the_verb_writes_and_keeps_what_is_there(pdsc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mcuq boards --from` writes into ./boards, where --board finds it; it overwrites nothing unless told."""
    monkeypatch.chdir(tmp_path)
    write = ["boards", "--from", str(pdsc), "--device", "CH401"]
    done = CliRunner().invoke(app, write)
    assert done.exit_code == 0, done.output
    assert "wrote boards/ch401.toml: cortex-m4 with dsp, fpu at 84 MHz" in done.output
    listed = CliRunner().invoke(app, ["boards", "--json"])
    assert "ch401" in {board["name"] for board in json.loads(listed.output)}
    again = CliRunner().invoke(app, write)
    assert again.exit_code == 2
    assert "exists already" in again.output
    assert CliRunner().invoke(app, [*write, "--force", "--clock-mhz", "42"]).exit_code == 0
    assert pipeline.find_board("ch401").clock_hz == 42_000_000
    lost = CliRunner().invoke(app, ["boards", "--device", "CH401"])
    assert lost.exit_code == 2
    assert "--from" in lost.output


@pytest.mark.parametrize("board", [b for b in all_boards([resources.boards()]) if not b.is_host], ids=lambda b: b.name)
def test_flags_are_those_of_the_boards(board: pipeline.Board) -> None:
    """What is known of a core here is what the files of mcuq's own boards say of theirs."""
    core = core_of(board.core, has_fpu="fpu" in board.features)
    assert core.name in CORES
    assert core.compiler == board.compiler
    assert set(core.features) == board.features
