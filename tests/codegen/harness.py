"""Generated C on this computer: many models in one program under sanitizers, and what every step left in the arena.

A program that is given inputs on stdin is simpler to trust than a library: the sanitizers see every byte, and the arena
is allocated to the byte, so that the first access beyond it stops the run.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mcuq.artifacts import MemoryPlan, Schedule, Sources
from mcuq.build import WARNING_FLAGS, write_sources
from mcuq.codegen import SelfTest, generate, self_test
from mcuq.interpreter import run_all
from mcuq.ir import Graph, graph_to_text
from mcuq.memory import plan_memory
from mcuq.schedule import KERNELS, schedule

Array = npt.NDArray[Any]
Value = TypeVar("Value")

HASH = "0123456789abcdef" * 4
PARAMETER_TYPES = {kernel.name: kernel.parameters_type for kernel in KERNELS}
SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")

_MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void get(void *to, size_t bytes)
{
    if (fread(to, 1, bytes, stdin) != bytes) {
        exit(3);
    }
}

static void put(const void *from, size_t bytes)
{
    if (fwrite(from, 1, bytes, stdout) != bytes) {
        exit(4);
    }
}
"""

# One model: for each sample the inputs are read, the whole arena is written after each step, and the outputs after an
# invoke in a second arena.
_DRIVE = """
#include "{n}.c"
#include "{n}_constants.c"

static void {n}_load({n}_t *net, uint8_t *arena, const uint8_t *samples)
{{
    if ({n}_init(net, &({n}_memory_t){{ .arena = arena, .arena_bytes = {N}_ARENA_BYTES }}) != {N}_OK) {{
        exit(5);
    }}
    memset(arena, 0x5a, {N}_ARENA_BYTES);
{inputs}}}

static void {n}_drive(void)
{{
    {n}_t net;
    uint8_t *sample = malloc({sample_bytes}u), *arena = malloc({N}_ARENA_BYTES), *second = malloc({N}_ARENA_BYTES);
    uint32_t count;
    get(&count, sizeof count);
    for (uint32_t k = 0; k < count; k++) {{
        get(sample, {sample_bytes}u);
        {n}_load(&net, arena, sample);
        for (unsigned i = 0; i < {steps}; i++) {{
            {n}_step(&net, i);
            put(arena, {N}_ARENA_BYTES);
        }}
        {n}_load(&net, second, sample);
        {n}_invoke(&net);
{outputs}    }}
    free(sample);
    free(arena);
    free(second);
}}
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One model in C, and the values that it was made of."""

    graph: Graph
    schedule: Schedule
    plan: MemoryPlan
    sources: Sources

    @property
    def name(self) -> str:
        """The prefix of its C symbols."""
        return self.sources.name


def case_of(
    graph: Graph,
    name: str = "net",
    *,
    keep_inputs: bool = False,
    selftest: SelfTest | None = None,
    features: frozenset[str] = frozenset(),
    planned: Schedule | None = None,
) -> Case:
    """The graph scheduled (unless it is already), planned and generated, for a core with these features."""
    planned = planned or schedule(graph, features, keep_inputs)
    plan = plan_memory(planned)
    sources = generate(
        planned,
        plan,
        name=name,
        model_hash=HASH,
        version="0",
        parameter_types=PARAMETER_TYPES,
        selftest=selftest,
    )
    return Case(graph, planned, plan, sources)


def vectors_of(graph: Graph, inputs: Sequence[Array]) -> SelfTest:
    """The self-test of `inputs`, each with a leading sample axis."""
    values = run_all(graph, inputs)
    samples = [{name: array[i] for name, array in values.items()} for i in range(len(inputs[0]))]
    return self_test(schedule(graph), samples)


def examples(strategy: st.SearchStrategy[Value], count: int) -> list[Value]:
    """`count` values that hypothesis draws, always the same ones, to be tested together."""
    found: list[Value] = []

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: Value) -> None:
        found.append(value)

    collect()
    return found


