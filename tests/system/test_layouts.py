"""Layouts as firmware: their own examples, built by their own tools for a Cortex-M4, prove themselves on QEMU."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mcuq import demo, pipeline

CPU = "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard"
QEMU = (
    *("qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-serial", "null", "-monitor", "none"),
    *("-semihosting-config", "enable=on,target=native", "-kernel"),
)
STARTUP = """
#include <stdint.h>
extern uint32_t stack_top;
void _start(void);
__attribute__((noreturn)) static void reset(void)
{
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* the FPU */
    __asm__ volatile("dsb\\n\\tisb");
    _start();
    for (;;) {
    }
}
__attribute__((section(".vectors"), used)) static const void *const vectors[2] = { &stack_top, (const void *)reset };
"""
SCRIPT = """
ENTRY(_start)
MEMORY { FLASH (rx) : ORIGIN = 0x00000000, LENGTH = 4M
         RAM (rwx) : ORIGIN = 0x20000000, LENGTH = 4M }
stack_top = ORIGIN(RAM) + LENGTH(RAM);
SECTIONS
{
    .text : { KEEP(*(.vectors)) *(.text*) KEEP(*(.init)) KEEP(*(.fini)) *(.rodata*) . = ALIGN(4); } > FLASH
    .ARM.exidx : { __exidx_start = .; *(.ARM.exidx*) __exidx_end = .; } > FLASH
    .data : { __preinit_array_start = .; __preinit_array_end = .;
              __init_array_start = .; KEEP(*(.init_array*)) __init_array_end = .;
              __fini_array_start = .; KEEP(*(.fini_array*)) __fini_array_end = .; *(.data*) . = ALIGN(4); } > RAM
    .bss (NOLOAD) : { __bss_start__ = .; *(.bss*) *(COMMON) . = ALIGN(4); __bss_end__ = .; end = .; __end__ = .; } > RAM
}
"""

pytestmark = pytest.mark.system


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """A folder with start-up and linker script for the board; skips where a tool is missing."""
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    said = subprocess.run(
        ["arm-none-eabi-gcc", "--print-file-name=rdimon.specs"], capture_output=True, text=True, check=True
    )
    if not Path(said.stdout.strip()).is_file():
        pytest.skip("newlib for Arm is not installed: apt-get install libnewlib-arm-none-eabi")
    (tmp_path / "startup.c").write_text(STARTUP)
    (tmp_path / "board.ld").write_text(SCRIPT)
    return tmp_path


def written(bench: Path, layout: str, model: Path, name: str) -> Path:
    """The model in that layout, for the board's core, with a self-test."""
    board = pipeline.find_board("cortex-m4")
    pipeline.codegen(pipeline.load(model), bench / name, name=name, layout=layout, board=board, selftest=1)
    return bench / name


def links(bench: Path) -> str:
    """What makes a program of the example and newlib, with standard output through semihosting."""
    return f"{bench}/startup.c --specs=rdimon.specs -T {bench}/board.ld"


def ran(*command: str | Path, cwd: Path) -> str:
    """What a command prints; it must succeed within a minute."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["digits", "kws"])
def test_plain(name: str, bench: Path, request: pytest.FixtureRequest) -> None:
    """One line compiles the plain folder; the example's self-test passes on the emulated core."""
    model = demo.model_path() if name == "digits" else request.getfixturevalue("zoo") / "models/kws_ref_int8.tflite"
    folder = written(bench, "plain", model, name)
    sources = [folder / "example/main.c", *sorted(folder.glob("*.c"))]
    ran("arm-none-eabi-gcc", *CPU.split(), "-O2", f"-I{folder}", *sources, *links(bench).split(), "-o", "p", cwd=bench)
    assert f"{name}: self-test passed" in ran(*QEMU, "p", cwd=bench)


def test_weights_in_external_flash(bench: Path, root: Path) -> None:
    """The documented fragment puts every constant into the mapped flash, and the self-test passes there."""
    folder = written(bench, "plain", demo.model_path(), "digits")
    page = (root / "docs" / "placement.md").read_text(encoding="utf-8")
    (fragment,) = re.findall(r"```ld\n(.*?)```", page, re.DOTALL)
    assert "0x90000000" in fragment
    (bench / "qspi.ld").write_text(fragment.replace("0x90000000", "0x21000000"))  # what the machine has: PSRAM
    section = '-DDIGITS_CONSTANT_SECTION=__attribute__((section(".qspi")))'
    sources = [folder / "example/main.c", *sorted(folder.glob("*.c"))]
    options = (*CPU.split(), "-O2", section, f"-I{folder}", "-T", "qspi.ld", "-Wl,--orphan-handling=warn")
    ran("arm-none-eabi-gcc", *options, *sources, *links(bench).split(), "-o", "p", cwd=bench)
    symbols = ran("arm-none-eabi-nm", "p", cwd=bench).splitlines()
    streams = [int(line.split()[0], 16) for line in symbols if line.endswith("_stream")]
    assert streams
    assert all(0x2100_0000 <= address < 0x2180_0000 for address in streams)
    assert "digits: self-test passed" in ran(*QEMU, "p", cwd=bench)


def test_make(bench: Path) -> None:
    """The Makefile builds both examples for the core; the cooperative one feeds its watchdog between all steps."""
    folder = written(bench, "make", demo.model_path(), "digits")
    tools = ("CC=arm-none-eabi-gcc", "AR=arm-none-eabi-ar", f"CPU={CPU}", f"LDFLAGS={links(bench)}")
    ran("make", "-s", *tools, "build/main", "build/cooperative", cwd=folder)
    assert "digits: self-test passed" in ran(*QEMU, "build/main", cwd=folder)
    assert "2 inferences in 26 turns, the watchdog was fed 26 times" in ran(*QEMU, "build/cooperative", cwd=folder)


def test_cmake(bench: Path) -> None:
    """CMake builds both examples for the core and runs them as tests on the emulator."""
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed")
    folder = written(bench, "cmake", demo.model_path(), "digits")
    settings = {
        "CMAKE_SYSTEM_NAME": "Generic",
        "CMAKE_C_COMPILER": "arm-none-eabi-gcc",
        "CMAKE_TRY_COMPILE_TARGET_TYPE": "STATIC_LIBRARY",
        "CMAKE_C_FLAGS": f"{CPU} -O2",
        "CMAKE_EXE_LINKER_FLAGS": f"{CPU} {links(bench)}",
        "CMAKE_CROSSCOMPILING_EMULATOR": ";".join(QEMU),
    }
    ran("cmake", "-S", ".", "-B", "build", *(f"-D{key}={value}" for key, value in settings.items()), cwd=folder)
    ran("cmake", "--build", "build", "--parallel", str(os.cpu_count() or 1), cwd=folder)
    assert "100% tests passed, 0 tests failed out of 2" in ran("ctest", "--test-dir", "build", cwd=folder)
