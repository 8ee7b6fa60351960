"""Evaluation, quantization and analysis in order, on the demo's float model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcuq import demo, pipeline
from mcuq.artifacts import Analysis, Comparison, Samples
from mcuq.errors import InvalidData, QuantizationFailed, ToolMissing, UnsupportedModel
from mcuq.importers.data import load_samples
from mcuq.ir import FLOAT32, INT8, Graph, Node, Quantization, Tensor
from mcuq.ops import NoAttrs
from mcuq.perturb import NOISE
from mcuq.pipeline import engine as engines
from mcuq.pipeline.evaluation import with_logits
from mcuq.quantize import load_recipe
from mcuq.quantize.recipe import recipe_from_table
from mcuq.report.analysis import analysis_table, analysis_to_json, conclusion_of, fixes_table
from mcuq.report.analysis_page import analysis_page
from mcuq.report.head import is_reconstruction, logits_of, squashed_by
from mcuq.report.ranges import range_warnings
from mcuq.report.scores import comparison_of, scores_of

DATA = str(demo.data_path())


@pytest.fixture(scope="module")
def float_graph() -> Graph:
    """The demo's float model."""
    return pipeline.load(demo.float_model_path())


@pytest.fixture(scope="module")
def int8_graph() -> Graph:
    """The demo's int8 model, as TFLite quantized it."""
    return pipeline.load(demo.model_path())


@pytest.fixture(scope="module")
def quantized(float_graph: Graph) -> pipeline.Quantized:
    """The float model, quantized by mcuq."""
    return pipeline.quantize(float_graph, DATA, "int8", samples=64)


@pytest.fixture(scope="module")
def comparison(int8_graph: Graph, float_graph: Graph) -> Comparison:
    """TFLite's int8 model beside the float one."""
    return pipeline.compare(int8_graph, float_graph, DATA)


def test_c_and_interpreter_are_the_same(int8_graph: Graph) -> None:
    """Compiled C gives the interpreter's outputs and logits, bit for bit."""
    compiled = pipeline.evaluate(int8_graph, DATA, limit=50)
    if compiled.note:
        pytest.skip(compiled.note)
    interpreted = pipeline.evaluate(int8_graph, DATA, limit=50, use_interpreter=True)
    assert (compiled.engine[:3], interpreted.engine) == ("C (", "interpreter")
    np.testing.assert_array_equal(compiled.outputs[0], interpreted.outputs[0])
    assert compiled.logits is not None
    assert interpreted.logits is not None
    np.testing.assert_array_equal(compiled.logits, interpreted.logits)
    assert compiled.accuracy == interpreted.accuracy


