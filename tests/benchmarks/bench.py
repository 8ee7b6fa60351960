"""Measures the reference models on the simulator and shows them beside what others need.

    python tests/benchmarks/bench.py                      # tables for every board
    python tests/benchmarks/bench.py --board cortex-m4    # for one
    python tests/benchmarks/bench.py --update             # rewrite figures.json

The models other than digits are looked for in the folder that MCUQ_ZOO names.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from mcuq import demo, pipeline
from mcuq.artifacts import Estimate, Profile
from mcuq.build import find_toolchain
from mcuq.errors import ToolMissing

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(__file__).resolve().parent
FIGURES = FOLDER / "figures.json"
PEERS = FOLDER / "peers.toml"
TOLERANCE = 0.01

# Name in the tables -> file in models/ of the zoo, without .tflite; digits comes with mcuq.
ZOO_MODELS = {
    "ic": "ic_resnet8_int8",
    "kws": "kws_ref_int8",
    "vww": "vww_mobilenet025_int8",
    "vww_live": "vww_mobilenet025_int8",
    "ad": "ad_toycar_int8",
}
MODELS = ("digits", *ZOO_MODELS)
GOALS = ("speed", "balanced", "size", "ram")
DEFAULT_GOAL = "balanced"
DENSE = ("vww",)  # measured with all channels, as others compute it; vww_live is what mcuq builds by default
# Board -> the memory model whose real board it stands for.
BOARDS = {"cortex-m4": "stm32l4r5", "cortex-m33": "stm32u575", "cortex-m0-large": "stm32g0b1"}
COMPILERS = ("gcc", "zig")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figures:
    """What figures.json holds of one model on one board with one compiler."""

    cycles: int
    instructions: int
    arena_bytes: int
    ram_bytes: int
    flash_code_bytes: int
    flash_bytes: int


def model_path(name: str) -> Path | None:
    """The model's file; None where it is absent."""
    if name == "digits":
        return demo.model_path()
    path = Path(os.environ.get("MCUQ_ZOO", "")) / "models" / f"{ZOO_MODELS[name]}.tflite"
    return path if "MCUQ_ZOO" in os.environ and path.is_file() else None


def measured(
    name: str, board: str, compiler: str | None = None, memory: str | None = None, goal: str = DEFAULT_GOAL
) -> Profile:
    """The model built for the board and profiled with one seeded random input; it must be there, and be right."""
    path = model_path(name)
    assert path is not None, name
    with tempfile.TemporaryDirectory(prefix="mcuq-bench-") as folder:
        graph = pipeline.load(path)
        built = pipeline.build(
            graph,
            pipeline.find_board(board),
            Path(folder),
            name=name,
            compiler=compiler,
            remove_dead_channels=name not in DENSE,
            goal=pipeline.Goal(goal),
        )
        samples = pipeline.random_samples(graph)
        assert pipeline.run(built, samples, count_samples=0).bit_exact, f"{name} on {board} for {goal} is not bit-exact"
        return pipeline.profile(built, samples, memory=memory)


def figures_of(profile: Profile) -> Figures:
    """The figures that are compared from commit to commit."""
    image = profile.build.image
    return Figures(
        cycles=round(profile.cost.cycles),
        instructions=profile.cost.instructions,
        arena_bytes=profile.build.plan.arena_bytes,
        ram_bytes=profile.ram_bytes,
        flash_code_bytes=image.code_bytes,
        flash_bytes=image.flash_bytes,
    )


def compilers_for(board: str) -> dict[str, str]:
    """Family and version of every compiler of COMPILERS that is installed."""
    found = {}
    for family in COMPILERS:
        try:
            found[family] = find_toolchain(pipeline.find_board(board), family).version
        except ToolMissing:
            continue
    return found


def key_of(board: str, version: str, name: str, goal: str = DEFAULT_GOAL) -> str:
    """The key in figures.json: figures are of one board, compiler, version, model and goal."""
    return f"{board}, {version}, {name}, {goal}"


def goals_of(board: str, family: str) -> tuple[str, ...]:
    """The goals whose figures are kept: all for the first board with the first compiler, the default elsewhere."""
    return GOALS if (board, family) == (next(iter(BOARDS)), COMPILERS[0]) else (DEFAULT_GOAL,)


def read_figures() -> dict[str, Figures]:
    """All figures that were committed."""
    if not FIGURES.is_file():
        return {}
    return {key: Figures(**values) for key, values in json.loads(FIGURES.read_text(encoding="utf-8")).items()}


def risen(old: Figures, new: Figures) -> list[str]:
    """One sentence for each figure that rose by more than the tolerance."""
    before, now = asdict(old), asdict(new)
    return [
        f"{field} rose from {before[field]:,} to {now[field]:,} ({now[field] / before[field] - 1:+.1%})"
        for field in before
        if now[field] > before[field] * (1 + TOLERANCE)
    ]


def update(console: Console, boards: Iterable[str]) -> None:
    """Measure everything that can be measured here, and rewrite figures.json; keys of others are kept."""
    figures = read_figures()
    for board in boards:
        for family, version in compilers_for(board).items():
            for name, goal in itertools.product(present_models(), goals_of(board, family)):
                key = key_of(board, version, name, goal)
                figures[key] = figures_of(measured(name, board, family, goal=goal))
                console.print(f"{key}: {figures[key].cycles:,} cycles")
    document = {key: asdict(figures[key]) for key in sorted(figures)}
    FIGURES.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def present_models() -> tuple[str, ...]:
    """The models whose files are there."""
    return tuple(name for name in MODELS if model_path(name) is not None)


