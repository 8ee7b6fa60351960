"""ESP-IDF: a component with its manifest and an example project."""

from mcuq.codegen.layouts.layout import MAIN, Layout

LAYOUT = Layout(
    "esp-idf",
    "an ESP-IDF component with an example project",
    "src",
    "include",
    (
        ("esp-idf/CMakeLists.txt.j2", "CMakeLists.txt"),
        ("esp-idf/idf_component.yml.j2", "idf_component.yml"),
        ("esp-idf/example_CMakeLists.txt.j2", "examples/{name}/CMakeLists.txt"),
        ("esp-idf/main_CMakeLists.txt.j2", "examples/{name}/main/CMakeLists.txt"),
        (MAIN, "examples/{name}/main/main.c"),
        ("shared/NOTICE.j2", "LICENSE"),
    ),
    console="ESP-IDF",
)
