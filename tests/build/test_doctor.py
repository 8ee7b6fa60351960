"""The doctor names every tool, what it is for, and the command that installs it."""

from __future__ import annotations

import shutil

import pytest

from mcuq.build import doctor, find_tools, toolchains

NAMES = [
    "arm-none-eabi-gcc",
    "riscv64-unknown-elf-gcc",
    "clang",
    "zig",
    "host cc",
    "qemu-system-arm",
    "qemu-system-riscv32",
    "unicorn",
    "renode",
    "ppk2-api",
]


def test_every_tool_is_named() -> None:
    """All tools are listed, each with its purpose and install command; what is found has path and version."""
    tools = find_tools()
    assert [tool.name for tool in tools] == NAMES
    for tool in tools:
        assert tool.purpose
        assert tool.install.startswith(("pip install", "sudo apt install", "https://"))
        assert tool.is_found == (tool.path is not None) == (tool.version is not None)


def test_nothing_installed_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a bare computer every tool is missing, and nothing fails."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(toolchains, "zig_path", lambda: None)
    monkeypatch.setattr(doctor, "zig_path", lambda: None)
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda _name: None)
    assert not any(tool.is_found for tool in find_tools())


def test_another_unicorn_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version of Unicorn that mcuq was not tested with is said to be one."""
    pytest.importorskip("unicorn")
    monkeypatch.setattr(doctor.importlib.metadata, "version", lambda _name: "2.1.4")
    unicorn = next(tool for tool in find_tools() if tool.name == "unicorn")
    assert unicorn.version == "unicorn 2.1.4"
    assert "2.1.4 is known to be wrong" in unicorn.note
