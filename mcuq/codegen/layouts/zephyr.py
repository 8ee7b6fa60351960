"""Zephyr: a module with its Kconfig option and a sample."""

from mcuq.codegen.layouts.layout import MAIN, Layout

LAYOUT = Layout(
    "zephyr",
    "a Zephyr module with a Kconfig option and a sample",
    "src",
    "include",
    (
        ("zephyr/module.yml.j2", "zephyr/module.yml"),
        ("zephyr/CMakeLists.txt.j2", "CMakeLists.txt"),
        ("zephyr/Kconfig.j2", "Kconfig"),
        ("zephyr/sample_CMakeLists.txt.j2", "samples/{name}/CMakeLists.txt"),
        ("zephyr/prj.conf.j2", "samples/{name}/prj.conf"),
        ("zephyr/sample.yaml.j2", "samples/{name}/sample.yaml"),
        (MAIN, "samples/{name}/src/main.c"),
        ("shared/NOTICE.j2", "LICENSE"),
    ),
    console="Zephyr",
)