def test_without_a_compiler_the_interpreter_runs_and_says_so(
    int8_graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is installed: the same figures, a note; a compiler that was asked for by name is an error."""

    def missing(*arguments: object) -> None:
        raise ToolMissing("no compiler was found")

    monkeypatch.setattr(engines, "find_toolchain", missing)
    found = pipeline.evaluate(int8_graph, DATA, limit=5)
    assert found.engine == "interpreter"
    assert "no compiler was found" in str(found.note)
    with pytest.raises(ToolMissing):
        pipeline.evaluate(int8_graph, DATA, limit=5, compiler="clang")


def test_the_figures_of_a_comparison(comparison: Comparison) -> None:
    """Accuracies are those of the demo, agreement is near 1, the drop is inside its interval."""
    assert comparison.model.accuracy == pytest.approx(353 / 360)
    assert comparison.drop is not None
    assert comparison.drop.interval.low <= comparison.drop.points <= comparison.drop.interval.high
    assert comparison.agreement > 0.97
    assert comparison.sqnr_db > 20
    assert comparison.model.size.weight_bytes * 4 == comparison.reference.size.weight_bytes
    assert comparison.model.reliability is not None
    assert comparison.model.reliability.expected_calibration_error < 0.1


def test_a_model_compared_with_itself_has_no_noise(float_graph: Graph) -> None:
    """200 dB stands for equal."""
    same = pipeline.compare(float_graph, float_graph, DATA, limit=20)
    assert (same.agreement, same.sqnr_db) == (1.0, 200.0)
    assert same.drop is not None
    assert (same.drop.points, same.drop.broken, same.drop.mended) == (0, 0, 0)


def test_models_with_other_outputs_cannot_be_compared(comparison: Comparison, int8_graph: Graph) -> None:
    """The message names both."""
    cut = replace(comparison.reference, model="short", outputs=(comparison.reference.outputs[0][:, :, :5],))
    cut = replace(cut, outputs=(comparison.reference.outputs[0].reshape(360, 10)[:, :5],))
    with pytest.raises(InvalidData, match="short"):
        comparison_of(comparison.model, cut, int8_graph, np.zeros((360, 64)), None)


def test_robustness_is_float_beside_quantized(int8_graph: Graph, float_graph: Graph) -> None:
    """One point a level, with both accuracies; more noise is not better."""
    points = pipeline.robustness(int8_graph, DATA, float_graph, perturbations=(NOISE,), limit=120)
    assert [point.level for point in points] == list(NOISE.levels)
    assert all(point.reference_accuracy is not None and point.accuracy is not None for point in points)
    assert (points[0].accuracy or 0) >= (points[-1].accuracy or 0)
    assert all(0 <= point.stability <= 1 for point in points)


def test_the_head_of_a_model_is_found(int8_graph: Graph, float_graph: Graph) -> None:
    """The demo ends in SOFTMAX; its logits become one more output, and outputs stay as they are."""
    for graph in (int8_graph, float_graph):
        assert squashed_by(graph) == "SOFTMAX"
        assert logits_of(graph) is not None
        assert with_logits(graph).outputs == (*graph.outputs, logits_of(graph))
        assert not is_reconstruction(graph)


def autoencoder() -> Graph:
    """A float graph that gives its input back through TANH, as far as its end is concerned."""
    values = {name: Tensor(name, (1, 16), FLOAT32) for name in ("x", "y")}
    return Graph("auto", values, (Node("TANH", ("x",), ("y",), NoAttrs(), "float", ("tanh",)),), ("x",), ("y",))


def test_an_autoencoder_is_judged_by_its_errors() -> None:
    """AUC against labels 0 and 1 in place of accuracy; agreement is on which side of the median error a sample lies."""
    x = np.concatenate([np.full((20, 1, 16), 0.1), np.full((20, 1, 16), 1.5)]).astype(np.float32)
    data = {"x": x, "y": np.repeat([0, 1], 20)}
    found = pipeline.compare(autoencoder(), autoencoder(), data, use_interpreter=True)
    assert (found.model.auc, found.model.accuracy, found.auc_drop) == (1.0, None, 0.0)
    assert found.agreement == 1.0
    scores = scores_of(autoencoder(), x, np.tanh(x), np.repeat([1, 0], 20))
    assert scores.auc == 0.0


def test_a_split_is_seeded_and_complete() -> None:
    """Every sample is on one side; the first ones where that is asked for."""
    split = pipeline.split_of(30, 10, seed=3)
    assert sorted([*split.calibration, *split.rest]) == list(range(30))
    assert split.calibration.tolist() == pipeline.split_of(30, 10, seed=3).calibration.tolist()
    assert split.calibration.tolist() != pipeline.split_of(30, 10, seed=4).calibration.tolist()
    assert pipeline.split_of(30, 10, first=True).calibration.tolist() == list(range(10))
    assert not pipeline.split_of(10, 30).is_held_out


def test_a_quantized_model_stays_near_the_float_one(quantized: pipeline.Quantized, float_graph: Graph) -> None:
    """On samples that did not calibrate, with nothing suspicious to say."""
    rest = pipeline.held_out(DATA, pipeline.split_of(360, 64))
    comparison, warnings = pipeline.quantization_report(quantized, float_graph, rest)
    assert comparison.model.samples == 296
    assert comparison.agreement >= 0.98
    assert comparison.sqnr_db >= 25
    assert warnings == ()


def test_calibration_takes_a_generator(float_graph: Graph) -> None:
    """Any iterable of batches will do."""
    with np.load(demo.data_path()) as stored:
        x = stored["x"][:60]
    found = pipeline.quantize(float_graph, (x[start : start + 20] for start in range(0, 60, 20)), "int8")
    assert found.report.samples == 60


def test_evaluation_data_of_another_scale_are_noticed(quantized: pipeline.Quantized, float_graph: Graph) -> None:
    """0 .. 16 where 0 .. 1 was calibrated, and the reverse."""
    with np.load(demo.data_path()) as stored:
        x = stored["x"][:40]
    _, large = pipeline.quantization_report(quantized, float_graph, {"x": 16 * x})
    assert any("cut off" in sentence for sentence in large)
    _, small = pipeline.quantization_report(quantized, float_graph, {"x": x / 16})
    assert any("never reached" in sentence for sentence in small)


def test_saturated_layers_are_named() -> None:
    """A layer whose values lie at the upper end is told, one that a ReLU cuts from below is not."""
    q = Quantization((0.1,), (0,))
    values = {name: Tensor(name, (1, 4), INT8, q) for name in ("x", "y")}
    graph = Graph("g", values, (Node("RELU", ("x",), ("y",), NoAttrs(), "tflm", ("act",)),), ("x",), ("y",))
    stored = np.array([[[-128, -100, 100, 127]]] * 10, np.int8)
    high = {"x": stored, "y": np.array([[[0, 0, 127, 127]]] * 10, np.int8)}
    (sentence,) = range_warnings(graph, high, (stored * 0.1,))
    assert "'act' 50%" in sentence
    low = {"x": stored, "y": np.array([[[-128, -128, 100, 120]]] * 10, np.int8)}
    assert range_warnings(graph, low, (stored * 0.1,)) == ()


def test_quantized_models_are_saved_where_they_can_be_read(
    quantized: pipeline.Quantized, float_graph: Graph, tmp_path: Path
) -> None:
    """.tflite where TFLite can say it, .mcuq where it cannot; and .tflite on request is an error where it cannot."""
    written = pipeline.save(quantized.graph, None, tmp_path / "digits_int8")
    assert written.suffix == ".tflite"
    again = pipeline.load(written)
    samples = load_samples(DATA, again, 10)
    same = pipeline.compare(again, quantized.graph, lambda graph: Samples(samples.inputs, None, "x"))
    assert same.sqnr_db == 200.0
    shifted = pipeline.quantize(float_graph, DATA, "int8-q", samples=40).graph
    assert pipeline.save(shifted, None, tmp_path / "digits_q").suffix == ".mcuq"
    with pytest.raises(UnsupportedModel):
        pipeline.save(shifted, tmp_path / "no.tflite", tmp_path)
    assert not list(tmp_path.glob(".*"))


def test_only_float_models_are_quantized(int8_graph: Graph, float_graph: Graph) -> None:
    """Quantizing twice is an error that names the layer."""
    assert pipeline.is_float(float_graph)
    assert not pipeline.is_float(int8_graph)
    with pytest.raises(QuantizationFailed, match="layer"):
        pipeline.quantize(int8_graph, {"x": np.zeros((20, 64), np.int8)}, "int8")


@pytest.fixture(scope="module")
def analysis(float_graph: Graph) -> Analysis:
    """The demo at 4 bits per tensor, which hurts."""
    table = {"name": "rough", "layers": {"weight_bits": 4, "granularity": "tensor"}, "refine": {"rounding": "nearest"}}
    recipe = recipe_from_table(table)
    return pipeline.analyze(float_graph, DATA, recipe, samples=40, analysis_samples=16, max_fixes=9)


def test_every_layer_is_measured(analysis: Analysis, float_graph: Graph) -> None:
    """Layers that choose a scale are quantized alone and left out; alone is better than all together."""
    assert len(analysis.layers) == len(float_graph.nodes)
    judged = [layer for layer in analysis.layers if layer.only and layer.without]
    assert len(judged) >= 8
    assert all(layer.only.sqnr_db >= analysis.unrefined.sqnr_db - 1 for layer in judged if layer.only)
    assert sum(layer.outputs.counts[0] > 0 for layer in analysis.layers) > 5
    assert all(
        sum(layer.outputs.counts) == 16 * size_of(float_graph, index) for index, layer in enumerate(analysis.layers)
    )


def size_of(graph: Graph, index: int) -> int:
    """The elements of a node's output."""
    return graph.tensor(graph.nodes[index].outputs[0]).elements


def test_fixes_are_tried_and_ranked(analysis: Analysis) -> None:
    """Best first; wider weights are among them and help."""
    gains = [fix.gain_db for fix in analysis.fixes]
    assert gains == sorted(gains, reverse=True)
    assert gains[0] > 0
    assert any("8-bit weights" in fix.what for fix in analysis.fixes)
    assert any("per channel" in fix.what for fix in analysis.fixes)
    assert analysis.fixes[0].what in conclusion_of(analysis)


def test_an_analysis_is_a_table_a_document_and_a_page(analysis: Analysis, float_graph: Graph) -> None:
    """All of them have every layer; the page needs no other file."""
    points = pipeline.robustness(float_graph, DATA, float_graph, perturbations=(NOISE,), limit=20)
    whole = replace(analysis, robustness=points, warnings=("something <looks> wrong",))
    assert analysis_table(whole).row_count == len(whole.layers)
    assert fixes_table(whole).row_count == len(whole.fixes)
    document = analysis_to_json(whole)
    assert len(document["layers"]) == len(whole.layers)
    assert document["comparison"]["sqnr_db"] == whole.comparison.sqnr_db
    page = analysis_page(whole)
    assert page.count('class="histogram"') >= len(whole.layers)
    assert "something &lt;looks&gt; wrong" in page
    assert "http" not in page
    assert "src=" not in page


def test_recipes_by_name_or_value_are_the_same(float_graph: Graph, quantized: pipeline.Quantized) -> None:
    """`int8` is `load_recipe("int8")`."""
    again = pipeline.quantize(float_graph, DATA, load_recipe("int8"), samples=64)
    for name in quantized.graph.values:
        if quantized.graph.is_constant(name):
            np.testing.assert_array_equal(quantized.graph.constant(name).values, again.graph.constant(name).values)


def test_disturbed_autoencoders_have_stability_alone() -> None:
    """Their labels are no classes; undisturbed they agree with themselves, and noise changes some answers."""
    x = np.random.default_rng(0).normal(size=(60, 1, 16)).astype(np.float32)
    data = {"x": x, "y": np.arange(60) % 2}
    points = pipeline.robustness(autoencoder(), data, perturbations=(NOISE,), use_interpreter=True)
    assert [point.accuracy for point in points] == [None] * len(NOISE.levels)
    assert all(0.5 < point.stability <= 1 for point in points)
