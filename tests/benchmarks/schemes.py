"""Every scheme on the simulator: what each recipe does to accuracy, speed, RAM and flash of three networks.

    python tests/benchmarks/schemes.py                         # the table
    python tests/benchmarks/schemes.py --model ic --recipe int8 --recipe int4

Each float network is quantized on 200 samples and evaluated on all others by the generated C on this computer; its
firmware runs on the simulator over the first of them, where every answer is compared with the reference. KWS and
UCI HAR need the folder that MCUQ_ZOO names.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich import box
from rich.console import Console
from rich.table import Table

if __package__ in (None, ""):  # run as a program
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mcuq import demo, pipeline
from mcuq.artifacts import Measurement
from mcuq.ir import Graph
from tests.benchmarks import datasets, quantizers

BOARD = "cortex-m4"
RECIPES = ("int8", "int4", "int4-mixed", "int8-q", "int16x8", "dynamic", "weights8", "float16", "float")
CALIBRATION_SAMPLES = 200
DEVICE_SAMPLES = 50
# When int4 is worth its unpacking: so much less flash than int8, at no more than so many times its cycles.
FLASH_SAVED = 0.45
CYCLES_ALLOWED = 1.2

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Subject:
    """A float network with what calibrates it and what it is measured on, [samples, *shape] each."""

    name: str
    graph: Graph
    calibration: Floats
    inputs: Floats
    labels: npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Row:
    """One recipe on one network: accuracy and `agreement` with the float network, one inference on the simulator.

    `check`: what became of the answers that the simulator gave, against the reference.
    """

    model: str
    recipe: str
    accuracy: float
    agreement: float
    instructions: int
    cycles: int
    moved_bytes: int
    ram_bytes: int
    flash_bytes: int
    constant_bytes: int
    check: str
    compiler: str = ""


def digits() -> Subject:
    """The demo's network, which comes with its data."""
    with np.load(demo.data_path()) as file:
        x, y = file["x"], file["y"]
    graph = pipeline.load(demo.float_model_path())
    return Subject("DIGITS", graph, x[:CALIBRATION_SAMPLES], x[CALIBRATION_SAMPLES:], y[CALIBRATION_SAMPLES:])


def kws(zoo: Path) -> Subject:
    """DS-CNN: the first 200 samples of kws01 calibrate, the other 800 are measured on."""
    with np.load(zoo / "data/kws01.npz") as file, np.load(zoo / "goldens/kws_ref_float_on_kws01.npz") as scales:
        real = (file["inputs"].astype(np.float32) - int(scales["in_zero_point"])) * np.float32(scales["in_scale"])
        labels = file["labels"]
    x = real.reshape(-1, 49, 10, 1)
    graph = pipeline.load(zoo / "models/kws_ref_float.tflite")
    return Subject("KWS", graph, x[:CALIBRATION_SAMPLES], x[CALIBRATION_SAMPLES:], labels[CALIBRATION_SAMPLES:])


def uci_har(zoo: Path) -> Subject:
    """A one-dimensional convolutional network trained here; the people it is measured on are others."""
    data = datasets.uci_har(zoo)
    graph = pipeline.load(Path(__file__).parent / "models/uci_har_float.tflite")
    chosen = np.random.default_rng(0).permutation(len(data.x_train))[:CALIBRATION_SAMPLES]
    return Subject("UCI HAR", graph, data.x_train[chosen], data.x_test, data.y_test)


def ic(zoo: Path) -> Subject:
    """The MLPerf Tiny image classifier, the largest: on request only."""
    task = quantizers.ic(zoo, CALIBRATION_SAMPLES)
    return Subject("IC", task.graph, task.calibration, task.inputs, task.labels)


ZOO_SUBJECTS: dict[str, Callable[[Path], Subject]] = {"kws": kws, "uci_har": uci_har, "ic": ic}
SHOWN = ("digits", "kws", "uci_har")


def subjects(names: Iterable[str] = SHOWN) -> Iterator[Subject]:
    """The networks of those names; without a folder of data only the demo's."""
    zoo = os.environ.get("MCUQ_ZOO")
    for name in names:
        if name == "digits":
            yield digits()
        elif zoo is not None:
            yield ZOO_SUBJECTS[name](Path(zoo))


