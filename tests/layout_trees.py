"""The folders that `mcuq codegen --layout` writes, as text for the documentation."""

from __future__ import annotations

import tempfile
from pathlib import Path

from mcuq import demo, pipeline
from mcuq.codegen import LAYOUTS

TREE_BEGIN, TREE_END = "<!-- tree: begin -->", "<!-- tree: end -->"


def tree(layout: str) -> str:
    """Every file of the demo's model in that layout, folders first, indented by depth."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder) / "digits"
        pipeline.codegen(pipeline.load(demo.model_path()), top, name="digits", layout=layout)
        paths = sorted(top.rglob("*"), key=lambda path: [(part, "") for part in path.relative_to(top).parts])
        lines = ["digits/"]
        for path in paths:
            depth = len(path.relative_to(top).parts)
            lines.append("  " * depth + path.name + ("/" if path.is_dir() else ""))
        return "\n".join(lines)


def marked(layout: str) -> str:
    """The tree between its marks."""
    return f"{TREE_BEGIN}\n\n```\n{tree(layout)}\n```\n\n{TREE_END}"


def refreshed(page: str, layout: str) -> str:
    """A page with the tree as it is now."""
    before, rest = page.split(TREE_BEGIN)
    return before + marked(layout) + rest.split(TREE_END)[1]


def all_trees() -> str:
    """All layouts, for the README."""
    return "\n\n".join(f"`--layout {layout.name}`:\n\n```\n{tree(layout.name)}\n```" for layout in LAYOUTS)
