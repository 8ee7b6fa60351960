"""Every layout is what its ecosystem expects: built with its own tool where there is one, checked elsewhere."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from mcuq import demo, pipeline
from mcuq.boards import Board
from mcuq.codegen import LAYOUTS
from mcuq.errors import InvalidProject
from mcuq.ir import Graph
from tests.codegen.harness import host_compiler
from tests.networks import residual_block

NAMES = [layout.name for layout in LAYOUTS]
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")


def written(folder: Path, layout: str, graph: Graph | None = None, name: str = "digits", **more: object) -> Path:
    """The demo model (or another) in a folder of its own below `folder`."""
    model = graph if graph is not None else pipeline.load(demo.model_path())
    pipeline.codegen(model, folder / name, name=name, layout=layout, **more)  # type: ignore[arg-type]
    return folder / name


def ran(*command: str, cwd: Path) -> str:
    """What a command prints, which must succeed."""
    if "/" not in command[0] and shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tree(folder: Path) -> set[str]:
    """All files below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("layout", NAMES)
def test_every_layout_is_whole(layout: str, tmp_path: Path) -> None:
    """Each layout's C compiles strictly with the public folder alone to include from; licence and example exist."""
    folder = written(tmp_path, layout, protocol=True, selftest=1)
    files = tree(folder)
    assert "LICENSE" in files
    assert any("example" in file or "sample" in file for file in files) or layout == "rust"
    (header,) = (file for file in files if Path(file).name == "digits.h")
    sources = [file for file in sorted(files) if file.endswith(".c") and "example" not in file and "sample" not in file]
    assert {Path(file).name for file in sources} >= {"digits.c", "digits_constants.c", "digits_selftest.c"}
    include = str(Path(header).parent)
    subprocess.run([host_compiler(), *STRICT, f"-I{include}", "-fsyntax-only", *sources], cwd=folder, check=True)
    assert not any(path.name.endswith((".j2", ".part")) for path in folder.rglob("*"))


@pytest.mark.parametrize("layout", NAMES)
def test_upgrading_replaces_the_model_and_keeps_examples(layout: str, tmp_path: Path) -> None:
    """Another model of the same name replaces every file but what the user may have edited; nothing else appears."""
    folder = written(tmp_path, layout)
    before = tree(folder)
    mine = [file for file in before if file.startswith(("example/", "examples/", "samples/"))]
    for file in mine:
        (folder / file).write_text("mine\n")
    written(tmp_path, layout, residual_block())
    assert tree(folder) == before
    assert all((folder / file).read_text() == "mine\n" for file in mine)


def test_an_unknown_layout_names_the_known_ones(tmp_path: Path) -> None:
    """Who mistypes a layout is told which there are, and nothing is written."""
    with pytest.raises(InvalidProject, match="no layout 'zephir'; there are plain, make"):
        written(tmp_path, "zephir")
    assert not tree(tmp_path)


def test_labels_must_fit(tmp_path: Path) -> None:
    """One label an element of the output, else the counts are told."""
    with pytest.raises(InvalidProject, match="2 labels for the 10 elements"):
        written(tmp_path, "plain", labels=("a", "b"))


def test_labels_are_what_was_given(tmp_path: Path) -> None:
    """Labels with quotes, backslashes, digits behind escapes and other alphabets come out of the C as they went in."""
    labels = ['"q"', "back\\slash", "ä1", "数字", "%d", "??/", "6", "7", "8", "nine"]
    folder = written(tmp_path, "plain", labels=labels)
    (folder / "labels.c").write_text(
        '#include <stdio.h>\n#include "digits.h"\n'
        "int main(void) { for (int i = 0; i < DIGITS_LABELS; i++) puts(digits_labels[i]); return 0; }\n"
    )
    ran(host_compiler(), *STRICT, "-I.", "labels.c", "digits_constants.c", "-o", "labels", cwd=folder)
    assert ran("./labels", cwd=folder).splitlines() == labels


