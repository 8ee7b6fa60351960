"""mcuq: neural networks on microcontrollers, as plain C, and proof that they work there.

The functions of `mcuq.pipeline` are reachable from here: `mcuq.load`, `mcuq.inspect`, `mcuq.codegen`, `mcuq.build`,
`mcuq.open_build`, `mcuq.load_samples`, `mcuq.run`. They are imported on first use, so that importing mcuq is cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcuq.pipeline import build, codegen, find_board, inspect, load, load_samples, open_build, run


def __getattr__(name: str) -> Any:
    if name in __all__:
        from mcuq import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module 'mcuq' has no attribute '{name}'")


__all__ = ["build", "codegen", "find_board", "inspect", "load", "load_samples", "open_build", "run"]
