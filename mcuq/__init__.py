"""mcuq: neural networks on microcontrollers, as plain C, and proof that they work there.

The functions of `mcuq.pipeline` are reachable from here: `mcuq.load`, `mcuq.inspect`, `mcuq.codegen`, `mcuq.build`,
`mcuq.open_build`, `mcuq.load_samples`, `mcuq.run`. They are imported on first use, so that importing mcuq is cheap.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcuq.pipeline import build, codegen, find_board, inspect, load, load_samples, open_build, run

__all__ = ["build", "codegen", "find_board", "inspect", "load", "load_samples", "open_build", "run"]


class _FromPipeline:
    """An attribute that is a function of the pipeline.

    It stays so when a room of the same name (mcuq.build, mcuq.run, mcuq.codegen) is imported, which would otherwise put
    the room in its place; `from mcuq.build import ...` finds the room all the same.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, package: ModuleType, owner: type) -> Any:
        from mcuq import pipeline

        return getattr(pipeline, self._name)

    def __set__(self, package: ModuleType, room: ModuleType) -> None:
        """The import system's offer to bind the room."""


sys.modules[__name__].__class__ = type("Package", (ModuleType,), {name: _FromPipeline(name) for name in __all__})
