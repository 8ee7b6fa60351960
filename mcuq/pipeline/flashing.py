"""A build goes into its board, which then has to say that it runs it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from mcuq.artifacts import Build
from mcuq.errors import InvalidBoard
from mcuq.pipeline.boards import all_boards
from mcuq.pipeline.validation import device_target, fault_map
from mcuq.run.connect import connected
from mcuq.run.flashing import Flashed, FoundFlashTool, find_flash_tools, flash_image
from mcuq.run.links import open_link
from mcuq.run.messages import Hello

_START_DEADLINE_S = 20.0


@dataclass(frozen=True, slots=True)
class Programmed:
    """What was written, and what the firmware said afterwards; `hello` is None where no port was given to ask at."""

    flashed: Flashed
    hello: Hello | None


def flash(
    build: Build,
    *,
    probe: str | None = None,
    tool: str | None = None,
    port: str | None = None,
    baud: int | None = None,
) -> Programmed:
    """Write the firmware into the board's flash, verify it, reset; with a `port`, wait until it says hello.

    The hello must name the same model hash, board and firmware version. Raises InvalidBoard, ToolMissing, DeviceError
    and its children.
    """
    if build.board.is_host:
        raise InvalidBoard("board 'host' is this computer and has no flash; `mcuq run` runs its firmware as it is")
    flashed = flash_image(build.image, build.board, probe=probe, tool=tool)
    if port is None:
        return Programmed(flashed, None)
    steps = len(build.schedule.steps)
    link = open_link("serial", build.image, build.board, build.name, steps, None, port, baud)
    with closing(link):
        client = connected(link, device_target(build), fault_map(build).describe, deadline_s=_START_DEADLINE_S)
        return Programmed(flashed, client.hello())


def flash_tools() -> tuple[FoundFlashTool, ...]:
    """The flashing tools that mcuq can use, found or not, with the boards that each can write to."""
    return find_flash_tools(all_boards())
