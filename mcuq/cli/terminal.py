"""What the user sees: text, tables, errors, progress on a terminal; and files that appear when they are whole."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

GATE_FAILED = 1
USER_ERROR = 2
INTERRUPTED = 130

STANDARD_OUTPUT = Path("-")
_PIPE_WIDTH = 240  # where there is no terminal, nothing needs to be cut


def prepare() -> None:
    """Characters that the terminal cannot show are replaced and never raise; a closed stream swallows everything."""
    sys.stdout = sys.stdout or io.StringIO()
    sys.stderr = sys.stderr or io.StringIO()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def say(text: str = "") -> None:
    """A line on standard output, as it is: not wrapped, not styled."""
    sys.stdout.write(f"{text}\n")


def error(text: str) -> None:
    """An error message on standard error."""
    from rich.text import Text

    console = _console(stderr=True)
    console.print(Text.assemble(("error:", "bold red"), f" {text}"), soft_wrap=True)


def warn(text: str) -> None:
    """A warning on standard error: nothing failed, but something looks wrong."""
    from rich.text import Text

    console = _console(stderr=True)
    console.print(Text.assemble(("warning:", "bold yellow"), f" {text}"), soft_wrap=True)


def show(*renderables: Any, stderr: bool = False) -> None:
    """Tables and pictures, each followed by an empty line."""
    console = _console(stderr)
    for renderable in renderables:
        console.print(renderable)
        console.print()


def show_heading(text: str, stderr: bool = False) -> None:
    """A heading over a table."""
    from rich.text import Text

    _console(stderr).print(Text(text, style="bold"), soft_wrap=True)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, where that is a terminal; yields `update(done, total)`."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def stages(what: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar whose text changes, where standard error is a terminal; yields `update(text, done, total)`."""
    if not sys.stderr.isatty():
        yield lambda text, done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=_console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def update(text: str, done: int, total: int) -> None:
            bar.update(task, description=text[:60], completed=done, total=total or None)

        yield update


@contextmanager
def working(what: str) -> Iterator[None]:
    """A spinner on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    with _console(stderr=True).status(what):
        yield


def write_json(path: Path, document: Any) -> None:
    """The document as JSON in the file `path`, which changes when it is whole; `-` is standard output."""
    write_text(path, json.dumps(document, indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """The text in the file `path`, which changes when it is whole; `-` is standard output."""
    if path == STANDARD_OUTPUT:
        sys.stdout.write(text)
    elif path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")  # a device or a pipe cannot be replaced
    else:
        waiting = path.with_name(f".{path.name}.part")
        waiting.write_text(text, encoding="utf-8")
        waiting.replace(path)


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else _PIPE_WIDTH, highlight=False, emoji=False)
