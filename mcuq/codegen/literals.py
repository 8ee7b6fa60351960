"""Numbers as C literals."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

COLUMNS = 112


def number(value: int | float) -> str:
    """One literal; floats are float32 and written so that they read back as the same bits."""
    if isinstance(value, float):
        text = repr(float(np.float32(value))) if value == 0 else np.format_float_scientific(np.float32(value))
        return f"{text}f"
    if value == -(1 << 31):
        return "(-2147483647 - 1)"
    return str(value)


def array_body(values: npt.NDArray[Any]) -> str:
    """The elements between the braces, wrapped; one call a constant, so it avoids a Python loop over the elements."""
    texts = [number(v) for v in values.tolist()] if values.dtype.kind == "f" else list(map(str, values.tolist()))
    if values.dtype == np.int32:
        texts = [text if text != "-2147483648" else "(-2147483647 - 1)" for text in texts]
    width = max(map(len, texts), default=1) + 2
    per_line = max(1, COLUMNS // width)
    lines = (", ".join(texts[i : i + per_line]) for i in range(0, len(texts), per_line))
    return ",\n    ".join(lines)


def text(value: str) -> str:
    """A string literal in UTF-8; octal escapes, which a digit that follows cannot lengthen."""
    escaped = (chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}" for b in value.encode())
    return '"' + "".join(escaped) + '"'