def test_make_builds_and_checks_itself(tmp_path: Path) -> None:
    """`make check` builds library and examples without a warning and runs both, the self-test included."""
    folder = written(tmp_path, "make")
    said = ran("make", "-s", "check", f"WARNINGS={' '.join(STRICT[1:])}", cwd=folder)
    assert "digits: self-test passed" in said
    assert "digits: 2 inferences in 26 turns, the watchdog was fed 26 times" in said


TWO = """
#include "digits.h"
#include "other.h"

int main(void)
{
    return digits_init(0, 0) == other_init(0, 0) ? 0 : 1;
}
"""


def test_two_models_in_one_makefile(tmp_path: Path) -> None:
    """A Makefile of the user's includes two fragments and links both models."""
    written(tmp_path, "make")
    written(tmp_path, "make", residual_block(), "other")
    (tmp_path / "main.c").write_text(TWO)
    (tmp_path / "Makefile").write_text(
        "include digits/digits.mk\ninclude other/other.mk\n"
        "main: main.c $(DIGITS_SOURCES) $(OTHER_SOURCES)\n\t$(CC) $(DIGITS_INCLUDES) $(OTHER_INCLUDES) $^ -o $@\n"
    )
    ran("make", "-s", "main", cwd=tmp_path)
    ran("./main", cwd=tmp_path)


def test_cmake_builds_and_tests_itself(tmp_path: Path) -> None:
    """The folder as a project: the examples are its tests, and they pass."""
    folder = written(tmp_path, "cmake")
    ran("cmake", "-S", ".", "-B", "build", cwd=folder)
    ran("cmake", "--build", "build", cwd=folder)
    assert "100% tests passed, 0 tests failed out of 2" in ran("ctest", "--test-dir", "build", cwd=folder)


def test_two_models_in_one_cmake_project(tmp_path: Path) -> None:
    """Two add_subdirectory, two targets, one program."""
    written(tmp_path, "cmake")
    written(tmp_path, "cmake", residual_block(), "other")
    (tmp_path / "main.c").write_text(TWO)
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(app LANGUAGES C)\n"
        "add_subdirectory(digits)\nadd_subdirectory(other)\n"
        "add_executable(app main.c)\ntarget_link_libraries(app PRIVATE mcuq::digits mcuq::other)\n"
    )
    ran("cmake", "-S", ".", "-B", "build", cwd=tmp_path)
    ran("cmake", "--build", "build", cwd=tmp_path)
    ran("build/app", cwd=tmp_path)


# What Zephyr and ESP-IDF bring along, as much of it as these files use: sources and folders become a static library.
ZEPHYR = """
cmake_minimum_required(VERSION 3.13)
project(zephyr_stand_in LANGUAGES C)
set(CONFIG_MCUQ_DIGITS y)
macro(zephyr_library)
    add_library(module STATIC)
endmacro()
macro(zephyr_library_sources)
    target_sources(module PRIVATE ${ARGN})
endmacro()
macro(zephyr_library_compile_options)
    target_compile_options(module PRIVATE ${ARGN})
endmacro()
macro(zephyr_include_directories)
    target_include_directories(module PUBLIC ${ARGN})
endmacro()
add_subdirectory(digits)
"""
IDF = """
cmake_minimum_required(VERSION 3.16)
project(idf_stand_in LANGUAGES C)
function(idf_component_register)
    cmake_parse_arguments(ARG "" "" "SRCS;INCLUDE_DIRS;PRIV_REQUIRES" ${ARGN})
    add_library(component STATIC ${ARG_SRCS})
    target_include_directories(component PUBLIC ${ARG_INCLUDE_DIRS})
    set(COMPONENT_LIB component PARENT_SCOPE)
endfunction()
add_subdirectory(digits)
"""


@pytest.mark.parametrize(("layout", "stand_in"), [("zephyr", ZEPHYR), ("esp-idf", IDF)])
def test_the_cmake_files_of_ecosystems_build(layout: str, stand_in: str, tmp_path: Path) -> None:
    """With a stand-in for the ecosystem's CMake functions, its file finds all sources and headers, and they compile."""
    written(tmp_path, layout)
    (tmp_path / "CMakeLists.txt").write_text(stand_in)
    ran("cmake", "-S", ".", "-B", "build", cwd=tmp_path)
    ran("cmake", "--build", "build", cwd=tmp_path)


