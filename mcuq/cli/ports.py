"""`mcuq ports`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import JsonOption

if TYPE_CHECKING:
    from mcuq.run.connect import Answering


def ports(
    port: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PORT]...", help="Only these ports; else all that there are."),
    ] = None,
    baud: Annotated[
        int | None,
        typer.Option("--baud", metavar="N", min=50, help="Only at this speed; else the usual ones."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the serial ports with the board that answers on each: model, hash, version of its firmware.

    Where nobody answers it says why: busy and by whom, silent, another program, a board that restarts again and again.
    """
    from mcuq import pipeline

    with terminal.working("asking the ports"):
        found = pipeline.answering_ports(tuple(port or ()), baud)
    if json:
        terminal.write_json(terminal.STANDARD_OUTPUT, [_document(answering) for answering in found])
    elif not found:
        terminal.say("There are no serial ports; plug a board in.")
    else:
        _show(found)


def _show(found: tuple[Answering, ...]) -> None:
    from mcuq.report.tables import new_table

    table = new_table("port", "board", "model", "hash", "firmware", "baud>", "remark", overflow="fold")
    for answering in found:
        hello = answering.hello
        who = (
            ("", "", "", "") if hello is None else (hello.board, hello.model, hello.model_hash, hello.firmware_version)
        )
        remark = answering.problem or answering.port.description
        table.add_row(answering.port.path, *who, str(answering.baud) if hello is not None else "", remark)
    terminal.show(table)


def _document(answering: Answering) -> dict[str, Any]:
    hello = answering.hello
    return asdict(answering.port) | {
        "baud": answering.baud if hello is not None else None,
        "board": None if hello is None else hello.board,
        "model": None if hello is None else hello.model,
        "model_hash": None if hello is None else hello.model_hash,
        "firmware_version": None if hello is None else hello.firmware_version,
        "problem": answering.problem or None,
    }
