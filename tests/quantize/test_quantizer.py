"""The whole of quantization: deterministic, refined, honest about what looks wrong, clear about what cannot be done."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mcuq.arithmetic.noise import sqnr_db
from mcuq.errors import QuantizationFailed
from mcuq.ir import Constant, Graph, with_changes
from mcuq.ops import NoAttrs, refusals
from mcuq.ops.mean import Mean
from mcuq.quantize import Recipe, Rule, Scheme, load_recipe, quantize
from mcuq.quantize.recipe import Refine
from tests.quantize.floats import FloatBuilder, balanced, joining_network, residual_network, samples_for
from tests.quantize.test_convert import answers

PLAIN = Refine(
    bias_correction=False, rounding="nearest", range_search=False, input_error_correction=False, equalize=0.0
)


def _constants(graph: Graph) -> dict[str, bytes]:
    return {value.name: value.values.tobytes() for value in graph.values.values() if isinstance(value, Constant)}


def test_the_same_seed_gives_the_same_graph() -> None:
    """Twice the same, byte for byte; the report says what was used."""
    graph = balanced(residual_network())
    runs = [quantize(graph, [samples_for(graph, 80)], load_recipe("int4"), seed=3) for _ in range(2)]
    assert runs[0].graph == runs[1].graph
    assert _constants(runs[0].graph) == _constants(runs[1].graph)
    report = runs[0].report
    assert (report.recipe, report.samples, report.seed) == ("int4", 80, 3)
    assert len(report.layers) == len(graph.nodes)
    assert report.warnings == ()


def test_refinement_helps_on_fresh_data() -> None:
    """Four-bit weights with everything on are at least 3 dB nearer than plain rounding."""
    found = []
    for refine in (PLAIN, Refine()):
        graph = residual_network()
        recipe = Recipe(layers=Scheme(weight_bits=4), refine=refine)
        made = quantize(graph, [samples_for(graph, 200)], recipe).graph
        fresh = samples_for(graph, 100, seed=11)
        found.append(sqnr_db(answers(graph, fresh), answers(made, fresh)))
    assert found[1] > found[0] + 3


def test_the_report_counts_weight_bytes_packed() -> None:
    """int4 weights take half the bytes of int8 ones, rounded up a layer."""
    graph = residual_network()
    data = [samples_for(graph)]
    eight, four = (quantize(graph, data, load_recipe(name)).report.weight_bytes for name in ("int8", "int4"))
    assert eight == sum(graph.constant(node.inputs[1]).elements for node in graph.nodes if len(node.inputs) == 3)
    assert four == eight // 2


def test_nan_weights_name_their_layer() -> None:
    """A diverged training is told by layer and constant, before anything is computed."""
    graph = residual_network()
    weights = graph.constant(graph.nodes[1].inputs[1])
    values = weights.values.copy()
    values.flat[3] = np.nan
    broken = with_changes(graph, graph.nodes, [replace(weights, values=values)])
    with pytest.raises(QuantizationFailed, match=r"layer 'depthwise_conv_2d_1'.*NaN"):
        quantize(broken, [samples_for(graph)], load_recipe("int8"))


def test_an_integer_graph_is_refused() -> None:
    """What is quantized already is not quantized again."""
    graph = residual_network()
    made = quantize(graph, [samples_for(graph)], load_recipe("int8")).graph
    with pytest.raises(QuantizationFailed, match="int8 already"):
        quantize(made, [samples_for(graph)], load_recipe("int8"))


def test_a_rule_that_matches_nothing_is_refused() -> None:
    """A misspelt layer name would silently do nothing; the error shows how layers are called."""
    recipe = Recipe(name="mine", rules=(Rule(layer="stem*", changes=(("weight_bits", 4),)),))
    graph = residual_network()
    with pytest.raises(QuantizationFailed, match=r"rule 0 \(layer = 'stem\*'\) matches no layer.*'conv_2d_0'"):
        quantize(graph, [samples_for(graph)], recipe)


def test_data_that_look_wrong_are_told() -> None:
    """Few samples, one sample repeated, a constant input: each is a sentence of its own."""
    graph = residual_network()
    data = samples_for(graph, 60)
    sentences = {
        "only 10 calibration samples": data[0][:10],
        "the same in all 60 samples": np.repeat(data[0][:1], 60, axis=0),
        "is 0 everywhere": np.zeros_like(data[0]),
    }
    for sentence, array in sentences.items():
        warnings = quantize(graph, [(array,)], load_recipe("int8")).report.warnings
        assert any(sentence in warning for warning in warnings), warnings


def test_inputs_on_another_scale_are_suspected() -> None:
    """When a classifier gives one class for all data, the report asks whether they are scaled as in training."""
    graph = balanced(residual_network())
    far = samples_for(graph, 80)[0] * 0.001 + 50
    warnings = quantize(graph, [(far,)], load_recipe("int8")).report.warnings
    assert any("scaled and laid out as in training" in warning for warning in warnings)


def test_dead_channels_and_constant_layers_survive() -> None:
    """Channels without weights, a layer whose output is never anything but zero: a supported graph, and a warning."""
    b = FloatBuilder()
    x = b.conv(b.input((1, 6, 6, 2)), 4)
    y = b.conv(x, 3)
    graph = b.graph(b.dense(b.node("MEAN", (y,), Mean((1, 2))), 2))
    first, second = (graph.constant(node.inputs[1]) for node in graph.nodes[:2])
    bias = graph.constant(graph.nodes[1].inputs[2])
    dead = first.values.copy()
    dead[1] = 0
    changed = [
        replace(first, values=dead),
        replace(second, values=np.zeros_like(second.values)),
        replace(bias, values=np.full_like(bias.values, -1)),
    ]
    graph = with_changes(graph, graph.nodes, changed)
    made = quantize(graph, [samples_for(graph)], load_recipe("int8"))
    assert refusals(made.graph) == ()
    assert any("'conv_2d_1'" in warning and "is 0 for all" in warning for warning in made.report.warnings)


def test_a_bias_of_a_dead_channel_keeps_its_value() -> None:
    """A channel of zero weights is its bias: written with a step that keeps it to a percent."""
    b = FloatBuilder()
    graph = b.graph(b.conv(b.input((1, 4, 4, 2)), 3, activation="NONE"))
    weights, bias = graph.constant(graph.nodes[0].inputs[1]), graph.constant(graph.nodes[0].inputs[2])
    values = weights.values.copy()
    values[1] = 0
    shifted = replace(bias, values=np.array([0.1, 0.83, -0.2], np.float32))
    graph = with_changes(graph, graph.nodes, [replace(weights, values=values), shifted])
    made = quantize(graph, [samples_for(graph)], load_recipe("int8")).graph
    got = answers(made, samples_for(graph, 5, seed=2))[..., 1]
    q = made.tensor(made.outputs[0]).quantization
    assert q is not None
    assert np.abs(got - 0.83).max() <= q.scale


def test_an_unsupported_arithmetic_falls_back_with_a_warning() -> None:
    """What an op cannot do in a scheme is done in int8, and said; with weights it is an error that names the layer."""
    b = FloatBuilder()
    x = b.conv(b.input((1, 300, 300, 1)), 1, size=1)
    graph = b.graph(b.node("MEAN", (x,), Mean((1, 2))))
    made = quantize(graph, [samples_for(graph, 2)], load_recipe("int16x8"))
    assert refusals(made.graph) == ()
    assert any("'mean_1'" in warning and "tflm" in warning for warning in made.report.warnings)


def test_weight_bits_of_int16x8_must_be_eight() -> None:
    """int4 weights with int16 activations are refused by layer and reason."""
    graph = residual_network()
    recipe = Recipe(layers=Scheme(arithmetic="int16x8", weight_bits=4))
    with pytest.raises(QuantizationFailed, match=r"layer 'conv_2d_0'.*int4 where activations are int8"):
        quantize(graph, [samples_for(graph)], recipe)


def test_progress_reaches_the_last_layer() -> None:
    """Whoever watches hears of calibration and of every layer."""
    graph, seen = joining_network(), []
    quantize(
        graph, [samples_for(graph)], load_recipe("int8"), progress=lambda what, done, of: seen.append((what, done, of))
    )
    assert seen[0][0] == "calibrating"
    assert seen[-1][1:] == (len(graph.nodes), len(graph.nodes))


def test_elementwise_ops_alone_quantize() -> None:
    """A graph without weights is still a graph."""
    b = FloatBuilder()
    x = b.input((1, 5))
    graph = b.graph(b.node("TANH", (x,), NoAttrs()), b.node("LOGISTIC", (x,), NoAttrs()))
    made = quantize(graph, [samples_for(graph)], load_recipe("int8")).graph
    assert [made.tensor(name).quantization.scale for name in made.outputs] == [1 / 128, 1 / 256]  # type: ignore[union-attr]
