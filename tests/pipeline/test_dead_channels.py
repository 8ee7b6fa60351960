"""Dead channels leave what is built by default, and nobody can tell but by the figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mcuq import cli, pipeline
from mcuq.build import find_toolchain
from mcuq.errors import ToolMissing
from mcuq.exporters import save_graph
from mcuq.ir import Graph
from tests.passes.test_remove_dead_channels import network_with_dead_channels
from tests.quantize.floats import samples_for


def mcuq(*arguments: str) -> Result:
    """The result of a command."""
    return CliRunner().invoke(cli.app, list(arguments))


@pytest.fixture(scope="module")
def graph() -> Graph:
    """An int8 model, some of whose channels no input can move."""
    floats = network_with_dead_channels()
    return pipeline.quantize(floats, samples_for(floats, 40)[0]).graph


@pytest.fixture
def compiler() -> None:
    """Skips where nothing compiles for this computer."""
    try:
        find_toolchain(pipeline.find_board("host"))
    except ToolMissing as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("compiler")
def test_a_build_leaves_them_out_and_equals_the_model(graph: Graph, tmp_path: Path) -> None:
    """Fewer MACs, constants and bytes; outputs are compared with the model as given, steps keep the layers' names."""
    board = pipeline.find_board("host")
    small = pipeline.build(graph, board, tmp_path / "small", name="net")
    dense = pipeline.build(graph, board, tmp_path / "dense", name="net", remove_dead_channels=False)
    assert small.schedule.macs < dense.schedule.macs
    assert small.schedule.constant_bytes < dense.schedule.constant_bytes
    assert (small.removed.macs, dense.removed.macs) == (dense.schedule.macs - small.schedule.macs, 0)
    assert small.graph is dense.graph is graph
    samples = pipeline.random_samples(graph, 8)
    runs = [pipeline.run(made, samples, per_step=True) for made in (small, dense)]
    assert [run.bit_exact for run in runs] == [True, True]
    assert [step.layers for step in runs[0].steps] == [step.layers for step in runs[1].steps]
    assert (len(runs[0].notes), runs[1].notes) == (1, ())
    for made in (small, dense):
        opened = pipeline.open_build(made.folder)
        assert (opened.schedule.macs, opened.removed) == (made.schedule.macs, made.removed)


@pytest.mark.usefixtures("compiler")
def test_a_removal_that_changes_an_output_is_found(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference is the model as it was given, not what is left of it."""
    from mcuq.pipeline import firmware

    def wrong(given: Graph, remove_dead_channels: bool = True) -> Graph:
        node = given.nodes[-1]
        weights = given.constant(node.inputs[1])
        return replace(given, values={**given.values, weights.name: replace(weights, values=-weights.values)})

    monkeypatch.setattr(firmware, "prepared", wrong)
    made = pipeline.build(graph, pipeline.find_board("host"), tmp_path, name="net")
    measured = pipeline.run(made, pipeline.random_samples(graph, 4))
    assert not measured.bit_exact
    assert measured.first_difference is not None
    assert measured.first_difference.value == graph.outputs[0]


def test_inspect_says_what_went(graph: Graph) -> None:
    """MACs and parameters of the layers and of what was removed are those of the model."""
    small, dense = (pipeline.inspect(graph, remove_dead_channels=flag) for flag in (True, False))
    assert dense.removed.macs == dense.removed.parameters == 0
    for figure in ("macs", "parameters"):
        left, whole = (sum(getattr(layer, figure) for layer in i.layers) for i in (small, dense))
        assert left + getattr(small.removed, figure) == whole > left
    assert [layer.name for layer in small.layers] == [layer.name for layer in dense.layers]


def test_the_command_line_says_so_too(graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`inspect` names dead channels unless they stay, by the option or by mcuq.toml."""
    monkeypatch.chdir(tmp_path)
    Path("net.mcuq").write_bytes(save_graph(graph))
    assert "dead channels" in mcuq("inspect", "net.mcuq").stdout
    assert "dead channels" not in mcuq("inspect", "net.mcuq", "--no-remove-dead-channels").stdout
    Path("mcuq.toml").write_text("[options]\nremove_dead_channels = false\n")
    assert "dead channels" not in mcuq("inspect", "net.mcuq").stdout
    assert "dead channels" in mcuq("inspect", "net.mcuq", "--remove-dead-channels").stdout


def test_a_recipe_may_ask_for_a_model_without_them() -> None:
    """`remove_dead_channels = true` in a recipe: the quantized model itself is the smaller one."""
    floats = network_with_dead_channels()
    data = samples_for(floats, 40)[0]
    recipe = replace(pipeline.load_recipe("int8"), remove_dead_channels=True)
    small = pipeline.quantize(floats, data, recipe).graph
    dense = pipeline.quantize(floats, data).graph
    assert pipeline.inspect(small).removed.macs == 0
    assert len(save_graph(small)) < len(save_graph(dense))
