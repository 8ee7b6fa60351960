"""Compilers are found in order of preference, named with their version, and missed with an install command."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from mcuq.boards import Board
from mcuq.build import toolchains
from mcuq.build.toolchains import find_toolchain, zig_path
from mcuq.errors import ToolMissing


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A computer without any compiler."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(toolchains, "zig_path", lambda: None)
    return monkeypatch


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")
def test_gcc_is_preferred(m4: Board) -> None:
    """Where arm-none-eabi-gcc is installed it is taken, and told by its version."""
    toolchain = find_toolchain(m4)
    assert toolchain.family == "gcc"
    assert re.fullmatch(r"gcc \d+\.\d+\.\d+", toolchain.version)
    assert set(m4.compiler.gcc) <= set(toolchain.flags)


@pytest.mark.skipif(zig_path() is None, reason="zig is not installed")
def test_zig_says_which_clang_it_is(m4: Board) -> None:
    """The zig wheel is told by its own version and by that of the clang inside."""
    assert re.fullmatch(r"zig \d+\.\d+\.\d+ \(clang \d+\.\d+\.\d+\)", find_toolchain(m4, "zig").version)


@pytest.mark.skipif(zig_path() is None, reason="zig is not installed")
def test_zig_is_taken_where_nothing_else_is(m4: Board, host: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any system compiler the wheel builds for the device and for the host."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert find_toolchain(m4).family == "zig"
    assert find_toolchain(host).family == "zig"


def test_clang_without_a_runtime_is_not_taken(m4: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clang that has no helper functions for the core cannot build firmware, so it does not count as found."""
    monkeypatch.setattr(toolchains, "_clang_runtime", lambda _board: None)
    with pytest.raises(ToolMissing, match="no clang that can build for board 'cortex-m4'"):
        find_toolchain(m4, "clang")


@pytest.mark.parametrize(
    ("choice", "install"),
    [(None, "pip install ziglang"), ("gcc", "apt install gcc-arm-none-eabi"), ("zig", "pip install ziglang")],
)
@pytest.mark.usefixtures("nothing_installed")
def test_a_missing_compiler_tells_how_to_install_it(m4: Board, choice: str | None, install: str) -> None:
    """The error names the command that installs what is missing."""
    with pytest.raises(ToolMissing, match=install):
        find_toolchain(m4, choice)


def test_an_unknown_compiler_names_the_known_ones(m4: Board) -> None:
    """`--compiler tcc` is refused with the three that there are."""
    with pytest.raises(ToolMissing, match="choose one of gcc, clang, zig"):
        find_toolchain(m4, "tcc")


def test_cc_counts_as_the_compiler_that_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only `cc` is on PATH, its own words tell whether it is gcc or clang."""
    cc = tmp_path / "cc"
    cc.write_text("#!/bin/sh\necho 'Fancy clang version 17.0.0'\n", encoding="utf-8")
    cc.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(cc) if name == "cc" else None)
    assert toolchains.host_compiler_path("clang") == str(cc)
    assert toolchains.host_compiler_path("gcc") is None
    assert toolchains.version_of("clang", str(cc)) == "clang 17.0.0"


def test_a_command_that_fails_says_nothing() -> None:
    """Asking a program that is not there, or fails, is answered with an empty string."""
    assert toolchains.output_of("/nonexistent/compiler", "--version") == ""
    assert toolchains.output_of("false") == ""
