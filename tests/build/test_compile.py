"""Sources become a firmware image with every compiler, whole or not at all, and refusals are explained."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path

import pytest

from mcuq import resources
from mcuq.artifacts import Image, SourceFile, Sources
from mcuq.boards import Board, find_board
from mcuq.build import build_image, build_shared_library, check_compiles, compile_line
from mcuq.build.toolchains import FAMILIES, find_toolchain
from mcuq.codegen import link_script
from mcuq.errors import BuildFailed, DoesNotFit, ToolMissing


def need(board: Board, compiler: str) -> None:
    """Skip where the compiler is not installed."""
    try:
        find_toolchain(board, compiler)
    except ToolMissing as error:
        pytest.skip(str(error))


def build(sources: Sources, program: Sequence[Path], board: Board, folder: Path, compiler: str | None = None) -> Image:
    """The echo firmware."""
    return build_image(
        sources,
        board,
        folder,
        constant_bytes=16,
        arena_bytes=1024,
        link_script=link_script(board),
        compiler=compiler,
        program=program,
    )


def source(text: str, name: str = "echo.c") -> Sources:
    """One generated file with that text."""
    return Sources("echo", "00", (SourceFile(name, text, "model"),))


@pytest.mark.parametrize("compiler", FAMILIES)
@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m4", "cortex-m33", "host"])
def test_every_compiler_builds_for_every_kind_of_board(
    echo_sources: Sources, echo_program: tuple[Path, ...], tmp_path: Path, name: str, compiler: str
) -> None:
    """gcc, clang and zig all make an image whose steps and invoke are symbols of the ELF."""
    board = find_board(name, (resources.boards(),))
    need(board, compiler)
    image = build(echo_sources, echo_program, board, tmp_path, compiler)
    assert image.path.is_file()
    assert image.compiler.startswith(compiler)
    functions = {symbol.name for symbol in image.symbols.values() if symbol.is_function}
    assert {"echo_invoke", "echo_step_0", "echo_step_1", "echo_step_2"} <= functions


def test_the_figures_of_an_image(
    echo_sources: Sources, echo_program: tuple[Path, ...], m4: Board, tmp_path: Path
) -> None:
    """Flash is what is programmed; static RAM is data, bss and the fault record, without arena and stack."""
    image = build(echo_sources, echo_program, m4, tmp_path)
    sections = image.sections
    assert sections[".mcuq_arena"] == image.arena_bytes == 1024
    assert sections[".mcuq_stack"] == image.stack_bytes == m4.stack_bytes
    assert image.static_ram_bytes == sections[".data"] + sections[".bss"] + sections[".mcuq_noinit"]
    programmed = (".text", ".rodata", ".ARM.exidx", ".data")
    assert image.flash_bytes == sum(sections.get(name, 0) for name in programmed)
    assert image.code_bytes == image.flash_bytes - 16
    assert image.symbols["echo_arena"].bytes == 1024
    assert image.symbols["echo_invoke"].address % 2 == 0


def test_the_folder_holds_what_was_built_and_nothing_else(
    echo_sources: Sources, echo_program: tuple[Path, ...], m4: Board, tmp_path: Path
) -> None:
    """The output folder has sources, link script and ELF; no object and no temporary folder stays."""
    build(echo_sources, echo_program, m4, tmp_path)
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {"src/echo.c", "src/echo.h", "link.ld", "firmware.elf"}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_building_twice_gives_the_same_bytes(
    echo_sources: Sources, echo_program: tuple[Path, ...], m4: Board, tmp_path: Path
) -> None:
    """The same sources give the same ELF, wherever they are built."""
    first = build(echo_sources, echo_program, m4, tmp_path / "a")
    second = build(echo_sources, echo_program, m4, tmp_path / "elsewhere" / "b")
    assert first.path.read_bytes() == second.path.read_bytes()


def test_a_failed_build_keeps_what_was_there(
    echo_sources: Sources, echo_program: tuple[Path, ...], m4: Board, tmp_path: Path
) -> None:
    """When the compiler refuses the next version, the folder still holds the last one, untouched."""
    elf = build(echo_sources, echo_program, m4, tmp_path).path
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(BuildFailed):
        build(source("int broken(void) { return nothing; }\n"), echo_program, m4, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert elf in before


def test_a_refusal_tells_file_line_and_command(echo_program: tuple[Path, ...], m4: Board, tmp_path: Path) -> None:
    """BuildFailed carries the compiler's first errors and the command that gave them."""
    with pytest.raises(BuildFailed) as caught:
        build(source("int f(void)\n{\n    return nothing;\n}\n"), echo_program, m4, tmp_path)
    text = str(caught.value)
    assert "src/echo.c:3" in text
    assert "nothing" in text
    assert "\ncommand: " in text
    assert "-Wconversion" in text


