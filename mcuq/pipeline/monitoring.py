"""What a deployed model counted in the field is read, judged, and becomes a proposal for another calibration."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from mcuq.artifacts import (
    Build,
    FieldLayer,
    FieldScore,
    MonitorMap,
    MonitorReading,
    Recalibration,
    Samples,
    ValueReading,
)
from mcuq.codegen.monitors import monitor_map
from mcuq.errors import DeviceError, InvalidData, InvalidProject
from mcuq.importers.data import Data, Preprocessing, load_samples
from mcuq.ir import Graph, Tensor
from mcuq.pipeline.evaluation import compare, real_inputs, stored_inputs
from mcuq.pipeline.firmware import BUILD_NAME, open_build
from mcuq.pipeline.quantization import CALIBRATION_SAMPLES, quantize, split_of
from mcuq.pipeline.validation import default_link, device_target, fault_map
from mcuq.quantize import Quantized, Recipe
from mcuq.quantize.field import drift_of, moved
from mcuq.run.client import Client
from mcuq.run.connect import client_on, connected
from mcuq.run.field import monitor_bytes, reading_of
from mcuq.run.links import open_link
from mcuq.run.serial import DEFAULT_BAUD, SerialLink
from mcuq.run.validate import warm

Array = npt.NDArray[Any]
NOTHING = Preprocessing()

_MAP: TypeAdapter[MonitorMap] = TypeAdapter(MonitorMap)
_READING: TypeAdapter[MonitorReading] = TypeAdapter(MonitorReading)
_WRITE_IT = "write it with `mcuq monitor DIR --json monitors.json`"


def watching(path: Path) -> tuple[MonitorMap, Build | None]:
    """What the counters of the model in a build folder, a folder of `codegen`, or a `*_monitors.json` mean.

    Raises InvalidProject where there are none.
    """
    if (path / BUILD_NAME).is_file():
        build = open_build(path)
        if not build.goal.monitors:
            raise InvalidProject(f"{path} was built without counters; run `mcuq build --monitors`")
        return monitor_map(build.schedule, build.name, build.sources.model_hash), build
    files = sorted(path.glob("*_monitors.json")) if path.is_dir() else [path]
    if len(files) != 1:
        found = f"{len(files)} files" if files else "no file"
        raise InvalidProject(f"{path} has {found} *_monitors.json, which `mcuq codegen --monitors` writes; name one")
    return _read(_MAP, files[0], "what counters mean", "name the folder of a build or of `mcuq codegen`"), None


def load_reading(path: Path) -> MonitorReading:
    """What `mcuq monitor --json` wrote; raises InvalidProject."""
    reading: MonitorReading = _read(_READING, path, "what a device counted", _WRITE_IT)
    return reading


def reading_to_json(reading: MonitorReading) -> dict[str, Any]:
    """The reading as a document that `load_reading` reads again."""
    return asdict(reading)


def _read(adapter: TypeAdapter[Any], path: Path, what: str, hint: str) -> Any:
    try:
        return adapter.validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidProject(f"{path}, which says {what}, cannot be read: {error.strerror or error}; {hint}") from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise InvalidProject(f"{path} does not say {what}: {str(error).splitlines()[0]}; {hint}") from error


def monitor(
    path: Path,
    *,
    dump: Path | None = None,
    link: str | None = None,
    port: str | None = None,
    baud: int | None = None,
    samples: Samples | None = None,
) -> MonitorReading:
    """What a device counted: read over its link, or from a file with the bytes of its `<name>_monitors_t`.

    An emulator starts with nothing counted: it infers `samples` first. Raises InvalidProject, DeviceError and its
    children, InvalidData.
    """
    meaning, build = watching(path)
    if dump is not None:
        return reading_of(dump.read_bytes(), meaning)
    with ExitStack() as open_things:
        if build is None:
            if port is None:
                raise InvalidProject(f"{path} is no build that could be started; add --port, or --dump with its bytes")
            serial = SerialLink(port, baud or DEFAULT_BAUD)
            serial.open()
            client = client_on(open_things.enter_context(closing(serial)))
            _refuse_another(client, meaning)
        else:
            kind = link or (default_link(build.board) if port is None else "serial")
            steps = len(build.schedule.steps)
            opened = open_link(kind, build.image, build.board, build.name, steps, None, port, baud)
            open_things.enter_context(closing(opened))
            target = device_target(build)
            client = connected(opened, target, fault_map(build).describe)
            if samples is not None:
                warm(client, target, samples, samples.count)
        return reading_of(client.read_monitors(monitor_bytes(meaning)), meaning)


def _refuse_another(client: Client, meaning: MonitorMap) -> None:
    hello = client.hello()
    if not meaning.model_hash.startswith(hello.model_hash):
        raise DeviceError(
            f"the device runs model '{hello.model}' ({hello.model_hash}), not {meaning.model_hash[:16]}; "
            "name the folder that was generated with it"
        )


def recalibrate(
    graph: Graph,
    reading: MonitorReading,
    data: Data,
    recipe: str | Path | Recipe = "int8",
    *,
    deployed: Graph | None = None,
    samples: int = CALIBRATION_SAMPLES,
    seed: int = 0,
    preprocessing: Preprocessing = NOTHING,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[Quantized, Recalibration]:
    """The float graph calibrated on the data and on the data moved to where the field's inputs lie.

    It is compared with `deployed` (the same recipe on the data as they are, when left out) on samples that calibrated
    neither, where there are such. Raises QuantizationFailed, InvalidData.
    """
    if not reading.inferences:
        raise InvalidData(f"the counters of {reading.name} are empty: no inference was counted")
    stored = load_samples(data, graph, None, preprocessing)
    reals = real_inputs(graph, stored)
    drifts = _drifts(graph, reading, reals)
    pairs = zip(graph.inputs, reals, strict=True)
    as_in_field = tuple(moved(array, drifts[name]) if name in drifts else array for name, array in pairs)
    field = Samples(as_in_field, stored.labels, f"{stored.source} as in the field")
    split = split_of(stored.count, samples, seed=seed)
    both = Samples.joined((stored.take(split.calibration), field.take(split.calibration)))
    before = deployed or quantize(graph, stored, recipe, samples=samples, seed=seed, progress=progress).graph
    after = quantize(graph, both, recipe, samples=both.count, seed=seed, progress=progress)
    rest = split.rest if split.is_held_out else split.calibration
    scores = [_score(which, graph, part.take(rest)) for part in (stored, field) for which in (before, after.graph)]
    found = Recalibration(
        recipe=after.report.recipe,
        samples=len(rest),
        inputs=tuple(drifts.values()),
        layers=tuple(_layer(value, reading, after.graph) for value in reading.values),
        before_on_data=scores[0],
        after_on_data=scores[1],
        before_in_field=scores[2],
        after_in_field=scores[3],
    )
    return after, found


def _drifts(graph: Graph, reading: MonitorReading, reals: tuple[Array, ...]) -> dict[str, Any]:
    """By the float graph's input; the deployed model may call its inputs otherwise, but has them in the same order."""
    if len(reading.inputs) not in (0, len(graph.inputs)):
        raise InvalidData(
            f"the counters are of a model with {len(reading.inputs)} inputs, and {graph.name} has {len(graph.inputs)}"
        )
    pairs = zip(graph.inputs, reading.inputs, reals, strict=False)
    return {name: drift_of(counted, array) for name, counted, array in pairs}


