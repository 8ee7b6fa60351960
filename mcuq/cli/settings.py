"""From the command line and mcuq.toml to what a verb works on: model, board, name, folder."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mcuq.errors import InvalidBoard, InvalidProject

if TYPE_CHECKING:
    from mcuq.artifacts import Goal
    from mcuq.boards import Board
    from mcuq.project import Gates, Options, Project


@dataclass(frozen=True, slots=True)
class Settings:
    """What the project of the current folder says, overridden by what the command line says."""

    project: Project
    model: Path | None
    board_name: str | None
    name: str | None
    options: Options

    def required_model(self, verb: str) -> Path:
        """The model file; InvalidProject says what to do where there is none."""
        if self.model is None:
            raise InvalidProject(
                "there is no model: neither on the command line nor in ./mcuq.toml; "
                f"name one, for instance `mcuq {verb} model.tflite`, or write a project with `mcuq init model.tflite`"
            )
        return self.model

    def board(self) -> Board | None:
        """The board, None where none was named; raises InvalidBoard."""
        return None if self.board_name is None else board_named(self.board_name)

    def board_file(self) -> Path | None:
        """The board's own file, where it was named by its path."""
        named = self.board_name
        return Path(named) if named is not None and named.endswith(".toml") else None

    def required_board(self) -> Board:
        """The board; InvalidProject says what to do where none was named."""
        board = self.board()
        if board is None:
            raise InvalidProject(
                "there is no board: neither --board nor `board` in ./mcuq.toml; "
                "add for instance --board cortex-m4 (`mcuq boards` lists them all)"
            )
        return board

    def goal(self, max_flash: int | None, max_ram: int | None, *, enforced: bool = True) -> Goal:
        """What kernels are chosen for, under limits in bytes; those of the project's gates where none is said."""
        from mcuq.artifacts import Goal

        said = self.project.gates
        return Goal(
            self.options.optimize,
            said.max_flash if max_flash is None else max_flash,
            said.max_ram if max_ram is None else max_ram,
            self.options.tune,
            self.options.ram_constants,
            self.options.energy_pin,
            self.options.monitors,
            enforced,
        )

    def required_data(self, given: Path | None) -> Path:
        """The .npz of a validation run."""
        return self.required_data_list(None if given is None else [given])[0]

    def required_data_list(self, given: list[Path] | None) -> list[Path]:
        """The data of an evaluation, one path or several."""
        if given:
            return given
        if self.project.data is None:
            raise InvalidProject(
                "there are no data: neither --data nor `data` in ./mcuq.toml; "
                "add --data test.npz with inputs `x` and, for accuracy, labels `y`"
            )
        return [Path(self.project.data)]


def settings(
    model: Path | None = None,
    board: str | None = None,
    name: str | None = None,
    compiler: str | None = None,
    keep_inputs: bool | None = None,
    output: Path | None = None,
    link: str | None = None,
    count_samples: int | None = None,
    remove_dead_channels: bool | None = None,
    optimize: str | None = None,
    tune: bool | None = None,
    ram_constants: str | None = None,
    energy_pin: bool | None = None,
    monitors: bool | None = None,
) -> Settings:
    """The settings of one command; None is what the command line does not say. Raises InvalidProject."""
    from mcuq.project import Project, read_project

    project = read_project(Path()) or Project()
    project_model = None if project.model is None else Path(project.model)
    # The project's name is its own model's name, not another's.
    project_name = project.name if model is None or model == project_model else None
    said = {
        "compiler": compiler,
        "keep_inputs": keep_inputs,
        "output": None if output is None else str(output),
        "link": link,
        "count_samples": count_samples,
        "remove_dead_channels": remove_dead_channels,
        "optimize": _objective(optimize),
        "tune": tune,
        "ram_constants": ram_constants,
        "energy_pin": energy_pin,
        "monitors": monitors,
    }
    options = replace(project.options, **{key: value for key, value in said.items() if value is not None})  # type: ignore[arg-type]
    return Settings(project, model or project_model, board or project.board, name or project_name, options)


def _objective(said: str | None) -> str | None:
    """What --optimize says; raises InvalidProject for what it cannot."""
    from mcuq.artifacts import OBJECTIVES

    if said is not None and said not in OBJECTIVES:
        raise InvalidProject(f"--optimize takes {', '.join(OBJECTIVES)}, not '{said}'")
    return said


def gates(project: Project, **said: float | bool | None) -> Gates:
    """The project's gates, overridden by those that the command line says."""
    known = {field.name for field in fields(project.gates)}
    return replace(
        project.gates,
        **{key: value for key, value in said.items() if key in known and value is not None},  # type: ignore[arg-type]
    )


def board_named(name_or_path: str) -> Board:
    """The board of that name or file; raises InvalidBoard."""
    from mcuq import pipeline

    return pipeline.find_board(name_or_path)


def check_link(board: Board, link: str | None) -> None:
    """Raise InvalidBoard, before anything is built, when the board has no such link."""
    if link == "gdb" and not board.is_host:
        return
    if link is not None and link not in board.links:
        raise InvalidBoard(f"board '{board.name}' has no link '{link}'; it has {', '.join(board.links)}")


def build_folder(options: Options, name: str, board: Board) -> Path:
    """Where a build goes: -o, `output` of the project, or build/<name>-<board>."""
    return Path(options.output) if options.output else Path("build") / f"{name}-{board.name}"
