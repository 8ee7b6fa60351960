"""Links are opened by name, and only those that a board has."""

from __future__ import annotations

from typing import Any

import pytest

from mcuq.errors import InvalidBoard
from mcuq.run.links import LINKS, open_link


def test_each_link_calls_itself_by_its_name_in_the_list(build_echo: Any) -> None:
    """The name in the list is the link's own."""
    pytest.importorskip("unicorn")
    for kind, name in (("sim", "cortex-m4"), ("host", "host")):
        board, image = build_echo(name)
        link = open_link(kind, image, board, "echo", 3)
        assert link.name == kind
        link.close()
    assert [kind.name for kind in LINKS] == ["sim", "qemu", "renode", "host", "serial"]


def test_the_boards_first_link_is_taken_where_none_is_named(build_echo: Any) -> None:
    """Without a kind, the host board is opened as a host."""
    board, image = build_echo("host")
    link = open_link(None, image, board, "echo", 3)
    assert link.name == "host"
    link.close()


@pytest.mark.parametrize("kind", ["host", "renode"])
def test_a_link_that_the_board_has_not_is_refused(build_echo: Any, kind: str) -> None:
    """The error names the links that there are."""
    board, image = build_echo("cortex-m4")
    with pytest.raises(InvalidBoard, match=f"board 'cortex-m4' has no link '{kind}'; it has sim, qemu"):
        open_link(kind, image, board, "echo", 3)
