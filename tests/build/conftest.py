"""A stand-in model and program for building: three steps and a firmware of one-letter commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcuq import resources
from mcuq.artifacts import SourceFile, Sources
from mcuq.boards import Board, find_board

ECHO = Path(__file__).parent / "echo"


@pytest.fixture(scope="session")
def echo_sources() -> Sources:
    """What stands for generated C."""
    roles = (("echo.h", "header"), ("echo.c", "model"))
    return Sources("echo", "00" * 32, tuple(SourceFile(n, (ECHO / n).read_text(encoding="utf-8"), r) for n, r in roles))


@pytest.fixture(scope="session")
def echo_program() -> tuple[Path, ...]:
    """What stands for mcuq's protocol and main."""
    return (ECHO / "program.c",)


@pytest.fixture(scope="session")
def m4() -> Board:
    """The cortex-m4 board."""
    return find_board("cortex-m4", (resources.boards(),))


@pytest.fixture(scope="session")
def host() -> Board:
    """The host board."""
    return find_board("host", (resources.boards(),))
