"""Renews what the README shows of mcuq itself: the demo's output and the table of supported ops.

Run it as `python tests/refresh_readme.py` after a change of kernels, cards or figures.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from mcuq.report.support import BEGIN, END, support_section

README = Path(__file__).resolve().parent.parent / "README.md"
DEMO_BEGIN, DEMO_END = "<!-- demo: begin -->", "<!-- demo: end -->"


def demo_section() -> str:
    """What `mcuq demo` prints, as a code block between its marks."""
    command = [sys.executable, "-c", "from mcuq.cli import main; main()", "demo"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env={**os.environ, "PYTHONUTF8": "1"})
    lines = [line.rstrip() for line in done.stdout.decode().strip().splitlines()]
    return f"{DEMO_BEGIN}\n\n{textwrap.indent(chr(10).join(lines), '    ')}\n\n{DEMO_END}"


def replaced(text: str, begin: str, end: str, section: str) -> str:
    """The text with the new section in the place of what stands between the marks."""
    before, rest = text.split(begin)
    return before + section + rest.split(end)[1]


def main() -> None:
    """Rewrite the README."""
    text = README.read_text(encoding="utf-8")
    text = replaced(text, DEMO_BEGIN, DEMO_END, demo_section())
    README.write_text(replaced(text, BEGIN, END, support_section()), encoding="utf-8")


if __name__ == "__main__":
    main()
