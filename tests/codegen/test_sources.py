"""The generated sources as a whole: what an application sees, what tools say of them, and what they may not contain."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile

from mcuq import demo, pipeline, resources
from mcuq.build import WARNING_FLAGS, check_compiles, find_toolchain, write_sources
from mcuq.errors import ToolMissing
from mcuq.interpreter import run
from mcuq.ir import Graph
from mcuq.ops.reshape import Reshape
from mcuq.ops.softmax import Softmax
from mcuq.schedule import KERNELS
from tests.codegen.harness import Case, case_of, compile_program, host_compiler, run_program, vectors_of
from tests.networks import PROBABILITY, Builder, network, residual_block
from tests.ops.strategies import inputs_for

# Networks that use nearly every kernel between them (test_the_mix_uses_many_kernels).
MIX = tuple(range(40))


def classifier() -> Graph:
    """A reshape and a softmax: small, with a second kernel."""
    b = Builder(np.random.default_rng(1))
    x = b.node("RESHAPE", (b.input((1, 2, 3, 2)),), Reshape((1, 12)))
    return b.graph((b.node("SOFTMAX", (x,), Softmax(), PROBABILITY),))


def nothing_to_compute() -> Graph:
    """A reshape of an input: a model without a step."""
    b = Builder(np.random.default_rng(1))
    return b.graph((b.node("RESHAPE", (b.input((1, 2, 3, 2)),), Reshape((1, 12))),))


def with_selftest(graph: Graph, name: str = "net", samples: int = 2) -> Case:
    """The model with its self-test."""
    return case_of(graph, name, selftest=vectors_of(graph, inputs_for(graph, 0, samples)))


def text_of(case: Case, suffix: str) -> str:
    """The text of the file `<name><suffix>`."""
    return next(file.text for file in case.sources.files if file.path == f"{case.name}{suffix}")


def written(case: Case, folder: Path) -> list[str]:
    """The C files of the model, self-test included, written to `folder`."""
    files = case.sources.of_role("model", "header", "selftest")
    write_sources(files, folder)
    return [file.path for file in files if file.path.endswith(".c")]


@pytest.mark.parametrize("seed", [0, 3, 17])
def test_generation_is_deterministic(seed: int) -> None:
    """The same graph gives the same files, byte for byte."""
    assert with_selftest(network(seed)).sources == with_selftest(network(seed)).sources


def test_generation_does_not_depend_on_the_process(tmp_path: Path) -> None:
    """Processes with other hash seeds write the same files: nothing is printed in the order of a set."""
    program = (
        "import sys; from pathlib import Path; from mcuq import pipeline; from tests.networks import network\n"
        "for seed in range(6): pipeline.codegen(network(seed), Path(sys.argv[1]) / str(seed), name='m', selftest=1)"
    )
    texts = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        command = [sys.executable, "-c", program, str(folder)]
        environment = {"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(filter(None, sys.path))}
        subprocess.run(command, check=True, env=environment, cwd=Path(__file__).parents[2])
        texts.append({p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()})
    assert texts[0] == texts[1]
    assert len(texts[0]) > 12


def test_the_opening_comment_names_everything() -> None:
    """Every generated file opens with model hash, mcuq version, options and the exact arena."""
    case = case_of(residual_block(), keep_inputs=True)
    for file in case.sources.of_role("model", "firmware"):
        opening = file.text[: file.text.index("*/")]
        assert file.text.startswith("/*")
        for fact in (case.sources.model_hash, "mcuq 0;", "keep_inputs=yes", f"{case.plan.arena_bytes} bytes"):
            assert fact in opening


def test_the_header_states_exact_figures() -> None:
    """Arena, constants, MACs, steps and quantization stand in the header as literals."""
    case = case_of(residual_block())
    header = text_of(case, ".h")
    for line in (
        f"#define NET_ARENA_BYTES {case.plan.arena_bytes}",
        f"#define NET_CONSTANT_BYTES {case.schedule.constant_bytes}",
        f"#define NET_MACS {2 * 6 * 6 * 4 * 4 * 9}",
        "#define NET_STEPS 3",
        "#define NET_INPUT_0_BYTES 144",
        "#define NET_INPUT_0_SCALE 6.25e-02f",
        "#define NET_OUTPUT_0_ZERO_POINT 3",
    ):
        assert line in header


def test_only_freestanding_headers_are_included() -> None:
    """Generated C and the headers that come along include stdint, stddef and stdbool of the C library, nothing else."""
    for seed in MIX:
        for file in case_of(network(seed)).sources.files:
            system = set(re.findall(r"#\s*include\s*<([^>]*)>", file.text))
            assert system <= {"stdint.h", "stddef.h", "stdbool.h"}


def test_the_mix_uses_many_kernels() -> None:
    """The networks that compilers and checkers are shown contain nearly every portable kernel of int8 models."""
    used = {step.kernel for seed in MIX for step in case_of(network(seed)).schedule.steps}
    portable = {kernel.name for kernel in KERNELS if "tflm" in kernel.arithmetics and kernel.name.endswith("/portable")}
    assert portable - used <= {"mean/portable", "fully_connected/portable"}


TWO_MODELS = """
#include <stdio.h>
#include "first.h"
#include "second.h"

