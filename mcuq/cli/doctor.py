"""`mcuq doctor`."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import JsonOption

_COMPILERS = ("arm-none-eabi-gcc", "clang", "zig")
_EMULATORS = ("unicorn", "qemu-system-arm")


def doctor(json: JsonOption = False) -> None:
    """Say which compilers, emulators and flashing tools were found, and how to install those that were not.

    Exit status 1 when there is no compiler or no emulator at all, so that firmware could not be built or run.
    """
    from mcuq import pipeline
    from mcuq.build import find_tools

    tools, flashing = find_tools(), pipeline.flash_tools()
    found = {tool.name for tool in tools if tool.is_found}
    is_ready = bool(found.intersection(_COMPILERS)) and bool(found.intersection(_EMULATORS))
    if json:
        terminal.write_json(terminal.STANDARD_OUTPUT, _document(tools, flashing, is_ready))
    else:
        from mcuq.report.tables import flash_tools_table, tools_table

        terminal.say(f"mcuq {version('mcuq')}, Python {platform.python_version()}, {platform.platform()}")
        terminal.say()
        terminal.show(tools_table(tools))
        terminal.show(flash_tools_table(flashing))
        terminal.say(_verdict(found))
    if not is_ready:
        raise typer.Exit(terminal.GATE_FAILED)


def _verdict(found: set[str]) -> str:
    if not found.intersection(_COMPILERS):
        return "No compiler for firmware: pip install 'mcuq[all]' brings one, and the simulator."
    if not found.intersection(_EMULATORS):
        return "No emulator: pip install 'mcuq[all]' brings the simulator."
    return "Firmware can be built and run: try `mcuq demo`."


def _document(tools: Any, flashing: Any, is_ready: bool) -> dict[str, Any]:
    fields = ("name", "purpose", "path", "version", "install", "note")
    return {
        "mcuq": version("mcuq"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "ready": is_ready,
        "tools": [{"found": tool.is_found} | {field: getattr(tool, field) for field in fields} for tool in tools],
        "flashing": [{"found": tool.where is not None} | asdict(tool) for tool in flashing],
    }
