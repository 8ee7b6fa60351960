"""Renews what the README shows of mcuq itself: output of demo, profile and benchmark, and the table of supported ops.

Run it as `python tests/refresh_readme.py` after a change of kernels, cards or figures; the benchmark needs MCUQ_ZOO.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from datetime import date
from pathlib import Path

if __package__ in (None, ""):  # run as a program
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mcuq import demo
from mcuq.codegen import LAYOUTS
from mcuq.report.support import BEGIN, END, support_section
from tests.layout_trees import all_trees, refreshed

README = Path(__file__).resolve().parent.parent / "README.md"
DEMO_BEGIN, DEMO_END = "<!-- demo: begin -->", "<!-- demo: end -->"
PROFILE_BEGIN, PROFILE_END = "<!-- profile: begin -->", "<!-- profile: end -->"
# Title of a block -> the program of tests/benchmarks that prints it, which takes minutes and MCUQ_ZOO.
PROGRAMS = {"schemes": "schemes.py", "quantizers": "quantizers.py", "autoencoder": "autoencoder.py"}
TREES_BEGIN, TREES_END = "<!-- trees: begin -->", "<!-- trees: end -->"
BENCH_BEGIN, BENCH_END = "<!-- bench: begin -->", "<!-- bench: end -->"


def shown(begin: str, end: str, *command: str) -> str:
    """What a Python program prints, run in an empty folder, as a code block between its marks."""
    environment = {**os.environ, "PYTHONUTF8": "1"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, *command], stdout=subprocess.PIPE, check=True, env=environment, cwd=folder
        )
    lines = [line.rstrip() for line in done.stdout.decode().strip().splitlines()]
    return f"{begin}\n\n{textwrap.indent(chr(10).join(lines), '    ')}\n\n{end}"


def mcuq_section(begin: str, end: str, *arguments: str) -> str:
    """What a command of mcuq prints."""
    return shown(begin, end, "-c", "from mcuq.cli import main; main()", *arguments)


def measured_block(text: str, title: str, program: str) -> str:
    """The text with what a benchmark prints today, under the date of today."""
    begin, end = f"<!-- {title}: begin -->", f"<!-- {title}: end -->"
    section = shown(begin, end, str(Path(__file__).parent / "benchmarks" / program))
    said = f"Printed on {date.today().isoformat()} by `python tests/benchmarks/{program}`:"
    return replaced(text, begin, end, section.replace(begin, f"{begin}\n\n{said}", 1))


def replaced(text: str, begin: str, end: str, section: str) -> str:
    """The text with the new section in the place of what stands between the marks."""
    before, rest = text.split(begin)
    return before + section + rest.split(end)[1]


def main() -> None:
    """Rewrite the README."""
    text = README.read_text(encoding="utf-8")
    text = replaced(text, DEMO_BEGIN, DEMO_END, mcuq_section(DEMO_BEGIN, DEMO_END, "demo"))
    profile = ("profile", str(demo.model_path()), "--board", "cortex-m4", "--memory", "stm32l4r5")
    text = replaced(text, PROFILE_BEGIN, PROFILE_END, mcuq_section(PROFILE_BEGIN, PROFILE_END, *profile))
    if "MCUQ_ZOO" in os.environ:
        bench = (str(Path(__file__).parent / "benchmarks" / "bench.py"), "--board", "cortex-m4")
        text = replaced(text, BENCH_BEGIN, BENCH_END, shown(BENCH_BEGIN, BENCH_END, *bench))
        for title, program in PROGRAMS.items():
            text = measured_block(text, title, program)
    text = replaced(text, TREES_BEGIN, TREES_END, f"{TREES_BEGIN}\n\n{all_trees()}\n\n{TREES_END}")
    README.write_text(replaced(text, BEGIN, END, support_section()), encoding="utf-8")
    for layout in LAYOUTS:
        page = README.parent / "docs" / "layouts" / f"{layout.name}.md"
        page.write_text(refreshed(page.read_text(encoding="utf-8"), layout.name), encoding="utf-8")


if __name__ == "__main__":
    main()