def _score(which: Graph, reference: Graph, samples: Samples) -> FieldScore:
    found = compare(which, reference, _as_reals(samples))
    return FieldScore(found.model.accuracy, found.agreement, found.sqnr_db)


def _as_reals(samples: Samples) -> Callable[[Graph], Samples]:
    """The samples, which are the float graph's, for whichever graph asks."""
    return lambda graph: stored_inputs(graph, samples.inputs, samples)


def _layer(reading: ValueReading, whole: MonitorReading, after: Graph) -> FieldLayer:
    watched = reading.watched
    low_share, high_share = reading.shares(whole.inferences)
    new = after.values.get(watched.value)
    q = new.quantization if isinstance(new, Tensor) and new.dtype.is_integer else None
    bounds = None
    if isinstance(new, Tensor) and q is not None:
        low, high = (float(q.scale) * (end - q.zero_point) for end in (new.dtype.minimum, new.dtype.maximum))
        bounds = low, high
    return FieldLayer(
        layers=watched.layers,
        value=watched.value,
        low_share=low_share or 0.0,
        high_share=high_share or 0.0,
        used=reading.used,
        before=watched.ends,
        after=bounds,
        is_fixed=watched.is_fixed,
    )


def recalibration_to_json(found: Recalibration) -> dict[str, Any]:
    """The proposal as a document."""
    return {**asdict(found), "improves": found.improves}