def test_zephyr_metadata(tmp_path: Path) -> None:
    """The Kconfig symbol is what CMake asks for and the sample sets; module.yml names files that exist."""
    folder = written(tmp_path, "zephyr", name="my_net")
    symbol = "MCUQ_MY_NET"
    assert re.search(rf"^config {symbol}$", (folder / "Kconfig").read_text(), re.MULTILINE)
    assert f"if(CONFIG_{symbol})" in (folder / "CMakeLists.txt").read_text()
    assert f"CONFIG_{symbol}=y" in (folder / "samples/my_net/prj.conf").read_text()
    module = (folder / "zephyr/module.yml").read_text()
    assert "  cmake: .\n  kconfig: Kconfig\n" in module
    assert "  - samples\n" in module
    stub = tmp_path / "stub/zephyr/sys"
    stub.mkdir(parents=True)
    (stub.parent / "kernel.h").write_text("#include <stdint.h>\n")
    (stub / "printk.h").write_text("int printk(const char *format, ...);\n")
    main = "samples/my_net/src/main.c"
    ran(host_compiler(), "-std=c99", "-Wall", "-Werror", "-I../stub", "-Iinclude", "-fsyntax-only", main, cwd=folder)


def test_esp_idf_manifest(tmp_path: Path) -> None:
    """The example requires the folder's own name; the component manager takes the manifest and packs the component."""
    folder = written(tmp_path, "esp-idf")
    assert "PRIV_REQUIRES digits)" in (folder / "examples/digits/main/CMakeLists.txt").read_text()
    compote = Path(sys.executable).parent / "compote"
    if not compote.exists():
        pytest.skip("idf-component-manager is not installed (make layouts)")
    ran(str(compote), "component", "pack", "--name", "digits", cwd=folder)
    with tarfile.open(folder / "dist" / "digits_1.0.0.tgz") as packed:
        names = {name.removeprefix("./") for name in packed.getnames()}
    assert {"CMakeLists.txt", "idf_component.yml", "include/digits.h", "src/digits.c"} <= names


# PlatformIO asks the network which licences there are; ours is one of them.
PACK = """
import sys
from platformio.package.manifest.schema import ManifestSchema
from platformio.package.pack import PackagePacker
ManifestSchema.load_spdx_licenses = staticmethod(lambda: {"licenses": [{"licenseId": "Apache-2.0"}]})
print(PackagePacker(sys.argv[1]).pack(sys.argv[2]))
"""


def test_platformio_library(tmp_path: Path) -> None:
    """library.json is JSON that names what exists, and `pio pkg pack` packs it where PlatformIO is installed."""
    folder = written(tmp_path, "platformio", name="my_net")
    document = json.loads((folder / "library.json").read_text())
    assert document["name"] == "my-net"
    assert (folder / document["build"]["srcDir"] / "my_net.c").is_file()
    assert (folder / document["build"]["includeDir"] / document["headers"]).is_file()
    (example,) = document["examples"]
    assert all((folder / example["base"] / file).is_file() for file in example["files"])
    if importlib.util.find_spec("platformio") is not None:
        (tmp_path / "pack.py").write_text(PACK)
        ran(sys.executable, "pack.py", str(folder), str(tmp_path / "my_net.tar.gz"), cwd=tmp_path)
        with tarfile.open(tmp_path / "my_net.tar.gz") as packed:
            names = {name.removeprefix("./") for name in packed.getnames()}
        assert {"library.json", "include/my_net.h", "src/my_net.c"} <= names


ARDUINO = """
#include <cstdint>
struct Port {
    void begin(long) {}
    template <class T> void print(T) {}
    template <class T> void println(T) {}
};
static Port Serial;
static void delay(unsigned) {}
"""


def test_arduino_library(tmp_path: Path) -> None:
    """The properties that the library specification requires are there, and the sketch is C++ that compiles."""
    folder = written(tmp_path, "arduino")
    properties = dict(line.split("=", 1) for line in (folder / "library.properties").read_text().splitlines())
    required = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures"}
    assert required <= set(properties)
    assert (folder / "src" / properties["includes"]).is_file()
    (folder / "sketch.cpp").write_text(ARDUINO + (folder / "examples/digits/digits.ino").read_text())
    ran(host_compiler("g++"), "-std=c++11", "-Wall", "-Wextra", "-Isrc", "-fsyntax-only", "sketch.cpp", cwd=folder)