static uint8_t a[FIRST_ARENA_BYTES] FIRST_ARENA_ALIGN;
static uint8_t b[FIRST_ARENA_BYTES] FIRST_ARENA_ALIGN;
static uint8_t c[SECOND_ARENA_BYTES] SECOND_ARENA_ALIGN;

int main(void)
{
    first_t one, two;
    second_t other;
    int failed = first_init(&one, &(first_memory_t){ .arena = a, .arena_bytes = sizeof a });
    failed |= first_init(&two, &(first_memory_t){ .arena = b, .arena_bytes = sizeof b });
    failed |= second_init(&other, &(second_memory_t){ .arena = c, .arena_bytes = sizeof c });
    if (failed != 0 || fread(first_input(&one, 0), FIRST_INPUT_0_BYTES, 1, stdin) != 1 ||
        fread(first_input(&two, 0), FIRST_INPUT_0_BYTES, 1, stdin) != 1 ||
        fread(second_input(&other, 0), SECOND_INPUT_0_BYTES, 1, stdin) != 1) {
        return 1;
    }
    for (unsigned step = 0; step < FIRST_STEPS; step++) { /* taken in turns */
        first_step(&one, step);
        second_step(&other, step);
        first_step(&two, step);
    }
    first_step(&one, FIRST_STEPS); /* there is no such step: nothing happens */
    fwrite(first_output(&one, 0), FIRST_OUTPUT_0_BYTES, 1, stdout);
    fwrite(first_output(&two, 0), FIRST_OUTPUT_0_BYTES, 1, stdout);
    fwrite(second_output(&other, 0), SECOND_OUTPUT_0_BYTES, 1, stdout);
    return first_output(&one, 1) != 0;
}
"""


def test_two_models_and_two_instances_in_one_program(tmp_path: Path) -> None:
    """Two models link together, two instances of one run step by step in turns, and nobody disturbs anybody."""
    first, second = residual_block(), classifier()
    files = [*written(case_of(first, "first"), tmp_path), *written(case_of(second, "second"), tmp_path)]
    (samples,), (other,) = inputs_for(first, 5, 2), inputs_for(second, 6, 1)
    program = compile_program(TWO_MODELS, tmp_path / "program", more=files)
    answer = run_program(program, samples.tobytes() + other.tobytes())
    expected = run(first, (samples,))[0].tobytes() + run(second, (other,))[0].tobytes()
    assert answer == expected


INIT = """
#include <stdio.h>
#include "net.h"

