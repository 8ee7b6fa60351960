"""Flat: the C files in one folder, for a build system that knows its own mind."""

from mcuq.codegen.layouts.layout import MAIN, Layout

LAYOUT = Layout("plain", "one flat folder", "", "", ((MAIN, "example/main.c"), ("shared/NOTICE.j2", "LICENSE")))