def host_compiler(name: str = "gcc") -> str:
    """The path of a compiler of this computer; skips where it is absent."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def compile_program(
    text: str, program: Path, *, compiler: str = "gcc", flags: Sequence[str] = (), more: Sequence[str] = ()
) -> Path:
    """`text` and the further files `more` as a program under address and undefined-behaviour sanitizers."""
    source = program.with_suffix(".c")
    source.write_text(text, encoding="utf-8")
    command = (
        *(host_compiler(compiler), "-std=c99", "-O1", *WARNING_FLAGS, *SANITIZE, *flags),
        *(f"-I{program.parent}", str(source), *more, "-o", str(program)),
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=program.parent)
    if "cannot find" in done.stderr and "libclang_rt" in done.stderr:
        pytest.skip(f"{compiler} has no sanitizers here (Debian: libclang-rt-14-dev)")
    assert done.returncode == 0, done.stderr[:4000]
    return program


def run_program(program: Path, data: bytes = b"", *arguments: str) -> bytes:
    """What the program writes to stdout; anything that a sanitizer says fails the test."""
    done = subprocess.run([str(program), *arguments], input=data, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, f"status {done.returncode}\n{done.stderr.decode(errors='replace')[:4000]}"
    return done.stdout


def _drive(case: Case) -> str:
    graph, n, upper = case.graph, case.name, case.name.upper()
    loads, start = "", 0
    for index, name in enumerate(graph.inputs):
        loads += f"    memcpy({n}_input_{index}(net), samples + {start}, {upper}_INPUT_{index}_BYTES);\n"
        start += graph.tensor(name).bytes
    puts = "".join(
        f"        put({n}_output_{index}(&net), {upper}_OUTPUT_{index}_BYTES);\n" for index in range(len(graph.outputs))
    )
    # A literal: comparing an unsigned number with a macro of 0 would be a warning.
    steps = f"{len(case.schedule.steps)}u" if case.schedule.steps else "(i & 0u)"
    return _DRIVE.format(n=n, N=upper, inputs=loads, outputs=puts, sample_bytes=start, steps=steps)


def build_driver(cases: Sequence[Case], folder: Path, compiler: str = "gcc") -> Path:
    """One program of all cases, which must have different names."""
    for case in cases:
        write_sources(case.sources.of_role("model", "header"), folder)
    calls = "".join(f"    {case.name}_drive();\n" for case in cases)
    text = _MAIN + "".join(map(_drive, cases)) + f"\nint main(void)\n{{\n{calls}    return 0;\n}}\n"
    return compile_program(text, folder / "driver", compiler=compiler)


def _frame(case: Case, inputs: Sequence[Array]) -> bytes:
    count = len(inputs[0])
    samples = (np.ascontiguousarray(array[k]).tobytes() for k in range(count) for array in inputs)
    return struct.pack("<I", count) + b"".join(samples)


def _value(case: Case, arena: bytes, name: str) -> bytes:
    location = case.schedule.location(name)
    start = case.plan.placement(location.buffer).offset_bytes + location.offset_bytes
    return arena[start : start + case.graph.tensor(name).bytes]


def _check_sample(case: Case, take: Callable[[int], bytes], expected: dict[str, Array], sample: int) -> None:
    def same(got: bytes, name: str, where: str) -> None:
        wanted = np.ascontiguousarray(expected[name][sample]).tobytes()
        if got != wanted:
            place = next(i for i, (a, b) in enumerate(zip(got, wanted, strict=True)) if a != b)
            raise AssertionError(f"{where}: {name!r} byte {place} of sample {sample}\n{graph_to_text(case.graph)}")

    for step in case.schedule.steps:
        arena = take(case.plan.arena_bytes)
        for name in step.outputs:
            same(_value(case, arena, name), name, f"{case.name} step {step.index} {step.kernel}")
    for name in case.graph.outputs:
        same(take(case.graph.tensor(name).bytes), name, f"{case.name} output after invoke")
    if case.schedule.keep_inputs and case.schedule.steps:
        for name in case.graph.inputs:
            same(_value(case, arena, name), name, f"{case.name} kept input")


def assert_equal_interpreter(
    cases: Sequence[tuple[Case, Sequence[Array]]], folder: Path, compiler: str = "gcc"
) -> None:
    """Every step and every output of all cases gives the interpreter's bytes, and no sanitizer complains."""
    program = build_driver([case for case, _ in cases], folder, compiler)
    answer = run_program(program, b"".join(_frame(case, inputs) for case, inputs in cases))
    position = 0

    def take(count: int) -> bytes:
        nonlocal position
        position += count
        return answer[position - count : position]

    for case, inputs in cases:
        expected = run_all(case.graph, inputs)
        for sample in range(len(inputs[0])):
            _check_sample(case, take, expected, sample)
    assert position == len(answer)