int main(void)
{
    static uint8_t arena[NET_ARENA_BYTES + 1] NET_ARENA_ALIGN;
    net_t net;
    const uint32_t bytes = NET_ARENA_BYTES;
    const net_memory_t good = { arena, bytes }, none = { 0, bytes }, odd = { arena + 1, bytes };
    const net_memory_t small = { arena, bytes - 1 }, unsaid = { .arena = arena };
    printf("%d %d %d %d ", net_init(&net, &good), net_init(0, &good), net_init(&net, 0), net_init(&net, &none));
    printf("%d %d %d ", net_init(&net, &odd), net_init(&net, &small), net_init(&net, &unsaid));
    printf("%d %d %d %d", NET_OK, NET_ERROR_NULL, NET_ERROR_ALIGNMENT, NET_ERROR_TOO_SMALL);
    return 0;
}
"""


def test_init_answers_what_is_wrong(tmp_path: Path) -> None:
    """Null pointers, a misaligned and a small arena, and one of unsaid size, are refused, each by its number."""
    program = compile_program(INIT, tmp_path / "program", more=written(case_of(residual_block()), tmp_path))
    assert run_program(program).split() == b"0 1 1 1 2 3 3 0 1 2 3".split()


QUANTIZE = """
#include <stdio.h>
#include "net.h"

int main(void)
{
    float real;
    while (fread(&real, sizeof real, 1, stdin) == 1) {
        const int8_t stored = net_quantize_input_0(real);
        const float back = net_dequantize_output_0(stored);
        fwrite(&stored, 1, 1, stdout);
        fwrite(&back, sizeof back, 1, stdout);
    }
    return 0;
}
"""


def test_quantize_and_dequantize_helpers(tmp_path: Path) -> None:
    """Reals become stored numbers as the model's quantization says, saturated at both ends, and come back."""
    graph = residual_block()
    reals = np.array([0, 0.0625, -0.0625, 0.03, 0.05, 7.75, 8, 1e9, -8.1, -1e9, np.inf, -np.inf, np.nan], "<f4")
    program = compile_program(QUANTIZE, tmp_path / "program", more=written(case_of(graph), tmp_path))
    answer = np.frombuffer(run_program(program, reals.tobytes()), [("stored", "i1"), ("back", "<f4")])
    np.testing.assert_array_equal(answer["stored"], [3, 4, 2, 3, 4, 127, 127, 127, -127, -128, 127, -128, -128])
    np.testing.assert_array_equal(answer["back"], (answer["stored"].astype(np.float32) - 3) * np.float32(0.0625))


CPP = """
#include "net.h"
#include "net_selftest.h"

alignas(NET_ARENA_ALIGNMENT) static std::uint8_t arena[NET_ARENA_BYTES];

int main()
{
    net_t net;
    const net_memory_t memory = { arena, sizeof arena };
    if (net_init(&net, &memory) != NET_OK) {
        return 1;
    }
    net_input(&net, 0)[0] = net_quantize_input_0(1.0f);
    net_invoke(&net);
    const bool small = net_dequantize_output_0(net_output(&net, 0)[0]) < 100.0f;
    return small && net_selftest(&net) == NET_SELFTEST_PASSED ? 0 : 1;
}
"""


