"""`mcuq diff`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from mcuq.cli import terminal
from mcuq.errors import InvalidProject


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A JSON file of run, eval, profile or build; or a build.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The same kind of file or folder, from another version.")],
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", metavar="FILE", help="Write a table for a pull request; - is standard output."),
    ] = None,
    max_worse: Annotated[
        float | None,
        typer.Option(
            "--max-worse", metavar="PERCENT", min=0, help="End with exit status 1 where a figure is worse by more."
        ),
    ] = None,
) -> None:
    """Compare two results: what changed, by how much, for better or worse.

    OLD and NEW are what `--json` of run, eval, compare, quantize or profile wrote, a build.json, or folders of builds.
    """
    from mcuq.report.changes import changes, changes_table, identity_changes
    from mcuq.report.changes import markdown as as_markdown

    before, after = _document(old), _document(new)
    found, different = changes(before, after), identity_changes(before, after)
    if not found:
        raise InvalidProject(f"{old} and {new} have no figure in common; compare results of the same verb")
    to_stderr = markdown == terminal.STANDARD_OUTPUT
    for sentence in different:
        terminal.warn(f"not the same {sentence}")
    terminal.show(changes_table(found), stderr=to_stderr)
    if markdown is not None:
        terminal.write_text(markdown, as_markdown(f"{after.get('model', new)}", found, different))
    broken = [c for c in found if max_worse is not None and c.worse_percent > max_worse]
    for change in broken:
        terminal.error(
            f"--max-worse: {change.figure.name} is {change.worse_percent:.2f} % worse, allowed {max_worse} %"
        )
    if broken:
        raise typer.Exit(terminal.GATE_FAILED)


def _document(path: Path) -> dict[str, Any]:
    """The JSON object in a file, or in the build.json of a folder."""
    file = path / "build.json" if path.is_dir() else path
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InvalidProject(f"{file} does not exist; write it with --json, or name the folder of a build") from error
    except ValueError as error:
        raise InvalidProject(f"{file} is not JSON ({error}); name what --json wrote") from error
    if not isinstance(document, dict):
        raise InvalidProject(f"{file} holds no JSON object; name what --json wrote")
    return document
