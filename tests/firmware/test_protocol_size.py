"""What the firmware's protocol costs: flash, RAM, and no warning from any compiler."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

WARNINGS = ["-std=c99", "-pedantic", "-ffreestanding", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
MOST_FLASH_BYTES = 2560
MOST_RAM_BYTES = 640


@pytest.fixture
def firmware_sources(root: Path, protocol_sources: list[Path]) -> list[Path]:
    """The protocol and the app, which are the same for every board."""
    return [*protocol_sources, root / "firmware" / "app" / "main.c"]


@pytest.mark.parametrize("compiler", ["gcc", "clang", "zig"])
def test_compilers_find_nothing_to_warn_of(
    compiler: str, firmware_sources: list[Path], root: Path, tmp_path: Path
) -> None:
    """The protocol and the app are C99 without a warning."""
    command = [compiler]
    if compiler == "zig":
        if importlib.util.find_spec("ziglang") is None:
            pytest.skip("the wheel ziglang is not installed")
        command = [sys.executable, "-m", "ziglang", "cc"]
    elif not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    for source in firmware_sources:
        arguments = [*WARNINGS, f"-I{root / 'firmware' / 'include'}", "-c", str(source), "-o", str(tmp_path / "o")]
        run = subprocess.run([*command, *arguments], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m4"])
def test_protocol_and_app_are_small(core: str, firmware_sources: list[Path], root: Path, tmp_path: Path) -> None:
    """Code, tables and text of protocol and app stay under 2.5 KB of flash, all their state under 640 bytes of RAM."""
    if not shutil.which("arm-none-eabi-gcc"):
        pytest.skip("arm-none-eabi-gcc is not installed")
    flash_bytes = ram_bytes = 0
    for source in firmware_sources:
        target = tmp_path / f"{source.stem}.o"
        flags = ["-std=c99", f"-mcpu={core}", "-mthumb", "-Os", f"-I{root / 'firmware' / 'include'}"]
        subprocess.run(["arm-none-eabi-gcc", *flags, "-c", str(source), "-o", str(target)], check=True)
        printed = subprocess.run(["arm-none-eabi-size", str(target)], check=True, capture_output=True, text=True).stdout
        text, data, bss = map(int, re.findall(r"\d+", printed.splitlines()[1])[:3])
        flash_bytes += text + data
        ram_bytes += data + bss
    assert 0 < flash_bytes < MOST_FLASH_BYTES
    assert 0 < ram_bytes < MOST_RAM_BYTES


def test_cppcheck_finds_nothing(firmware_sources: list[Path], root: Path) -> None:
    """Static analysis has no finding."""
    if not shutil.which("cppcheck"):
        pytest.skip("cppcheck is not installed")
    arguments = ["--enable=warning,style,performance,portability", "--std=c99", "-q", "--error-exitcode=1"]
    include = f"-I{root / 'firmware' / 'include'}"
    run = subprocess.run(["cppcheck", *arguments, include, *firmware_sources], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_protocol_keeps_no_state_of_its_own(firmware_sources: list[Path], root: Path, tmp_path: Path) -> None:
    """The library has no writable data: two protocols can live in one program."""
    if not shutil.which("arm-none-eabi-gcc"):
        pytest.skip("arm-none-eabi-gcc is not installed")
    for source in firmware_sources[:-1]:
        target = tmp_path / f"{source.stem}.o"
        flags = ["-std=c99", "-mcpu=cortex-m0", "-mthumb", f"-I{root / 'firmware' / 'include'}"]
        subprocess.run(["arm-none-eabi-gcc", *flags, "-c", str(source), "-o", str(target)], check=True)
        printed = subprocess.run(["arm-none-eabi-nm", str(target)], check=True, capture_output=True, text=True).stdout
        assert not re.findall(r" [bBdDcC] ", printed)