def measured(subject: Subject, recipe: str) -> Row:
    """The network in that recipe: evaluated on all samples, built, run on the simulator over some, one profiled.

    Raises AssertionError where an answer is not the reference's (float: not within its tolerance).
    """
    graph = pipeline.quantize(subject.graph, subject.calibration, recipe, samples=len(subject.calibration)).graph
    fed = {"x": subject.inputs, "y": subject.labels}
    samples = pipeline.load_samples(fed, graph)
    with tempfile.TemporaryDirectory(prefix="mcuq-schemes-") as folder:
        built = pipeline.build(graph, pipeline.find_board(BOARD), Path(folder), name="scheme")
        found = pipeline.run(built, samples.take(slice(0, DEVICE_SAMPLES)), count_samples=0)
        assert found.first_difference is None, f"{subject.name} in {recipe}: {found.first_difference}"
        profile = pipeline.profile(built, samples.take(slice(0, 1)))
    compared = pipeline.compare(graph, subject.graph, fed)
    assert compared.model.accuracy is not None
    return Row(
        model=subject.name,
        recipe=recipe,
        accuracy=compared.model.accuracy,
        agreement=compared.agreement,
        instructions=profile.cost.instructions,
        cycles=round(profile.cost.cycles),
        moved_bytes=profile.cost.moved_bytes,
        ram_bytes=profile.ram_bytes,
        flash_bytes=built.image.flash_bytes,
        constant_bytes=built.image.constant_bytes,
        check=_check(found),
        compiler=built.image.compiler,
    )


def _check(found: Measurement) -> str:
    return f"{found.samples} bit-exact" if found.bit_exact else f"{found.samples} within {found.max_error:.0e}"


def verdict(int8: Row, int4: Row) -> str:
    """Whether int4 wins: `FLASH_SAVED` less flash than int8 at no more than `CYCLES_ALLOWED` times its cycles."""
    saved, slower = 1 - int4.flash_bytes / int8.flash_bytes, int4.cycles / int8.cycles
    constants = 1 - int4.constant_bytes / int8.constant_bytes
    wins = round(saved, 9) >= FLASH_SAVED and slower <= CYCLES_ALLOWED
    return (
        f"{int4.model}: {int4.recipe} {'wins' if wins else 'loses'}: {100 * saved:.1f} % less flash than int8 "
        f"({100 * constants:.1f} % less constants) at {slower:.2f} times its cycles; "
        f"to win it takes {100 * FLASH_SAVED:.0f} % at {CYCLES_ALLOWED} times"
    )


def verdicts(rows: Iterable[Row]) -> Iterator[str]:
    """A sentence for every network that was measured in both widths."""
    found = {(row.model, row.recipe): row for row in rows}
    for (model, recipe), row in found.items():
        if recipe == "int4" and (model, "int8") in found:
            yield verdict(found[model, "int8"], row)


def table(rows: list[Row]) -> Table:
    """The rows for people; cycles are those of the core without wait states."""
    compilers = ", ".join(dict.fromkeys(row.compiler for row in rows))
    made = Table(
        title=f"every scheme on {BOARD} (simulator), {compilers}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    headers = ("model", "recipe", "accuracy", "as float", "instructions", "cycles", "x int8", "bytes moved")
    for header in (*headers, "RAM", "flash", "constants", "on the device"):
        is_text = header in ("model", "recipe", "on the device")
        made.add_column(header, justify="left" if is_text else "right", no_wrap=True)
    int8 = {row.model: row.cycles for row in rows if row.recipe == "int8"}
    last = ""
    for row in rows:
        if row.model != last:
            made.add_section()
        made.add_row(*_cells(row, row.model if row.model != last else "", int8.get(row.model)))
        last = row.model
    return made


def _cells(row: Row, model: str, int8_cycles: int | None) -> tuple[str, ...]:
    return (
        model,
        row.recipe,
        f"{100 * row.accuracy:.2f} %",
        f"{100 * row.agreement:.2f} %",
        f"{row.instructions:,}",
        f"{row.cycles:,}",
        f"{row.cycles / int8_cycles:.2f}" if int8_cycles else "-",
        f"{row.moved_bytes:,}",
        f"{row.ram_bytes:,}",
        f"{row.flash_bytes:,}",
        f"{row.constant_bytes:,}",
        row.check,
    )


def show(console: Console, models: Iterable[str], recipes: Iterable[str]) -> None:
    """Measure and print."""
    chosen = tuple(recipes)
    rows = [measured(subject, recipe) for subject in subjects(models) for recipe in chosen]
    console.print(table(rows))
    for sentence in verdicts(rows):
        console.print(sentence)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", action="append", choices=("digits", *ZOO_SUBJECTS), help="may be repeated")
    parser.add_argument("--recipe", action="append", help="a built-in recipe or a .toml file; may be repeated")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    show(console, options.model or SHOWN, options.recipe or RECIPES)


if __name__ == "__main__":
    main()
