"""Mixed widths go to the layers that measurably hurt most, within the bytes that were granted."""

from __future__ import annotations

from dataclasses import replace

from mcuq.quantize import Recipe, Scheme, load_recipe, quantize
from mcuq.quantize.mixed import RoundingNoise, raised_layers, rounding_noise
from mcuq.quantize.plan import plan
from mcuq.quantize.recipe import Mixed
from tests.quantize.floats import residual_network, samples_for


def test_the_most_noise_a_byte_is_removed_first() -> None:
    """A layer that does not fit is passed over for the next that does; nothing is raised for no gain."""
    noises = [
        RoundingNoise("a", "a", 10.0, 100),
        RoundingNoise("b", "b", 9.0, 10),
        RoundingNoise("c", "c", 0.5, 10),
        RoundingNoise("d", "d", 0.0, 1),
    ]
    assert raised_layers(noises, 20) == ("b", "c")
    assert raised_layers(noises, 110) == ("b", "a")
    assert raised_layers(noises, 0) == ()


def test_noise_is_that_of_each_layer_alone() -> None:
    """Two bits are noisier than four in every layer, and every layer with weights is judged."""
    graph = residual_network()
    found = []
    for bits in (2, 4):
        recipe = Recipe(layers=Scheme(weight_bits=bits), mixed=Mixed())
        found.append(rounding_noise(graph, plan(graph, recipe), recipe, Mixed(), samples_for(graph)))
    assert [line.layer for line in found[0]] == [n.outputs[0] for n in graph.nodes if len(n.inputs) == 3]
    assert all(two.noise > four.noise > 0 for two, four in zip(*found, strict=True))


def test_raised_layers_are_in_the_report_and_the_budget_is_kept() -> None:
    """A generous budget raises all, a small one some, none at all leaves int4."""
    graph, recipe = residual_network(), load_recipe("int4-mixed")
    bytes_of = {}
    for percent in (0.0, 30.0, 100.0):
        chosen = replace(recipe, mixed=Mixed(8, percent))
        report = quantize(graph, [samples_for(graph)], chosen).report
        bits = [line.weight_bits for line in report.layers if line.weight_bits is not None]
        bytes_of[percent] = report.weight_bytes
        if percent == 0:
            assert set(bits) == {4}
        elif percent == 100:
            assert set(bits) == {8}
        else:
            assert set(bits) == {4, 8}
    assert bytes_of[30.0] <= bytes_of[0.0] * 1.3
    assert bytes_of[100.0] == 2 * bytes_of[0.0]
