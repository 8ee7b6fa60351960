"""A linker script's MEMORY -> Chip: the memories of a chip as the user's own project knows them.

Source: the GNU ld manual, "MEMORY Command" and "Expressions".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mcuq.boards.chip import Chip, regions_of
from mcuq.errors import InvalidBoard

_MOST_BYTES = 4 << 20
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_MEMORY = re.compile(r"\bMEMORY\s*\{(.*?)\}", re.DOTALL)
_SYMBOL = re.compile(r"(?:^|[;{}\s])([A-Za-z_][\w.]*)\s*=\s*([^;=]+);")
_REGION = re.compile(
    r"([A-Za-z_][\w.$-]*)\s*(?:\(\s*([^)]*)\))?\s*:\s*"
    r"(?:ORIGIN|org|o)\s*=\s*(.+?)\s*,\s*(?:LENGTH|len|l)\s*=\s*(.+?)\s*(?=$|\n|[A-Za-z_][\w.$-]*\s*(?:\([^)]*\))?\s*:)",
)
_NUMBER = re.compile(r"\b(0[xX][0-9a-fA-F]+|\d+)([KkMm])?\b")
_CALL = re.compile(r"\b(ORIGIN|LENGTH)\s*\(\s*([^)\s]+)\s*\)")
_OPERATORS: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.LShift: lambda a, b: a << min(b, 64),
    ast.RShift: lambda a, b: a >> min(b, 64),
    ast.BitAnd: lambda a, b: a & b,
    ast.BitOr: lambda a, b: a | b,
}
_SCALES = {"": 1, "K": 1 << 10, "M": 1 << 20}


@dataclass(frozen=True, slots=True)
class _Known:
    """What expressions may name."""

    symbols: Mapping[str, int]
    origins: Mapping[str, int]
    lengths: Mapping[str, int]


def read_linker_script(path: Path) -> Chip:
    """The chip of a GNU linker script; core and clock are the user's to say. Raises InvalidBoard naming the place."""
    try:
        with path.open("rb") as file:
            text = _COMMENT.sub(" ", file.read(_MOST_BYTES).decode("utf-8", "replace"))
    except OSError as error:
        raise InvalidBoard(f"{path} cannot be read: {error.strerror or error}") from error
    block = _MEMORY.search(text)
    if block is None:
        raise InvalidBoard(f"{path} has no MEMORY {{ ... }}; name the linker script that has it")
    symbols: dict[str, int] = {}
    for name, expression in _SYMBOL.findall(text[: block.start()]):
        try:
            symbols[name] = _value(expression, _Known(symbols, {}, {}))
        except ValueError:
            continue  # a symbol that no region needs may be anything
    origins: dict[str, int] = {}
    lengths: dict[str, int] = {}
    found = []
    for name, attributes, origin, length in _REGION.findall(block.group(1)):
        try:
            known = _Known(symbols, origins, lengths)
            origins[name], lengths[name] = _value(origin, known), _value(length, known)
        except ValueError as error:
            raise InvalidBoard(
                f"{path}: memory {name}: {error}; write numbers there, or a board file by hand"
            ) from error
        found.append((name, origins[name], lengths[name], _kind(name, attributes)))
    if not found:
        raise InvalidBoard(f"{path}: its MEMORY names no region as NAME (rx) : ORIGIN = ..., LENGTH = ...")
    return Chip(path.stem, path.name, "", regions_of(found))


def _kind(name: str, attributes: str) -> str:
    """RAM is what may be written; without attributes the name tells, as far as one can."""
    if attributes:
        return "ram" if "w" in attributes.lower().partition("!")[0] else "flash"
    return "flash" if re.search("flash|rom|qspi|code", name, re.IGNORECASE) else "ram"


def _value(expression: str, known: _Known) -> int:
    """The value of an expression of numbers, K and M, ORIGIN, LENGTH and symbols; raises ValueError."""

    def called(match: re.Match[str]) -> str:
        values = known.origins if match[1] == "ORIGIN" else known.lengths
        if match[2] not in values:
            raise ValueError(f"{match[1]}({match[2]}) is not known here")
        return str(values[match[2]])

    text = _CALL.sub(called, expression.strip())
    text = _NUMBER.sub(
        lambda m: str(int(m[1], 0 if m[1][:2].lower() == "0x" else 10) * _SCALES[(m[2] or "").upper()]), text
    )
    try:
        return _evaluated(ast.parse(text.replace("/", "//"), mode="eval").body, known)
    except (SyntaxError, RecursionError, ZeroDivisionError, MemoryError) as error:
        raise ValueError(f"'{expression.strip()}' cannot be read") from error


def _evaluated(node: ast.expr, known: _Known) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.Name) and node.id in known.symbols:
        return known.symbols[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_evaluated(node.left, known), _evaluated(node.right, known))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_evaluated(node.operand, known)
    raise ValueError(f"'{ast.unparse(node)}' is not known here")