@pytest.mark.parametrize("graph", [residual_block(), network(4), network(8)], ids=["residual", "4", "8"])
def test_headers_are_cpp(graph: Graph, tmp_path: Path) -> None:
    """A C++ application includes the headers without a warning and links with the C."""
    files = written(with_selftest(graph), tmp_path)
    includes = '#include <cstdint>\n#include "net.h"\n#include "net_selftest.h"\nint main() { return NET_OK; }\n'
    (tmp_path / "main.cpp").write_text(f"#include <cstdint>\n{CPP}" if len(graph.nodes) == 3 else includes)
    flags = ("-O1", "-Wall", "-Wextra", "-Werror")
    objects = [f"{Path(file).stem}.o" for file in files]
    for file in files:
        subprocess.run([host_compiler(), "-std=c99", *flags, "-I.", "-c", file], check=True, cwd=tmp_path)
    link = [host_compiler("g++"), "-std=c++17", *flags, "-I.", "main.cpp", *objects, "-o", "program"]
    done = subprocess.run(link, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    subprocess.run([str(tmp_path / "program")], check=True)


SELFTEST = """
#include <stdio.h>
#include "net_selftest.h"

int main(void)
{
    static uint8_t arena[NET_ARENA_BYTES] NET_ARENA_ALIGN;
    net_t net;
    if (net_init(&net, &(net_memory_t){ .arena = arena, .arena_bytes = sizeof arena }) != NET_OK) {
        return 1;
    }
    printf("%d %d", net_selftest(&net), NET_SELFTEST_PASSED);
    return 0;
}
"""


def selftest_answer(folder: Path, files: Sequence[str]) -> int:
    """What the self-test answers, which is -1 when it passes."""
    answer, passed = run_program(compile_program(SELFTEST, folder / "program", more=files)).split()
    assert passed == b"-1"
    return int(answer)


@pytest.mark.parametrize("seed", range(0, 40, 5))
def test_selftest_passes(seed: int, tmp_path: Path) -> None:
    """Untouched code passes its own self-test, whatever the graph."""
    assert selftest_answer(tmp_path, written(with_selftest(network(seed)), tmp_path)) == -1


def test_selftest_of_a_model_without_steps(tmp_path: Path) -> None:
    """A model that computes nothing compiles and passes."""
    case = with_selftest(nothing_to_compute())
    assert case.schedule.steps == ()
    assert selftest_answer(tmp_path, written(case, tmp_path)) == -1


@pytest.mark.parametrize("step", [0, 1])
def test_selftest_names_the_first_wrong_step(step: int, tmp_path: Path) -> None:
    """A weight that is changed after generation is found, at the step that reads it."""
    files = written(with_selftest(residual_block()), tmp_path)
    path = tmp_path / "net_constants.c"
    text = path.read_text()
    start = text.index("{", text.index(f"net_{step}_bias")) + 1
    number = re.compile(r"-?\d+").search(text, start)
    assert number is not None
    path.write_text(text[: number.start()] + str(int(number[0]) + 100_000) + text[number.end() :])
    assert selftest_answer(tmp_path, files) == step


def need_board(name: str, compiler: str) -> None:
    """Skip where the compiler cannot build for the board."""
    try:
        find_toolchain(pipeline.find_board(name), compiler)
    except ToolMissing as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("compiler", ["gcc", "clang", "zig"])
@pytest.mark.parametrize("board", ["host", "cortex-m4"])
def test_compilers_have_nothing_to_say(board: str, compiler: str) -> None:
    """Models of all kernels, with glue and self-test, compile without a warning with gcc, clang and zig."""
    need_board(board, compiler)
    seeds = (2, 14, 28) if compiler == "zig" else MIX[:12]
    graphs = [*map(network, seeds), nothing_to_compute(), classifier()]
    for index, graph in enumerate(graphs):
        check_compiles(with_selftest(graph, f"m{index}").sources, pipeline.find_board(board), compiler=compiler)


def test_cppcheck_has_no_findings(tmp_path: Path, root: Path) -> None:
    """cppcheck finds nothing in generated models nor in the firmware."""
    cppcheck = shutil.which("cppcheck")
    if cppcheck is None:
        pytest.skip("cppcheck is not installed")
    for seed in MIX[:8]:
        written(with_selftest(network(seed), f"m{seed}"), tmp_path)
    firmware = resources.firmware()
    done = subprocess.run(
        [
            *(cppcheck, "--enable=warning,performance,portability", "--error-exitcode=1", "--std=c99", "--quiet"),
            *(
                "--inline-suppr",
                "--suppress=missingIncludeSystem",
                "-DMCUQ_CLOCK_HZ=25000000u",
                "-DMCUQ_UART_BAUD=115200u",
                *("-D__GNUC__=12", "-D__CHAR_BIT__=8", "-D__SIZEOF_INT__=4", "-D__BYTE_ORDER__=1234"),
                "-D__ORDER_LITTLE_ENDIAN__=1234",
            ),
            *(f"-I{firmware / 'include'}", f"-I{firmware / 'protocol'}", f"-I{tmp_path}", str(tmp_path), str(firmware)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("seed", [0, 8, 21])
def test_models_have_no_mutable_state(seed: int, tmp_path: Path) -> None:
    """The objects of a model hold code and constants only: no .data, no .bss, so instances cannot share anything."""
    for file in written(with_selftest(network(seed)), tmp_path):
        target = tmp_path / f"{Path(file).stem}.o"
        # Not position independent, as on a microcontroller: tables of functions then need no relocation at run time.
        flags = ("-std=c99", "-Os", "-fno-pic", "-ffreestanding", *WARNING_FLAGS, "-I.")
        subprocess.run([host_compiler(), *flags, "-c", file, "-o", str(target)], check=True, cwd=tmp_path)
        with target.open("rb") as stream:
            sections = {section.name: section.data_size for section in ELFFile(stream).iter_sections()}
        mutable = {
            name: size for name, size in sections.items() if name.startswith((".data", ".bss", ".tbss")) and size
        }
        assert mutable == {}


def test_models_call_nothing_but_compiler_helpers(tmp_path: Path) -> None:
    """A linked set of model objects leaves only memcpy and memset, which firmware brings along, undefined."""
    files = [file for seed in MIX[:6] for file in written(with_selftest(network(seed), f"m{seed}"), tmp_path)]
    flags = ("-std=c99", "-Os", "-ffreestanding", "-I.", "-r", "-nostdlib")
    subprocess.run([host_compiler(), *flags, *files, "-o", "all.o"], check=True, cwd=tmp_path)
    with (tmp_path / "all.o").open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        undefined = {symbol.name for symbol in table.iter_symbols() if symbol["st_shndx"] == "SHN_UNDEF"} - {""}
    assert undefined <= {"memcpy", "memset", "memmove", "_GLOBAL_OFFSET_TABLE_"}


def test_equal_steps_share_a_function() -> None:
    """Two convolutions of one shape are one C function with two parameter structs: flash does not grow with depth."""
    source = text_of(case_of(residual_block()), ".c")
    assert len(re.findall(r"static void net_conv_2d_\d+\(", source)) == 1
    assert len(re.findall(r"static const mcuq_conv_parameters", source)) == 2


DEMO = -1


def generated(folder: Path, seed: int, board: str = "cortex-m4") -> None:
    """A model called net for a board, in `folder`."""
    graph = pipeline.load(demo.model_path()) if seed == DEMO else network(seed)
    pipeline.codegen(graph, folder, name="net", selftest=1, board=pipeline.find_board(board))


def refusal(folder: Path, *command: str) -> str:
    """What a compiler says that must refuse."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode != 0, "it compiled"
    return done.stderr


M4 = ("arm-none-eabi-gcc", "-std=c99", "-ffreestanding", "-mthumb", "-I.", "-c", "net.c")


def test_the_wrong_core_is_an_error_of_the_compiler(tmp_path: Path) -> None:
    """Code for DSP instructions does not compile for a core without, unless the user asks for the slower C."""
    generated(tmp_path, DEMO)
    assert "net.c is made for a core with DSP instructions" in refusal(tmp_path, *M4, "-mcpu=cortex-m3")
    for flags in (("-mcpu=cortex-m4",), ("-mcpu=cortex-m3", "-DMCUQ_NO_ASSEMBLY")):
        subprocess.run([*M4, *flags], cwd=tmp_path, check=True)


def test_a_missing_fpu_flag_is_an_error_of_the_compiler(tmp_path: Path) -> None:
    """A float model for a core with an FPU does not silently compile to calls of a software library."""
    pipeline.codegen(float_network(), tmp_path, name="net", board=pipeline.find_board("cortex-m4"))
    assert "net.c is made for a core with an FPU" in refusal(tmp_path, *M4, "-mcpu=cortex-m4")
    hard = ("-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
    for flags in (hard, ("-DMCUQ_SOFT_FLOAT",)):
        subprocess.run([*M4, "-mcpu=cortex-m4", *flags], cwd=tmp_path, check=True)


def float_network() -> Graph:
    """One fully connected layer in float."""
    graph = pipeline.load(demo.float_model_path())
    return pipeline.quantize(graph, demo.data_path(), "float", samples=1).graph


@pytest.mark.parametrize("file", ["net.c", "net_constants.c", "net_selftest.c"])
def test_a_cpp_compiler_is_refused(file: str, tmp_path: Path) -> None:
    """Sources given to a C++ compiler are refused with a sentence that says what to do."""
    generated(tmp_path, 2)
    assert "give it to the C compiler" in refusal(tmp_path, host_compiler("g++"), "-x", "c++", "-I.", "-c", file)


@pytest.mark.parametrize("file", ["net.h", "net.c", "net_constants.h", "net_constants.c", "net_selftest.c"])
def test_files_of_two_generations_do_not_compile_together(file: str, tmp_path: Path) -> None:
    """A file that was left behind when a model was replaced stops the compiler, whichever it is."""
    for name, seed in (("old", 2), ("new", 3)):
        generated(tmp_path / name, seed)
    shutil.copy(tmp_path / "old" / file, tmp_path / "new" / file)
    compiled = file if file.endswith(".c") else "net.c"
    said = refusal(tmp_path / "new", host_compiler(), "-I.", "-DMCUQ_NO_ASSEMBLY", "-c", compiled)
    assert "generated at different times" in said


def test_objects_of_another_width_do_not_link(tmp_path: Path) -> None:
    """An application of 32 bits and a model of 64 are told apart by the linker."""
    pipeline.codegen(residual_block(), tmp_path, name="net")
    (tmp_path / "main.c").write_text('#include "net.h"\nint main(void) { net_t n; return net_init(&n, 0); }\n')
    subprocess.run([host_compiler("gcc"), "-m64", "-ffreestanding", "-c", "net.c"], cwd=tmp_path, check=True)
    subprocess.run([host_compiler("gcc"), "-m32", "-ffreestanding", "-c", "main.c"], cwd=tmp_path, check=True)
    assert "incompatible" in refusal(tmp_path, "ld", "main.o", "net.o", "-o", "program")


def test_the_compile_line_compiles(tmp_path: Path) -> None:
    """The one line that `codegen` prints compiles the folder as it stands."""
    generated = pipeline.codegen(residual_block(), tmp_path, name="net", selftest=1)
    host_compiler("cc")
    done = subprocess.run(generated.compile_line.split(), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in tmp_path.glob("*.o")} == {"net.o", "net_constants.o", "net_selftest.o"}


@pytest.mark.parametrize("seed", [DEMO, 2, 8])
@pytest.mark.parametrize("compiler", ["arm-none-eabi-gcc", "clang"])
def test_placement(seed: int, compiler: str, tmp_path: Path) -> None:
    """All code and all weights land in the sections that two macros name."""
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    generated(tmp_path, seed)
    target = ("--target=thumbv7em-none-eabi",) if compiler == "clang" else ("-mthumb",)
    flags = (*target, "-mcpu=cortex-m4", "-std=c99", "-ffreestanding", "-O2", *WARNING_FLAGS, "-I.")
    macros = [f'-DNET_{kind}_SECTION=__attribute__((section(".{kind.lower()}")))' for kind in ("CODE", "CONSTANT")]
    sizes: dict[str, int] = {}
    for file in ("net.c", "net_constants.c"):
        subprocess.run([compiler, *flags, *macros, "-c", file, "-o", f"{file}.o"], cwd=tmp_path, check=True)
        with (tmp_path / f"{file}.o").open("rb") as stream:
            for section in ELFFile(stream).iter_sections():
                sizes[section.name] = sizes.get(section.name, 0) + section.data_size
    constants = int(re.search(r"CONSTANT_BYTES (\d+)", (tmp_path / "net.h").read_text()).group(1))  # type: ignore[union-attr]
    assert sizes.get(".text", 0) == 0
    assert sizes[".code"] > 200
    assert sizes.get(".constant", 0) >= constants
