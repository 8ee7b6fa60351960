"""Arduino: a library, all of it below src/ as the IDE wants it, and a sketch."""

from mcuq.codegen.layouts.layout import Layout

LAYOUT = Layout(
    "arduino",
    "an Arduino library with a sketch",
    "src",
    "src",
    (
        ("arduino/library.properties.j2", "library.properties"),
        ("arduino/keywords.txt.j2", "keywords.txt"),
        ("arduino/example.ino.j2", "examples/{name}/{name}.ino"),
        ("shared/NOTICE.j2", "LICENSE"),
    ),
)
