"""The graph in TFLite's terms: operators with options, and the operands that TFLite wants as tensors."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from mcuq.errors import UnsupportedModel
from mcuq.exporters.tflite.writer import Cell
from mcuq.ir import DTYPES, FLOAT32, Constant, Graph, Quantization, Tensor, Value

Options = dict[int, Cell]


@dataclass(frozen=True, slots=True)
class FileOperator:
    """One operator of the file; `op` is TFLite's name, options are cells by slot."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    options: Options = field(default_factory=dict)


class Lowering:
    """The values of the file while operators are collected: the graph's own and the added ones."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.values: dict[str, Value] = dict(graph.values)

    def _unique(self, stem: str) -> str:
        name, attempt = stem, 0
        while name in self.values:
            attempt += 1
            name = f"{stem}#{attempt}"
        return name

    def constant(self, stem: str, numbers: object, dtype: str, quantization: Quantization | None = None) -> str:
        """The name of a new constant."""
        values = np.array(numbers, dtype)
        kind = next(known for known in DTYPES if known.name == dtype)
        name = self._unique(stem)
        self.values[name] = Constant(name, values.shape, kind, quantization, values)
        return name

    def tensor(self, stem: str, shape: tuple[int, ...], like: Value) -> str:
        """The name of a new run-time value with the type and quantization of `like`."""
        name = self._unique(stem)
        self.values[name] = Tensor(name, shape, like.dtype, like.quantization)
        return name

    def real(self, stem: str, shape: tuple[int, ...]) -> str:
        """The name of a new run-time value in float32."""
        name = self._unique(stem)
        self.values[name] = Tensor(name, shape, FLOAT32)
        return name

    def repeat_scale(self, name: str, axis: int) -> None:
        """Give a constant that has one scale as many along `axis` as TFLite reads there."""
        value = self.values[name]
        q = value.quantization
        if isinstance(value, Constant) and q is not None and q.is_per_tensor:
            count = value.shape[axis]
            self.values[name] = replace(value, quantization=Quantization(q.scales * count, (0,) * count, axis))


def cannot_say(op: str, layers: tuple[str, ...], what: str) -> UnsupportedModel:
    """The error for what has no place in a .tflite file."""
    layer = ", ".join(repr(name[:60]) for name in layers)
    return UnsupportedModel(f"{op} {layer}: a .tflite file cannot say {what}; save the graph as .mcuq instead")
