"""Names for C: whatever a model calls its things, only [A-Za-z0-9_] gets through."""

from __future__ import annotations

import re

from mcuq.errors import UnsupportedModel

_KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long register "
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool true "
    "false asm and or not xor class delete new private protected public template this throw try using virtual "
    "namespace operator main errno mcuq".split()
)
MAX_COMMENT = 60


def reduced(text: str, limit: int = MAX_COMMENT) -> str:
    """`text` with every other character than [A-Za-z0-9_] replaced by _, cut to `limit`; safe in comments and paths."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", text)[:limit]


def model_name(text: str) -> str:
    """A C identifier made of a file's or a user's name: lower case, not a keyword, not reserved, at most 32 characters.

    Raises UnsupportedModel when nothing is left of it.
    """
    name = re.sub(r"_+", "_", reduced(text, 200)).strip("_").lower()[:32].rstrip("_")
    if not name:
        raise UnsupportedModel(f"no C name can be made of {text!r}; give one with --name")
    if name[0].isdigit() or name in _KEYWORDS:
        name = f"m_{name}"
    return name