def test_cmsis_pack(tmp_path: Path) -> None:
    """The pack description is XML with one release and one component, and every file it names exists."""
    folder = written(tmp_path, "cmsis-pack")
    root = ET.parse(folder / "mcuq.digits.pdsc").getroot()
    assert root.findtext("vendor") == "mcuq"
    assert root.find("releases/release") is not None
    assert (folder / root.findtext("license", "")).is_file()
    assert root.find("description").attrib == {}  # an overview would have to be a file of the pack
    files = [node.attrib["name"] for node in root.iterfind("components/component/files/file")]
    assert all((folder / file).exists() for file in files), files
    named = {file for file in files if file.endswith(".c")}
    assert named == {file for file in tree(folder) if file.endswith(".c")}


RUST_ONE = """use digits_sys::*;
fn main() {
    let mut arena = Box::new(Arena([0; DIGITS_ARENA_BYTES]));
    let memory = digits_memory_t { arena: arena.0.as_mut_ptr().cast(), arena_bytes: DIGITS_ARENA_BYTES as u32 };
    let mut net = digits_t { arena: core::ptr::null_mut() };
    unsafe {
        assert_eq!(digits_init(&mut net, &memory), DIGITS_OK);
        assert_eq!(digits_selftest(&net), -1);
    }
}
"""


def run_rust(folder: Path, program: str) -> None:
    """Compile C and bindings of a crate and run a program with them; skips where there is no rustc."""
    if shutil.which("rustc") is None:
        pytest.skip("rustc is not installed")
    sources = sorted(str(path) for path in (folder / "csrc").glob("*.c"))
    for source in sources:
        ran(host_compiler(), "-std=c99", "-O1", "-Iinclude", "-c", source, cwd=folder)
    ran("ar", "rcs", "libdigits.a", *(f"{Path(source).stem}.o" for source in sources), cwd=folder)
    ran("rustc", "--edition=2021", "--crate-type=rlib", "--crate-name=digits_sys", "src/lib.rs", cwd=folder)
    (folder / "main.rs").write_text(program)
    link = ("-L.", "-lstatic=digits", "--extern=digits_sys=libdigits_sys.rlib")
    ran("rustc", "--edition=2021", *link, "main.rs", "-o", "program", cwd=folder)
    ran("./program", cwd=folder)


def test_rust_crate(tmp_path: Path) -> None:
    """rustc accepts the bindings, and a Rust program linked with the C passes the self-test."""
    run_rust(written(tmp_path, "rust"), RUST_ONE)


WINDOW = """
#include <stdio.h>
#include "mcuq/window.h"

int main(void)
{
    static uint8_t ring[3 * 2];
    uint8_t out[6];
    mcuq_window window = { ring, 2, 3, 2, 0, 3 };
    for (uint8_t i = 0; i < 9; i++) {
        const uint8_t frame[2] = { i, (uint8_t)(i + 100) };
        if (mcuq_window_push(&window, frame)) {
            mcuq_window_copy(&window, out);
            printf("%d:%d%d%d%d ", i, out[0], out[2], out[4], out[5]);
        }
    }
    return 0;
}
"""


def test_window_is_the_last_frames_in_order(tmp_path: Path) -> None:
    """A window of three frames is due after the third, then every second, oldest frame first."""
    folder = written(tmp_path, "plain")
    (folder / "window.c").write_text(WINDOW)
    ran(host_compiler(), *STRICT, "-fsanitize=address,undefined", "-I.", "window.c", "-o", "window", cwd=folder)
    assert ran("./window", cwd=folder) == "2:012102 4:234104 6:456106 8:678108 "


