"""PlatformIO: a library with its manifest and an example project."""

from mcuq.codegen.layouts.layout import MAIN, Layout

LAYOUT = Layout(
    "platformio",
    "a PlatformIO library with an example project",
    "src",
    "include",
    (
        ("platformio/library.json.j2", "library.json"),
        ("platformio/platformio.ini.j2", "examples/main/platformio.ini"),
        (MAIN, "examples/main/src/main.c"),
        ("shared/NOTICE.j2", "LICENSE"),
    ),
)
