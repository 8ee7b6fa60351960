"""What computes a model's answers on this computer: its own C as a shared library, or the interpreter."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq import interpreter
from mcuq.build import find_toolchain
from mcuq.build.compile import build_shared_library
from mcuq.errors import ToolMissing, UnsupportedModel
from mcuq.ir import Graph
from mcuq.pipeline.boards import find_board
from mcuq.pipeline.firmware import generated
from mcuq.run.library import Library

Array = npt.NDArray[Any]
Progress = Callable[[int, int], None]

_BATCH = 32


@dataclass(frozen=True, slots=True)
class Engine:
    """`run(inputs, progress)` gives the outputs of all samples; `note` says why it is the interpreter unasked."""

    name: str
    run: Callable[[Sequence[Array], Progress | None], tuple[Array, ...]]
    note: str | None = None


@contextmanager
def engine_for(graph: Graph, *, use_interpreter: bool = False, compiler: str | None = None) -> Iterator[Engine]:
    """The generated C, compiled into a folder that lasts as long as the context.

    The interpreter where it is asked for, where there is no compiler, or where no kernel computes the model.
    """
    if use_interpreter:
        yield _interpreted(graph, None)
        return
    try:
        # The host's library has no features of a core: its kernels are the portable ones.
        planned, plan, sources = generated(graph, frozenset(), False, None)
        host = find_board("host")
        version = find_toolchain(host, compiler).version
    except (ToolMissing, UnsupportedModel) as error:
        if compiler is not None and isinstance(error, ToolMissing):
            raise
        yield _interpreted(graph, f"the interpreter ran, because {error}")
        return
    with tempfile.TemporaryDirectory(prefix="mcuq-library-", ignore_cleanup_errors=True) as folder:
        path = build_shared_library(sources, Path(folder) / f"{sources.name}.so", host, compiler=compiler)
        yield Engine(f"C ({version})", Library(path, sources.name, planned, plan).run)


def _interpreted(graph: Graph, note: str | None) -> Engine:
    def run(inputs: Sequence[Array], progress: Progress | None) -> tuple[Array, ...]:
        samples = len(inputs[0])
        parts = []
        for start in range(0, samples, _BATCH):
            parts.append(interpreter.run(graph, [array[start : start + _BATCH] for array in inputs], _BATCH))
            if progress is not None:
                progress(min(start + _BATCH, samples), samples)
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))

    return Engine("interpreter", run, note)