def test_the_cpp_wrapper(tmp_path: Path) -> None:
    """A C++11 program without exceptions and RTTI holds an instance, arena inside, and runs it."""
    folder = written(tmp_path, "plain")
    (folder / "main.cpp").write_text(
        '#include "digits.hpp"\nstatic mcuq::digits net;\nint main()\n{\n    net.input_0()[0] = 1;\n    net.invoke();\n'
        "    return net.error() == DIGITS_OK && net.output_0()[0] != 1 ? 0 : 1;\n}\n"
    )
    for file in ("digits.c", "digits_constants.c"):
        ran(host_compiler(), "-std=c99", "-I.", "-c", file, cwd=folder)
    flags = ("-std=c++11", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra", "-Werror")
    ran(host_compiler("g++"), *flags, "-I.", "main.cpp", "digits.o", "digits_constants.o", "-o", "program", cwd=folder)
    ran("./program", cwd=folder)


def test_layouts_of_a_zoo_model(tmp_path: Path) -> None:
    """The keyword spotter in the layouts that have a tool here builds and passes its self-test."""
    path = Path(os.environ.get("MCUQ_ZOO", "../shared/zoo")) / "models/kws_ref_int8.tflite"
    if not path.is_file():
        pytest.skip("MCUQ_ZOO does not name the folder of real models")
    folder = written(tmp_path, "make", pipeline.load(path), "kws")
    assert "kws: self-test passed" in ran("make", "-s", "check", cwd=folder)


@pytest.fixture
def two_memories(root: Path, tmp_path: Path) -> Board:
    """A Cortex-M board whose arena lies in two memories."""
    text = (root / "boards" / "cortex-m0-large.toml").read_text().replace('name = "cortex-m0-large"', 'name = "two"', 1)
    more = '[[memory]]\nname = "psram"\naddress = 0x2100_0000\nbytes = 0x0010_0000\nkind = "ram"\n\n'
    more += '[placement]\narena = "psram"\nfast = "ram"\nfast_bytes = 1200\n\n'
    (tmp_path / "two.toml").write_text(text.replace("[port]\n", more + "[port]\n", 1))
    return pipeline.find_board(str(tmp_path / "two.toml"))


@pytest.mark.parametrize("layout", NAMES)
def test_an_arena_in_two_memories(layout: str, two_memories: Board, tmp_path: Path) -> None:
    """Each layout's example gives both parts, and compiles; a Rust program runs the self-test with them."""
    folder = written(tmp_path, layout, board=two_memories, selftest=1)
    (header,) = folder.rglob("digits.h")
    assert "#define DIGITS_FAST_BYTES" in header.read_text()
    headers = f"-I{header.parent}"
    if layout == "rust":
        run_rust(folder, RUST_TWO)
    elif layout == "arduino":
        (folder / "sketch.cpp").write_text(ARDUINO + (folder / "examples/digits/digits.ino").read_text())
        ran(host_compiler("g++"), "-std=c++11", "-Wall", "-Wextra", headers, "-fsyntax-only", "sketch.cpp", cwd=folder)
    else:
        main = next(path for path in folder.rglob("main.c") if path.parent != folder)
        assert "sizeof fast" in main.read_text()
        (tmp_path / "zephyr" / "sys").mkdir(parents=True, exist_ok=True)
        (tmp_path / "zephyr" / "kernel.h").write_text("#include <stdint.h>\n")
        (tmp_path / "zephyr" / "sys" / "printk.h").write_text("int printk(const char *format, ...);\n")
        options = ("-std=c99", "-Wall", "-Werror", headers, f"-I{tmp_path}", "-fsyntax-only")
        ran(host_compiler(), *options, str(main), cwd=folder)


RUST_TWO = """use digits_sys::*;
fn main() {
    let mut fast = Box::new(Fast([0; DIGITS_FAST_BYTES]));
    let mut slow = Box::new(Slow([0; DIGITS_SLOW_BYTES]));
    let memory = digits_memory_t { fast: fast.0.as_mut_ptr().cast(), fast_bytes: DIGITS_FAST_BYTES as u32,
        slow: slow.0.as_mut_ptr().cast(), slow_bytes: DIGITS_SLOW_BYTES as u32 };
    let mut net = digits_t { fast: core::ptr::null_mut(), slow: core::ptr::null_mut() };
    unsafe {
        assert_eq!(digits_init(&mut net, &memory), DIGITS_OK);
        assert_eq!(digits_selftest(&net), -1);
    }
}
"""
