"""mcuq: neural networks on microcontrollers, as plain C, and proof that they work there.

The functions of `mcuq.pipeline` are reachable from here: `mcuq.load`, `mcuq.inspect`, `mcuq.quantize`, `mcuq.save`,
`mcuq.evaluate`, `mcuq.compare`, `mcuq.robustness`, `mcuq.analyze`, `mcuq.codegen`, `mcuq.build`, `mcuq.open_build`,
`mcuq.load_samples`, `mcuq.run`, `mcuq.profile`, `mcuq.user_ops` and more. They are imported on first use, so that
importing mcuq is cheap.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcuq.pipeline import (
        Preprocessing,
        analyze,
        build,
        codegen,
        compare,
        evaluate,
        find_board,
        inspect,
        load,
        load_recipe,
        load_samples,
        open_build,
        profile,
        quantize,
        robustness,
        run,
        save,
        user_ops,
    )

__all__ = [
    "Preprocessing",
    "analyze",
    "build",
    "codegen",
    "compare",
    "evaluate",
    "find_board",
    "inspect",
    "load",
    "load_recipe",
    "load_samples",
    "open_build",
    "profile",
    "quantize",
    "robustness",
    "run",
    "save",
    "user_ops",
]

_ROOMS = ("build", "codegen", "profile", "quantize", "run")


class _Room(ModuleType):
    """A room that shares its name with a function of the pipeline: `mcuq.run(...)` and `mcuq.run.client`."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return getattr(import_module("mcuq.pipeline"), self.__name__.rpartition(".")[2])(*arguments, **options)


class _Package(ModuleType):
    """The package: its rooms become callable when the import system binds them."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _ROOMS and isinstance(value, ModuleType):
            value.__class__ = _Room
        super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"mcuq.{name}")
    if name in __all__:
        return getattr(import_module("mcuq.pipeline"), name)
    raise AttributeError(f"module 'mcuq' has no attribute '{name}'")


sys.modules[__name__].__class__ = _Package
