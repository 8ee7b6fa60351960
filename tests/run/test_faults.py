"""A fault of the firmware is named by exception, cause, function and layer of the user's model."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from shutil import which

import pytest

from mcuq import demo, pipeline
from mcuq.artifacts import Build, SourceFile
from mcuq.build import build_image
from mcuq.codegen import link_script
from mcuq.errors import DeviceFault, ToolMissing
from mcuq.run.faults import steps_of_functions
from mcuq.run.messages import Fault

C_TEXT = """
static void net_conv_0_row(int8_t *y)
{
    y[0] = 1;
}

static void net_conv_0(const int8_t *x,
                       int8_t *y)
{
    net_conv_0_row(y);
}

__attribute__((noinline)) static void net_step_0(const net_t *net)
{
    net_conv_0(net->arena, net->arena + 4);
}

__attribute__((noinline)) static void net_step_1(const net_t *net)
{
    net_conv_0(net->arena + 4, net->arena);
}
"""


def test_steps_are_found_through_the_functions_that_they_call() -> None:
    """A kernel that two steps share belongs to both, also what it calls itself."""
    steps = steps_of_functions("net", C_TEXT)
    assert steps["net_conv_0_row"] == steps["net_conv_0"] == (0, 1)
    assert steps["net_step_1"] == (1,)


def build_for(board: str, folder: Path) -> Build:
    """The demo for that board."""
    try:
        return pipeline.build(pipeline.load(demo.model_path()), pipeline.find_board(board), folder)
    except ToolMissing as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The demo for a Cortex-M4."""
    return build_for("cortex-m4", tmp_path_factory.mktemp("digits"))


def broken(built: Build, function: str, statement: str, folder: Path) -> Build:
    """The same build with a statement at the begin of one function of the model; `function` is a pattern."""

    def harm(file: SourceFile) -> SourceFile:
        if file.role != "model":
            return file
        heading = rf" {function}\([^;{{}}]*\)\s*{{"
        return replace(file, text=re.sub(heading, rf"\g<0>\n    {statement}", file.text, count=1))

    sources = replace(built.sources, files=tuple(harm(file) for file in built.sources.files))
    assert sources != built.sources
    image = build_image(
        sources,
        built.board,
        folder,
        constant_bytes=built.schedule.constant_bytes,
        arena_bytes=built.plan.arena_bytes,
        link_script=link_script(built.board),
    )
    return replace(built, folder=folder, sources=sources, image=image)


@pytest.mark.skipif(which("qemu-system-arm") is None, reason="qemu-system-arm is not installed")
@pytest.mark.parametrize(
    ("function", "statement", "cause"),
    [
        ("digits_int8_step_2", '__asm__ volatile("udf #0");', "undefined instruction"),
        (
            r"digits_int8_fully_connected_\d+",
            "*(volatile unsigned char *)0x7FFFFFF0u;",
            "data access to an address that is not there",
        ),
    ],
)
def test_a_hard_fault_is_resolved_to_its_layer(
    built: Build, tmp_path: Path, function: str, statement: str, cause: str
) -> None:
    """The fault handler's registers reach the host, and become exception, cause, function, step and layer."""
    harmed = broken(built, function, statement, tmp_path)
    samples = pipeline.load_samples(demo.data_path(), built.graph, 2)
    with pytest.raises(DeviceFault) as caught:
        pipeline.run(harmed, samples, link="qemu", count_samples=1)
    message, fault = str(caught.value), caught.value.fault
    assert isinstance(fault, Fault)
    (step,) = pipeline.fault_map(harmed).steps_at(fault)
    layers = ", ".join(built.schedule.steps[step].layers)
    assert f"a HardFault ({cause}) in digits_int8_" in message
    assert f"step {step} ({layers})" in message
    assert f"pc 0x{fault.pc:08x} (lr 0x{fault.lr:08x}, CFSR 0x{fault.cfsr:08x}" in message
    if "step_2" in function:
        assert step == 2
    else:
        assert built.schedule.steps[step].nodes[-1].op.lower() == "fully_connected"


@pytest.mark.skipif(which("qemu-system-riscv32") is None, reason="qemu-system-riscv32 is not installed")
def test_a_trap_of_risc_v_is_resolved_to_its_layer(tmp_path: Path) -> None:
    """There the cause is that of mcause, and the place is found in the same way."""
    made = build_for("virt-rv32", tmp_path / "whole")
    harmed = broken(made, "digits_int8_step_2", '__asm__ volatile(".word 0");', tmp_path / "harmed")
    samples = pipeline.load_samples(demo.data_path(), made.graph, 2)
    layers = ", ".join(re.escape(name) for name in made.schedule.steps[2].layers)
    with pytest.raises(DeviceFault, match=rf"a trap \(illegal instruction\) in digits_int8_.*, step 2 \({layers}\)"):
        pipeline.run(harmed, samples, link="qemu", count_samples=1)


def test_a_fault_in_the_simulator_names_function_and_step(built: Build, tmp_path: Path) -> None:
    """The simulator delivers no exceptions: it stops at the instruction itself and says where."""
    pytest.importorskip("unicorn")
    harmed = broken(built, "digits_int8_step_2", '__asm__ volatile("udf #0");', tmp_path)
    samples = pipeline.load_samples(demo.data_path(), built.graph, 2)
    with pytest.raises(DeviceFault, match=r"cannot run .* in digits_int8_step_2, step 2 \(pc"):
        pipeline.run(harmed, samples, link="sim", count_samples=1)
