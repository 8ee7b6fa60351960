"""Every scheme gives a graph that obeys the rules, is supported, and computes nearly what the float one did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mcuq.arithmetic.int16x8 import reduced_multiplier
from mcuq.arithmetic.multiplier import quantize_multiplier
from mcuq.arithmetic.noise import sqnr_db
from mcuq.exporters import save_graph
from mcuq.importers.container import load_container
from mcuq.interpreter import Array, run
from mcuq.ir import FLOAT16, FLOAT32, INT4, INT8, INT16, INT32, INT64, Constant, Graph, verify
from mcuq.ops import card_of, refusals
from mcuq.ops.quantize import quantize_array
from mcuq.quantize import Recipe, Rule, Scheme, load_recipe, quantize
from mcuq.schedule import schedule
from tests.ops.oracle import assert_equals_tflm
from tests.quantize.floats import joining_network, residual_network, samples_for

NETWORKS = {"residual": residual_network, "joining": joining_network}
RECIPES = ("int8", "int8-q", "int16x8", "int4", "int4-mixed", "dynamic", "float16", "weights8", "float")
LEAST_DB = {"int4": 12, "int4-mixed": 12, "int8-q": 18}


def answers(graph: Graph, samples: tuple[Array, ...]) -> Array:
    """The first output in real numbers, for real inputs."""
    inputs = []
    for name, array in zip(graph.inputs, samples, strict=True):
        tensor = graph.tensor(name)
        inputs.append(
            array if tensor.quantization is None else quantize_array(array, tensor.quantization, tensor.dtype)
        )
    values, q = run(graph, inputs)[0], graph.tensor(graph.outputs[0]).quantization
    return values if q is None else (values.astype(np.float64) - q.zero_point) * q.scale


def quantized(network: str, recipe: Recipe) -> tuple[Graph, Graph]:
    """A float network and its quantized form."""
    graph = NETWORKS[network]()
    return graph, quantize(graph, [samples_for(graph)], recipe).graph


@pytest.mark.parametrize("network", sorted(NETWORKS))
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_keeps_the_function(network: str, name: str) -> None:
    """Verified, supported, with a kernel for every node, saved and loaded again, near the float network on new data."""
    graph, made = quantized(network, load_recipe(name))
    verify(made)
    assert refusals(made) == ()
    assert schedule(made).steps
    assert load_container(save_graph(made)) == made
    fresh = samples_for(graph, 40, seed=9)
    assert sqnr_db(answers(graph, fresh), answers(made, fresh)) > LEAST_DB.get(name, 22)


def test_int8_is_tflites_spec() -> None:
    """int8 values, per-channel weights with zero point 0 and no -128, int32 bias with the product of scales."""
    _, made = quantized("residual", load_recipe("int8"))
    for node in made.nodes:
        assert node.arithmetic == "tflm"
        assert all(value.dtype == INT8 for value in made.results(node))
        roles = card_of(node.op).weight_roles
        if roles is None:
            continue
        weights, bias = made.constant(node.inputs[roles.weights]), made.constant(node.inputs[roles.bias])
        x = made.tensor(node.inputs[0])
        assert weights.dtype == INT8
        assert bias.dtype == INT32
        assert weights.values.min() >= -127
        assert weights.quantization is not None
        assert x.quantization is not None
        assert bias.quantization is not None
        assert weights.quantization.axis == roles.channel_axis
        assert not any(weights.quantization.zero_points)
        products = np.array(weights.quantization.scales, np.float32) * np.float32(x.quantization.scale)
        np.testing.assert_array_equal(np.array(bias.quantization.scales, np.float32), products)


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_tflm_computes_the_same_bytes(network: str) -> None:
    """What is exported runs in TensorFlow Lite Micro and gives the interpreter's very bytes."""
    _, made = quantized(network, load_recipe("int8"))
    rng = np.random.default_rng(4)
    inputs = [rng.integers(-128, 128, (6, *made.tensor(name).shape), np.int8) for name in made.inputs]
    assert_equals_tflm(made, inputs)


def test_values_that_share_a_scale_do() -> None:
    """Pooling hands its scale on, and all parts of a concatenation have the same one as the whole."""
    _, made = quantized("joining", load_recipe("int8"))
    for node in made.nodes:
        if node.op in ("MAX_POOL_2D", "CONCATENATION", "RESHAPE"):
            assert len({made[name].quantization for name in (*node.inputs, *node.outputs)}) == 1
    assert [node.op for node in made.nodes].count("QUANTIZE") == 0


def test_averages_over_an_image_get_their_own_scale() -> None:
    """Global average pooling becomes MEAN, whose step is finer than that of its input."""
    _, made = quantized("residual", load_recipe("int8"))
    mean = next(node for node in made.nodes if node.op == "MEAN")
    x, y = made[mean.inputs[0]].quantization, made[mean.outputs[0]].quantization
    assert x is not None
    assert y is not None
    assert y.scale < x.scale


def test_q_format_has_powers_of_two_only() -> None:
    """Every scale of every value is one, and where symmetry is asked, free zero points are 0."""
    recipe = load_recipe("int8-q")
    strict = replace(recipe, layers=replace(recipe.layers, activation_symmetric=True))
    for chosen in (recipe, strict):
        _, made = quantized("residual", chosen)
        scales = [s for value in made.values.values() if value.quantization for s in value.quantization.scales]
        assert {np.frexp(scale)[0] for scale in scales} == {0.5}
    free = [made.tensor(name) for node in made.nodes if node.op != "SOFTMAX" for name in node.outputs]
    assert {tensor.quantization.zero_point for tensor in free if tensor.quantization} == {0}


