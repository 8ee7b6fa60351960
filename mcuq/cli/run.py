"""`mcuq run`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mcuq.cli import terminal
from mcuq.cli.arguments import (
    BoardOption,
    CompilerOption,
    EnergyPinOption,
    JsonFileOption,
    KeepInputsOption,
    LinkOption,
    NameOption,
    OpOption,
    OptimizeOption,
    RamConstantsOption,
    RemoveDeadChannelsOption,
    TuneOption,
)
from mcuq.cli.build import build_model
from mcuq.cli.data import PerturbOption, perturbations
from mcuq.cli.settings import Settings, board_named, check_link, gates, settings
from mcuq.errors import InvalidProject

if TYPE_CHECKING:
    from mcuq.artifacts import Build, Goal, Measurement
    from mcuq.perturb import Perturbation
    from mcuq.pipeline import EnergyMonitor, GdbOptions
    from mcuq.project import Gates

_GATES = "Gates (a failed one is exit status 1)"


def _check_shell_words(text: str | None) -> str | None:
    try:
        shlex.split(text or "")
    except ValueError as error:
        raise typer.BadParameter(f"{error}: {text!r}") from error
    return text


PortOption = Annotated[
    str | None,
    typer.Option("--port", metavar="PORT", help="The board itself, on this serial port or socket://host:port."),
]
_GDB = "A chip behind a GDB server (--link gdb)"
GdbOption = Annotated[
    str | None,
    typer.Option("--gdb", metavar="HOST:PORT", help="The server; without it QEMU is started.", rich_help_panel=_GDB),
]
GdbElfOption = Annotated[
    Path | None,
    typer.Option("--gdb-elf", metavar="FILE", help="Your own program, with the model in it.", rich_help_panel=_GDB),
]
GdbAttachOption = Annotated[
    bool,
    typer.Option("--gdb-attach", help="Use the program where it stands and put everything back.", rich_help_panel=_GDB),
]
GdbLoadOption = Annotated[
    bool, typer.Option("--gdb-load", help="Write the program where the chip holds another.", rich_help_panel=_GDB)
]
GdbArenaOption = Annotated[
    str | None,
    typer.Option("--gdb-arena", metavar="SYMBOL", help="The arena in your program: arena.", rich_help_panel=_GDB),
]
GdbMonitorOption = Annotated[
    list[str] | None,
    typer.Option(
        "--gdb-monitor", metavar="COMMAND", help="First, to the server, as `reset halt`.", rich_help_panel=_GDB
    ),
]
BaudOption = Annotated[
    int | None,
    typer.Option("--baud", metavar="N", min=50, help="The speed of the port; else the board's."),
]


def run(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL|DIR", help="A model file, or the folder of a build; the model in mcuq.toml when left out."
        ),
    ] = None,
    board: BoardOption = None,
    data: Annotated[
        Path | None, typer.Option("--data", "-d", metavar="FILE.npz", help="Inputs `x`, labels `y` (optional).")
    ] = None,
    link: LinkOption = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Only the first N samples.")] = None,
    per_step: Annotated[bool, typer.Option("--per-step", help="Compare, count and list every step.")] = False,
    per_class: Annotated[
        bool,
        typer.Option("--per-class", help="Also print recall and precision of each class, and what was taken for what."),
    ] = False,
    count_samples: Annotated[
        int | None, typer.Option("--count-samples", metavar="N", min=1, help="On how many samples to count: 3.")
    ] = None,
    json: JsonFileOption = None,
    qemu_args: Annotated[
        str | None,
        typer.Option(
            "--qemu-args", metavar="ARGS", callback=_check_shell_words, help="Appended to QEMU's command line."
        ),
    ] = None,
    port: PortOption = None,
    baud: BaudOption = None,
    supply: Annotated[
        str | None,
        typer.Option("--supply", metavar="NAME", help="Estimate energy, as of stm32l4r5-ldo-1v8 (from cycles)."),
    ] = None,
    warm_up: Annotated[
        int, typer.Option("--warm-up", metavar="N", min=0, help="Inferences before those that are counted.")
    ] = 0,
    soak: Annotated[
        float | None,
        typer.Option(
            "--soak",
            metavar="SECONDS",
            min=0.1,
            help="Infer for so long: temperature, supply and clock where the chip tells them, drift, throttling.",
        ),
    ] = None,
    energy_monitor: Annotated[
        str | None,
        typer.Option(
            "--energy-monitor",
            metavar="ppk2[:PORT]",
            help="Measure the energy of inferences with an instrument, of a build with --energy-pin.",
        ),
    ] = None,
    supply_mv: Annotated[
        int, typer.Option("--supply-mv", metavar="MV", min=800, max=5000, help="What feeds the board through it.")
    ] = 3300,
    gdb: GdbOption = None,
    gdb_elf: GdbElfOption = None,
    gdb_attach: GdbAttachOption = False,
    gdb_load: GdbLoadOption = False,
    gdb_arena: GdbArenaOption = None,
    gdb_monitor: GdbMonitorOption = None,
    flash: Annotated[
        bool, typer.Option("--flash", help="With --port: write the firmware into the board first, as `mcuq flash`.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the last run of the same build on the same data was ended.")
    ] = False,
    perturb: PerturbOption = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the gates to FILE as JUnit XML, for CI.")
    ] = None,
    name: NameOption = None,
    compiler: CompilerOption = None,
    keep_inputs: KeepInputsOption = None,
    remove_dead_channels: RemoveDeadChannelsOption = None,
    optimize: OptimizeOption = None,
    tune: TuneOption = None,
    ram_constants: RamConstantsOption = None,
    energy_pin: EnergyPinOption = None,
    min_accuracy: Annotated[
        float | None,
        typer.Option("--min-accuracy", metavar="0..1", min=0, max=1, help="Least accuracy.", rich_help_panel=_GATES),
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            "--max-drop",
            metavar="POINTS",
            min=0,
            help="Most percentage points of accuracy below the reference.",
            rich_help_panel=_GATES,
        ),
    ] = None,
    max_latency_ms: Annotated[
        float | None,
        typer.Option("--max-latency-ms", metavar="MS", min=0, help="Greatest latency counted.", rich_help_panel=_GATES),
    ] = None,
    deadline_ms: Annotated[
        float | None,
        typer.Option("--deadline-ms", metavar="MS", min=0, help="No run may take longer.", rich_help_panel=_GATES),
    ] = None,
    max_cycles: Annotated[
        int | None,
        typer.Option("--max-cycles", metavar="N", min=0, help="Most core cycles counted.", rich_help_panel=_GATES),
    ] = None,
    max_ram: Annotated[
        int | None,
        typer.Option("--max-ram", metavar="BYTES", min=0, help="Arena + static + stack.", rich_help_panel=_GATES),
    ] = None,
    max_flash: Annotated[
        int | None,
        typer.Option("--max-flash", metavar="BYTES", min=0, help="Constants + code.", rich_help_panel=_GATES),
    ] = None,
    max_temp: Annotated[
        float | None,
        typer.Option("--max-temp", metavar="C", help="Hottest die of a --soak.", rich_help_panel=_GATES),
    ] = None,
    bit_exact: Annotated[
        bool | None,
        typer.Option("--bit-exact/--no-bit-exact", help="Every byte as the reference.", rich_help_panel=_GATES),
    ] = None,
    op: OpOption = None,
) -> None:
    """Run a model on its board and judge it: accuracy, agreement with the reference, latency, RAM, flash.

    Feeds every sample over the serial protocol. A model file is built first; the folder of a build is run as it is.
    Answers are kept beside the build as they come (results-*.jsonl), for --resume. With --port: on the board itself.
    """
    link = serial_link(link, port, baud)
    debugger = gdb_options(link, gdb, gdb_elf, gdb_attach, gdb_load, gdb_arena, gdb_monitor)
    link = link if debugger is None else "gdb"
    if flash and port is None:
        raise InvalidProject("--flash writes to the board that --port measures; name its port, `mcuq ports` lists them")
    given = settings(
        model,
        board,
        name,
        compiler,
        keep_inputs,
        link=link,
        count_samples=count_samples,
        remove_dead_channels=remove_dead_channels,
        optimize=optimize,
        tune=tune,
        ram_constants=ram_constants,
        energy_pin=energy_pin,
    )
    limits = gates(
        given.project,
        min_accuracy=min_accuracy,
        max_drop=max_drop,
        max_latency_ms=max_latency_ms,
        deadline_ms=deadline_ms,
        max_cycles=max_cycles,
        max_ram=max_ram,
        max_flash=max_flash,
        max_temp=max_temp,
        bit_exact=bit_exact,
    )
    path = given.required_data(data)
    of_build: dict[str, object] = {"--name": name, "--compiler": compiler, "--keep-inputs": keep_inputs}
    of_build |= {"--remove-dead-channels": remove_dead_channels, "--optimize": optimize, "--tune": tune}
    of_build |= {"--ram-constants": ram_constants, "--energy-pin": energy_pin}
    refuse_options_of_build(model, of_build)
    made = built_or_opened(model, board, given, link, given.goal(max_flash, max_ram, enforced=False))
    if flash:
        from mcuq.cli.flash import flash_build

        flash_build(made, None, None, port, baud)
    measurement = measure(
        made,
        path,
        given,
        limit=limit,
        per_step=per_step,
        qemu_args=qemu_args,
        port=port,
        baud=baud,
        gdb=debugger,
        supply=supply,
        warm_up=warm_up,
        soak_s=soak or 0.0,
        energy_monitor=None if energy_monitor is None else monitor_of(energy_monitor, supply_mv),
        keep_results=True,
        resume=resume,
        perturb=perturbations(perturb),
    )
    conclude(measurement, limits, per_step, json, junit, per_class=per_class)


def serial_link(link: str | None, port: str | None, baud: int | None) -> str | None:
    """The link that --link and --port ask for together; raises InvalidProject where they contradict each other."""
    if port is not None and link not in (None, "serial"):
        raise InvalidProject(f"--port is a board on a serial port, and --link {link} is none; leave one of them out")
    if port is None and baud is not None:
        raise InvalidProject("--baud is the speed of a serial port; name the port with --port, `mcuq ports` lists them")
    return link if port is None else "serial"


def gdb_options(
    link: str | None,
    address: str | None,
    elf: Path | None,
    attach: bool,
    load: bool,
    arena: str | None,
    monitor: list[str] | None,
) -> GdbOptions | None:
    """What the --gdb options say together, None where they say nothing; raises InvalidProject for another link."""
    if not (address or elf or attach or load or arena or monitor):
        return None
    if link not in (None, "gdb"):
        raise InvalidProject(f"--gdb options are of --link gdb, and --link {link} is another; leave one of them out")
    from mcuq.pipeline import GdbOptions

    return GdbOptions(address, elf, attach, load, arena or "arena", tuple(monitor or ()))


def monitor_of(said: str, supply_mv: int) -> EnergyMonitor:
    """The instrument that --energy-monitor names; raises InvalidProject."""
    from mcuq import pipeline

    return pipeline.monitor_named(said, supply_mv)


def measure(
    made: Build,
    data: Path,
    given: Settings,
    *,
    limit: int | None = None,
    per_step: bool = False,
    qemu_args: str | None = None,
    port: str | None = None,
    baud: int | None = None,
    gdb: GdbOptions | None = None,
    supply: str | None = None,
    warm_up: int = 0,
    soak_s: float = 0.0,
    energy_monitor: EnergyMonitor | None = None,
    keep_results: bool = False,
    resume: bool = False,
    perturb: Sequence[Perturbation] = (),
) -> Measurement:
    """Run a build on the samples of `data`."""
    from mcuq import pipeline

    samples = pipeline.load_samples(data, made.graph, limit)
    with terminal.progress(f"running on {made.board.name}") as update:
        return pipeline.run(
            made,
            samples,
            link=given.options.link,
            limit=limit,
            per_step=per_step,
            count_samples=given.options.count_samples,
            qemu_args=qemu_args,
            port=port,
            baud=baud,
            gdb=gdb,
            supply=supply,
            warm_up=warm_up,
            soak_s=soak_s,
            energy_monitor=energy_monitor,
            keep_results=keep_results,
            resume=resume,
            perturbations=perturb,
            progress=update,
        )


def conclude(
    measurement: Measurement,
    limits: Gates,
    per_step: bool = False,
    json: Path | None = None,
    junit: Path | None = None,
    *,
    per_class: bool = False,
) -> None:
    """Show the verdict, write it, and end with exit status 1 where a gate failed."""
    from mcuq.report import failed_gates, measurement_to_json
    from mcuq.report.evaluation_tables import robustness_table
    from mcuq.report.tables import classes_table, measured_steps_table, soak_table, verdict_table

    to_stderr = json == terminal.STANDARD_OUTPUT
    if per_step:
        terminal.show(measured_steps_table(measurement), stderr=to_stderr)
    terminal.show(verdict_table(measurement), stderr=to_stderr)
    if per_class and measurement.scores is not None and measurement.scores.classes:
        terminal.show(classes_table(measurement.scores), stderr=to_stderr)
    elif per_class:
        terminal.warn("--per-class: the data have no labels, or the model is no classifier of at most 100 classes")
    if measurement.soak is not None:
        terminal.show(soak_table(measurement.soak), stderr=to_stderr)
    if measurement.robustness:
        terminal.show(robustness_table(measurement.robustness), stderr=to_stderr)
    if json is not None:
        terminal.write_json(json, measurement_to_json(measurement))
    if junit is not None:
        from mcuq.report.junit import junit as as_junit

        terminal.write_text(junit, as_junit(measurement, limits))
    failed = failed_gates(measurement, limits)
    for sentence in failed:
        terminal.error(f"gate failed: {sentence}")
    if failed:
        raise typer.Exit(terminal.GATE_FAILED)


def built_or_opened(
    model: Path | None, board: str | None, given: Settings, link: str | None = None, goal: Goal | None = None
) -> Build:
    """The build in the folder `model`, which must be of the board that was asked for; else what the settings say."""
    return opened_build(model, board, link) if model is not None and model.is_dir() else _built(given, goal)


def refuse_options_of_build(model: Path | None, said: Mapping[str, object]) -> None:
    """Raise InvalidProject where options that only a build heeds are given for a folder that is built already."""
    given = [option for option, value in said.items() if value is not None]
    if given and model is not None and model.is_dir():
        raise InvalidProject(f"{model} is built already, so {', '.join(given)} cannot be heeded; name the model file")


def _built(given: Settings, goal: Goal | None) -> Build:
    check_link(given.required_board(), given.options.link)
    return build_model(given, goal=goal)


def opened_build(folder: Path, board: str | None, link: str | None) -> Build:
    """The build in `folder`; it must be of the board that was asked for."""
    from mcuq import pipeline

    made = pipeline.open_build(folder)
    if board is not None and board_named(board).name != made.board.name:
        raise InvalidProject(
            f"{folder} was built for board '{made.board.name}', not '{board}'; "
            f"leave --board out, or build it with `mcuq build --board {board}`"
        )
    check_link(made.board, link)
    return made