def test_a_missing_symbol_is_named(echo_program: tuple[Path, ...], m4: Board, tmp_path: Path) -> None:
    """What the linker misses is in the message."""
    header = SourceFile("echo.h", (Path(__file__).parent / "echo" / "echo.h").read_text(), "header")
    with pytest.raises(BuildFailed, match="echo_invoke"):
        build(Sources("echo", "00", (header,)), echo_program, m4, tmp_path)


@pytest.mark.parametrize("compiler", FAMILIES)
@pytest.mark.parametrize(
    ("declaration", "kind"),
    [
        ("const unsigned char big[300000] = { 1 };\nconst void *volatile keep = big;", "flash of 262144 bytes"),
        ("unsigned char big[20000];\nvoid *volatile keep = big;", "RAM of 16384 bytes"),
    ],
)
def test_what_does_not_fit_says_how_much_is_missing(
    echo_sources: Sources, tmp_path: Path, compiler: str, declaration: str, kind: str
) -> None:
    """Too much flash or RAM is DoesNotFit, with the board's size and the bytes that are missing."""
    board = find_board("cortex-m0", (resources.boards(),))
    need(board, compiler)
    program = tmp_path / "main.c"
    program.write_text(f"{declaration}\nint main(void) {{ return keep != 0; }}\n", encoding="utf-8")
    with pytest.raises(DoesNotFit, match=rf"needs \d+ bytes more than the {kind} of board 'cortex-m0'"):
        build(echo_sources, (program,), board, tmp_path / "out", compiler)


@pytest.mark.parametrize("compiler", FAMILIES)
def test_compiler_helpers_are_linked(tmp_path: Path, compiler: str) -> None:
    """On a core without a divider or an FPU, divisions, 64-bit products and floats link with every compiler."""
    board = find_board("cortex-m0", (resources.boards(),))
    need(board, compiler)
    program = tmp_path / "main.c"
    program.write_text(
        "volatile long long wide = 12345678901; volatile float real = 1.5f; volatile int narrow = 7;\n"
        "int main(void) { wide = wide * wide / narrow; real = real / 3.0f; return narrow / (int)real; }\n",
        encoding="utf-8",
    )
    model = source("int unused(int a);\nint unused(int a) { return a; }\n")
    image = build(model, (program,), board, tmp_path, compiler)
    assert image.code_bytes < 4096


@pytest.mark.parametrize("compiler", FAMILIES)
def test_the_shared_library_runs(echo_sources: Sources, host: Board, tmp_path: Path, compiler: str) -> None:
    """The model alone becomes a library whose invoke can be called from Python."""
    need(host, compiler)
    path = build_shared_library(echo_sources, tmp_path / "echo.so", host, compiler=compiler)
    library = ctypes.CDLL(str(path))
    library.echo_invoke()
    arena = (ctypes.c_uint8 * 1024).in_dll(library, "echo_arena")
    assert bytes(arena[512:520]) == bytes(range(8))
    assert [child.name for child in tmp_path.iterdir()] == ["echo.so"]


def test_check_compiles_refuses_a_warning(m4: Board, host: Board) -> None:
    """A lossy conversion in generated C fails the check on device and host alike."""
    lossy = source("char f(int a);\nchar f(int a) { return a; }\n")
    for board in (m4, host):
        with pytest.raises(BuildFailed, match="conversion"):
            check_compiles(lossy, board)


def test_check_compiles_accepts_clean_code(echo_sources: Sources, m4: Board) -> None:
    """Clean C passes and leaves nothing behind."""
    check_compiles(echo_sources, m4)


def test_the_line_that_compiles_it() -> None:
    """The line for users names compiler, core, include folder and files."""
    line = compile_line("arm-none-eabi-gcc", ("-mcpu=cortex-m4", "-mthumb"), ("kws.c", "kws_constants.c"), ".")
    assert line.startswith("arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -std=c99 -ffreestanding")
    assert line.endswith("-I. -c kws.c kws_constants.c")
