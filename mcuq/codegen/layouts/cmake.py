"""CMake: a target for add_subdirectory, and a project of its own whose tests are the examples."""

from mcuq.codegen.layouts.layout import COOPERATIVE, MAIN, Layout

LAYOUT = Layout(
    "cmake",
    "CMake: the target mcuq::<name> for add_subdirectory, examples as tests",
    "src",
    "include",
    (
        ("cmake/CMakeLists.txt.j2", "CMakeLists.txt"),
        (MAIN, "example/main.c"),
        (COOPERATIVE, "example/cooperative.c"),
        ("shared/NOTICE.j2", "LICENSE"),
    ),
)
