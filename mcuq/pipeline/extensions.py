"""Ops that mcuq does not have: a user's Python file with card, kernels, C templates and readers, for one run.

A file needs nothing but the names of this module; `mcuq/ops/README.md` has a whole one.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from mcuq.arithmetic import Arithmetic
from mcuq.arithmetic.multiplier import quantize_multiplier
from mcuq.codegen import add_template, remove_template
from mcuq.errors import InvalidProject
from mcuq.importers.keras.layers import add_layer, remove_layer
from mcuq.importers.keras.site import LayerReader
from mcuq.importers.tflite.operators import add_reader, remove_reader
from mcuq.importers.tflite.schema import Field
from mcuq.importers.tflite.site import OperatorReader, Reading, Site
from mcuq.ir import FLOAT32, INT8, Graph, Node
from mcuq.ops import Call, Card, Limit, NoAttrs, OutputQuantization
from mcuq.ops.cards import add_card, remove_card
from mcuq.ops.requirements import INTEGER_INPUT_AND_OUTPUT, quantization_of
from mcuq.ops.unary import infer_unary
from mcuq.schedule import add_kernel, remove_kernel
from mcuq.schedule.kernel import Kernel, Work, in_place, only

_KERNEL_NAME = re.compile(r"[a-z][a-z0-9_]*/[a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class UserOp:
    """An op: its meaning (`card`), its kernels with the text of a C template each, and how models name it.

    `templates` maps each kernel's name, such as "leaky_relu/int8", to its Jinja text; `tflite` and `keras` read it
    from models.
    """

    card: Card
    kernels: tuple[Kernel, ...]
    templates: Mapping[str, str]
    tflite: tuple[OperatorReader, ...] = ()
    keras: tuple[LayerReader, ...] = ()


@contextmanager
def user_ops(*ops: UserOp | str | Path) -> Iterator[tuple[UserOp, ...]]:
    """Make ops known to everything that this process does inside the context; a path is a file with a variable `OP`.

    Raises InvalidProject for a file that has none or fails, and for names that are taken.
    """
    with ExitStack() as stack:
        found = tuple(op if isinstance(op, UserOp) else read_user_op(Path(op)) for op in ops)
        for op in found:
            try:
                _add(op, stack)
            except ValueError as error:
                raise InvalidProject(f"op {op.card.name} cannot be added: {error}; choose another name") from error
        yield found


def read_user_op(path: Path) -> UserOp:
    """The `OP` of a Python file, which is run; raises InvalidProject."""
    if not path.is_file():
        raise InvalidProject(f"there is no file '{path}'; --op takes a Python file with a variable OP")
    name = f"mcuq_user_op_{re.sub(r'[^A-Za-z0-9_]', '_', path.stem)}"
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise InvalidProject(f"'{path}' is not a Python file; --op takes one with a variable OP")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # where dataclasses look up the types of their fields
    try:
        specification.loader.exec_module(module)
    except Exception as error:  # whatever the user's file may raise
        raise InvalidProject(f"'{path}' failed: {type(error).__name__}: {error}{_line_of(error, path)}") from error
    return _checked(module, path)


def _line_of(error: BaseException, path: Path) -> str:
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return "" if line is None else f" (line {line})"


def _checked(module: ModuleType, path: Path) -> UserOp:
    op = getattr(module, "OP", None)
    if not isinstance(op, UserOp):
        raise InvalidProject(f"'{path}' has no variable OP of type mcuq.pipeline.extensions.UserOp")
    for kernel in op.kernels:
        if not _KERNEL_NAME.fullmatch(kernel.name):
            raise InvalidProject(f"'{path}': kernel '{kernel.name}' must be called like leaky_relu/int8")
        if kernel.name not in op.templates:
            raise InvalidProject(f"'{path}': kernel '{kernel.name}' has no text in `templates`")
        if op.card.name not in kernel.ops:
            raise InvalidProject(f"'{path}': kernel '{kernel.name}' does not say that it computes {op.card.name}")
    return op


def _add(op: UserOp, stack: ExitStack) -> None:
    """Add all parts; each is taken back when the stack closes."""
    add_card(op.card)
    stack.callback(remove_card, op.card)
    for kernel in op.kernels:
        _add_kernel(kernel, op.templates[kernel.name], stack)
    for reader in op.tflite:
        add_reader(reader)
        stack.callback(remove_reader, reader)
    for layer in op.keras:
        add_layer(layer)
        stack.callback(remove_layer, layer)


def _add_kernel(kernel: Kernel, text: str, stack: ExitStack) -> None:
    add_kernel(kernel)
    stack.callback(remove_kernel, kernel)
    add_template(kernel.name, text)
    stack.callback(remove_template, kernel.name)


__all__ = [
    "FLOAT32",
    "INT8",
    "INTEGER_INPUT_AND_OUTPUT",
    "Arithmetic",
    "Call",
    "Card",
    "Field",
    "Graph",
    "Kernel",
    "LayerReader",
    "Limit",
    "NoAttrs",
    "Node",
    "OperatorReader",
    "OutputQuantization",
    "Reading",
    "Site",
    "UserOp",
    "Work",
    "in_place",
    "infer_unary",
    "only",
    "quantization_of",
    "quantize_multiplier",
    "read_user_op",
    "user_ops",
]