def test_types_follow_the_scheme() -> None:
    """int16 with int64 bias, packed int4 weights, float16 weights, int8 weights between floats."""

    def types(name: str) -> set[str]:
        _, made = quantized("residual", load_recipe(name))
        return {value.dtype.name for value in made.values.values()}

    assert types("int16x8") == {INT16.name, INT8.name, INT64.name}
    assert types("int4") == {INT4.name, INT8.name, INT32.name}
    assert types("float16") == {FLOAT16.name, FLOAT32.name}
    assert types("weights8") == types("dynamic") == {INT8.name, FLOAT32.name}
    assert types("float") == {FLOAT32.name}


def test_float_inputs_and_outputs_are_cut_in() -> None:
    """With float32 at the ends the graph begins with QUANTIZE and ends with DEQUANTIZE, under the model's own names."""
    graph, made = quantized("joining", replace(load_recipe("int8"), input="float32", output="float32"))
    assert (made.inputs, made.outputs) == (graph.inputs, graph.outputs)
    assert all(made.tensor(name).dtype == FLOAT32 for name in (*made.inputs, *made.outputs))
    assert made.nodes[0].op == "QUANTIZE"
    assert made.nodes[-1].op == "DEQUANTIZE"
    assert refusals(made) == ()


@pytest.mark.parametrize("inner", ["int16x8", "shift", "single", "float", "hybrid"])
def test_one_layer_may_differ(inner: str) -> None:
    """A rule puts one layer into another scheme; cuts stand where formats change, and the result stays near."""
    rule = Rule(op="DEPTHWISE_CONV_2D", changes=(("arithmetic", inner), ("activation_bits", None)))
    graph, made = quantized("residual", replace(load_recipe("int8"), rules=(rule,)))
    assert refusals(made) == ()
    chosen = next(node for node in made.nodes if node.op == "DEPTHWISE_CONV_2D")
    assert chosen.arithmetic == inner
    assert {node.arithmetic for node in made.nodes if node.op == "CONV_2D"} == {"tflm"}
    fresh = samples_for(graph, 40, seed=9)
    assert sqnr_db(answers(graph, fresh), answers(made, fresh)) > 22


@pytest.mark.parametrize(
    "layers",
    [
        Scheme(granularity="tensor"),
        Scheme(granularity="group", group_channels=3),
        Scheme(weight_symmetric=False),
        Scheme(activation_symmetric=True),
        Scheme(arithmetic="single"),
        Scheme(weight_bits=6),
        Scheme(observer="entropy"),
        Scheme(observer="percentile"),
        Scheme(observer="moving_average"),
    ],
    ids=lambda s: "-".join(str(v) for v in (s.arithmetic, s.weight_bits, s.granularity, s.observer)),
)
def test_every_field_of_a_scheme_works(layers: Scheme) -> None:
    """Each choice alone gives a supported graph that is still near the float one."""
    graph, made = quantized("residual", Recipe(layers=layers))
    assert refusals(made) == ()
    fresh = samples_for(graph, 40, seed=9)
    assert sqnr_db(answers(graph, fresh), answers(made, fresh)) > 14
    weights = [v for v in made.values.values() if isinstance(v, Constant) and v.dtype == INT8 and len(v.shape) > 1]
    if layers.granularity == "tensor":
        assert all(value.quantization is not None and value.quantization.is_per_tensor for value in weights)


@pytest.mark.parametrize(("recipe", "symmetric"), [("int8", True), ("int4", True), ("int8-q", True), ("int8", False)])
def test_groups_of_channels_share_a_scale(recipe: str, symmetric: bool) -> None:
    """Three neighbouring channels have one scale and zero point, the last group fewer, and groups differ."""
    chosen = load_recipe(recipe)
    layers = replace(chosen.layers, granularity="group", group_channels=3, weight_symmetric=symmetric)
    _, made = quantized("residual", replace(chosen, layers=layers))
    for node in made.nodes:
        roles = card_of(node.op).weight_roles
        if roles is None:
            continue
        q = made.constant(node.inputs[roles.weights]).quantization
        assert q is not None
        pairs = list(zip(q.scales, q.zero_points, strict=True))
        groups = [pairs[start : start + 3] for start in range(0, len(pairs), 3)]
        assert all(len(set(group)) == 1 for group in groups)
        if recipe != "int8-q":
            assert len({group[0] for group in groups}) == len(groups) > 1
    assert schedule(made).steps


@pytest.mark.parametrize("exact", [True, False])
def test_int16x8_requantises_without_gain_error(exact: bool) -> None:
    """The 15-bit factors are the real ones to the precision of float32 scales; without the refinement they are not."""
    recipe = load_recipe("int16x8")
    _, made = quantized("residual", replace(recipe, refine=replace(recipe.refine, exact_multipliers=exact)))
    errors = []
    for node in made.nodes:
        roles = card_of(node.op).weight_roles
        if roles is None:
            continue
        x, y = made.tensor(node.inputs[0]).quantization, made.tensor(node.outputs[0]).quantization
        weights = made.constant(node.inputs[roles.weights]).quantization
        assert x is not None and y is not None and weights is not None  # noqa: PT018
        for scale in weights.scales:
            real = x.scale * scale / y.scale
            multiplier, shift = quantize_multiplier(real)
            applied = float(reduced_multiplier(multiplier)) / 2**15 * 2.0**shift
            errors.append(abs(applied / real - 1))
    assert (max(errors) < 2e-7) is exact
    assert max(errors) < 2**-14