def read_peers() -> Mapping[str, list[Row]]:
    """What others need: `emulated` and `silicon`."""
    peers: Mapping[str, list[Row]] = tomllib.loads(PEERS.read_text(encoding="utf-8"))
    return peers


Profiles = Mapping[str, Mapping[str, Profile]]  # of each model, for each goal


def emulated_table(board: str, profiles: Profiles) -> Table:
    """The core at zero wait states: mcuq for each goal, then everybody else; ratios are to mcuq for `speed`."""
    peers = [row for row in read_peers()["emulated"] if row["board"] == board]
    headers = ("model", "engine", "cycles", "per MAC", "instructions", "x mcuq", "RAM", "flash code", "constants", "")
    table = _table(f"{board}, zero wait states, {_compilers(profiles)}", headers)
    for name, goals in profiles.items():
        fastest = goals[GOALS[0]]
        table.add_section()
        for goal, profile in goals.items():
            table.add_row(*_mcuq_row(name if profile is fastest else "", goal, profile, fastest))
        for row in (row for row in peers if row["model"] == name.removesuffix("_live")):
            table.add_row(*_peer_row(row, fastest, figures_of(fastest)))
    return table


def _mcuq_row(name: str, goal: str, profile: Profile, fastest: Profile) -> tuple[str, ...]:
    figures = figures_of(profile)
    ratio = f"{figures.cycles / figures_of(fastest).cycles:.2f}"
    per_mac = f"{figures.cycles / profile.macs:.2f}"
    counts = (f"{figures.cycles:,}", per_mac, f"{figures.instructions:,}", ratio, f"{figures.ram_bytes:,}")
    flash = (f"{figures.flash_code_bytes:,}", f"{profile.build.image.constant_bytes:,}")
    return (name.upper(), f"mcuq {goal}", *counts, *flash, "bit-exact")


def _peer_row(row: Row, profile: Profile, figures: Figures) -> tuple[str, ...]:
    cycles, instructions = row.get("cycles"), row.get("instructions")
    ratio = cycles / figures.cycles if cycles else instructions / figures.instructions
    return (
        "",
        row["engine"],
        _count(cycles),
        f"{cycles / profile.macs:.2f}" if cycles else "-",
        _count(instructions),
        f"{ratio:.2f}",
        _count(row.get("ram_bytes")),
        _count(row.get("flash_code_bytes")),
        _count(row.get("flash_model_bytes")),
        row.get("note", ""),
    )


def silicon_table(memory: str, profiles: Profiles) -> Table:
    """mcuq's estimate for a real board, by the goal that is best there, beside cycles that were published for it."""
    peers = [row for row in read_peers()["silicon"] if row["memory"] == memory]
    headers = ("model", "engine", "board cycles", "x mcuq", "")
    table = _table(f"{memory}: estimate of mcuq, published cycles of others, {_compilers(profiles)}", headers)
    for name, goals in profiles.items():
        goal, estimate = min(_estimates(goals), key=lambda found: found[1].cycles.median)
        assert estimate.error is not None
        table.add_section()
        error = f"estimate, within {100 * estimate.error:.0f} %"
        table.add_row(name.upper(), f"mcuq {goal}", f"{estimate.cycles.median:,.0f}", "1.00", error)
        for row in (row for row in peers if row["model"] == name.removesuffix("_live")):
            ratio = f"{row['cycles'] / estimate.cycles.median:.2f}"
            table.add_row("", row["engine"], _count(row["cycles"]), ratio, row.get("note", ""))
    return table


def _estimates(goals: Mapping[str, Profile]) -> list[tuple[str, Estimate]]:
    return [(goal, profile.memory) for goal, profile in goals.items() if profile.memory is not None]


def _compilers(profiles: Profiles) -> str:
    every = [profile for goals in profiles.values() for profile in goals.values()]
    return ", ".join(dict.fromkeys(profile.build.image.compiler for profile in every))


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _table(title: str, headers: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        is_text = header in ("model", "engine", "")
        table.add_column(header, justify="left" if is_text else "right", no_wrap=True)
    return table


def tables(boards: Iterable[str]) -> Iterator[Table]:
    """Two tables a board."""
    for board in boards:
        memory = BOARDS[board]
        profiles = {
            name: {goal: measured(name, board, memory=memory, goal=goal) for goal in GOALS} for name in present_models()
        }
        yield emulated_table(board, profiles)
        yield silicon_table(memory, profiles)


def main() -> None:
    """Print the tables, or rewrite figures.json."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--board", action="append", choices=tuple(BOARDS), help="only this one; may be repeated")
    parser.add_argument("--update", action="store_true", help="rewrite figures.json in place of printing tables")
    arguments = parser.parse_args()
    boards = arguments.board or tuple(BOARDS)
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    missing = [name for name in MODELS if name not in present_models()]
    if missing:
        console.print(f"without {', '.join(missing)}: MCUQ_ZOO does not name a folder that has them")
    if arguments.update:
        update(console, boards)
        return
    for table in tables(boards):
        console.print(table)


if __name__ == "__main__":
    main()
