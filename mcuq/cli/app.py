"""All verbs together, and how errors end: 2 for what the user can mend, 130 when interrupted."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from mcuq.cli import terminal
from mcuq.cli.analyze import analyze
from mcuq.cli.boards import boards
from mcuq.cli.build import build
from mcuq.cli.codegen import codegen
from mcuq.cli.compare import compare
from mcuq.cli.demo import demo
from mcuq.cli.diff import diff
from mcuq.cli.doctor import doctor
from mcuq.cli.eval import eval
from mcuq.cli.flash import flash
from mcuq.cli.init import init
from mcuq.cli.inspect import inspect
from mcuq.cli.mlperf import mlperf
from mcuq.cli.monitor import monitor
from mcuq.cli.ports import ports
from mcuq.cli.profile import profile
from mcuq.cli.quantize import quantize
from mcuq.cli.recalibrate import recalibrate
from mcuq.cli.run import run
from mcuq.errors import McuqError

VERBS: tuple[Callable[..., None], ...] = (
    demo,
    inspect,
    quantize,
    build,
    run,
    mlperf,
    flash,
    monitor,
    recalibrate,
    eval,
    analyze,
    compare,
    profile,
    diff,
    codegen,
    init,
    boards,
    ports,
    doctor,
)


_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EEXIST, errno.ENOTDIR, errno.EISDIR)


class _Verbs(TyperGroup):
    """Turns the errors that users can mend into one line and exit status 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb that was asked for."""
        try:
            return super().invoke(ctx)
        except McuqError as error:
            terminal.error(str(error))
            raise typer.Exit(terminal.USER_ERROR) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            terminal.error(_explained(error))
            raise typer.Exit(terminal.USER_ERROR) from error
        except KeyboardInterrupt as error:
            terminal.error("interrupted")
            raise typer.Exit(terminal.INTERRUPTED) from error


def _explained(error: OSError) -> str:
    """The file (by the name that the user knows), what is wrong with it, and what to do."""
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, (str, bytes)) else None
    fact = error.strerror or str(error)
    hint = "; write to another place (--output, --json)" if error.errno in _NOT_WRITABLE else ""
    if path is None:
        return f"{fact}{hint}"
    name = path.name.removeprefix(".").removesuffix(".part") if path.name.endswith(".part") else path.name
    return f"'{path.with_name(name) if name else path}': {fact}{hint}"


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        terminal.say(f"mcuq {version('mcuq')}")
        raise typer.Exit


app = typer.Typer(
    name="mcuq",
    cls=_Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Neural networks on microcontrollers: plain C from an int8 model, and proof that it works on the device.

    `mcuq demo` shows everything at once. With a model of your own: `mcuq inspect`, `mcuq build`, `mcuq run`.
    """


def _help(verb: Callable[..., None]) -> str:
    """The docstring with its lines joined, so that it wraps at the width of the terminal."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in (verb.__doc__ or "").split("\n\n"))


for _verb in VERBS:
    app.command(help=_help(_verb))(_verb)


def _terminate(number: int, _frame: Any) -> NoReturn:
    # An exception, so that every link closes its device on the way out.
    sys.exit(128 + number)


def main() -> None:
    """Run the command line; never returns."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(ValueError):  # not in the main thread
            signal.signal(number, _terminate)
    terminal.prepare()
    app()
