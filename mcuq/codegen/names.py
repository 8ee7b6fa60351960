"""Names for C: whatever a model calls its things, only [A-Za-z0-9_] gets through."""

from __future__ import annotations

import re

from mcuq.errors import UnsupportedModel

_KEYWORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool true
    false asm and or not xor class delete new private protected public template this throw try using virtual
    namespace operator main errno mcuq
"""
# `<name>_t` is a type of the generated header, so it must not be one of the C library's.
_TYPE_STEMS = """
    int8 int16 int32 int64 uint8 uint16 uint32 uint64 intptr uintptr intmax uintmax size ssize ptrdiff wchar wint
    max_align time clock off pid mode div ldiv lldiv key jmp_buf va_list sig_atomic fpos
"""
# `<name>.h` lies on the include path, where it would hide one of the C library's.
_HEADER_STEMS = """
    assert complex ctype fenv float inttypes iso646 limits locale malloc math pthread setjmp signal stdalign stdarg
    stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string strings tgmath threads uchar unistd wchar wctype
"""
_RESERVED = frozenset(f"{_KEYWORDS} {_TYPE_STEMS} {_HEADER_STEMS}".split())
_RESERVED_PREFIXES = ("mcuq_", "int_least", "int_fast", "uint_least", "uint_fast")
MAX_COMMENT = 60
MAX_NAME = 32


def reduced(text: str, limit: int = MAX_COMMENT) -> str:
    """`text` with every other character than [A-Za-z0-9_] replaced by _, cut to `limit`; safe in comments and paths."""
    return re.sub(r"[^A-Za-z0-9_]+", "_", text)[:limit]


def _is_taken(name: str) -> bool:
    """Whether C, its library or mcuq's own firmware has that name already."""
    return name in _RESERVED or name[0].isdigit() or name.startswith(_RESERVED_PREFIXES)


def model_name(text: str) -> str:
    """A C identifier made of a file's or a user's name: lower case, not a keyword, not reserved, at most 32 characters.

    Raises UnsupportedModel when nothing is left of it.
    """
    name = re.sub(r"_+", "_", reduced(text, 200)).strip("_").lower()[:MAX_NAME].rstrip("_")
    if not name:
        raise UnsupportedModel(f"no C name can be made of {text[:60]!r}; give one with --name")
    return f"m_{name}"[:MAX_NAME].rstrip("_") if _is_taken(name) else name
