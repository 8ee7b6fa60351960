"""Equalised graphs compute the same function, with channels that use the range."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mcuq.interpreter import run
from mcuq.ops.activation import RELU
from mcuq.quantize.equalize import channel_ranges, equalize, fit_powers_of_two, streams
from mcuq.quantize.observers import MinMax
from mcuq.quantize.ranges import Format, step_of
from tests.quantize.floats import FloatBuilder, joining_network, residual_network, samples_for


@pytest.mark.parametrize("strength", [0.25, 0.5, 1.0])
def test_the_float_function_stays(strength: float) -> None:
    """Factors that are put in come out again, through branches and pooling."""
    for graph in (residual_network(), joining_network()):
        data = samples_for(graph, 40)
        changed = equalize(graph, data, strength)
        for mine, theirs in zip(run(changed, data), run(graph, data), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-5)


def test_channels_come_nearer_to_one_range() -> None:
    """At full strength the channels of a stream differ less than before."""
    graph = residual_network(3)
    data = samples_for(graph, 40)
    before, after = channel_ranges(graph, data), channel_ranges(equalize(graph, data, 1.0), data)
    name = graph.nodes[1].outputs[0]
    assert before[name].max() / before[name].min() > 1.05 * after[name].max() / after[name].min()
    assert after[name].max() / after[name].min() == pytest.approx(1, rel=1e-3)


def test_a_residual_stream_is_scaled_as_one() -> None:
    """An ADD ties values together, up to the classifier, with who makes and reads them; graph ends are left alone."""
    graph = residual_network()
    found = streams(graph)
    longest = max(found, key=lambda stream: len(stream.values))
    assert {node.op for node in longest.readers} == {"DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    assert len(longest.makers) == 2
    names = {name for stream in found for name in stream.values}
    assert not names & {*graph.inputs, *graph.outputs}


def test_what_clamps_at_a_fixed_value_is_left_alone() -> None:
    """RELU6 does not commute with factors, so nothing around it moves."""
    b = FloatBuilder()
    graph = b.graph(b.conv(b.conv(b.input((1, 4, 4, 2)), 3, activation="RELU6"), 2, activation=RELU))
    assert streams(graph) == ()
    assert equalize(graph, samples_for(graph), 1.0) is graph


def test_ranges_fit_powers_of_two() -> None:
    """After fitting, a stream's step is just below a power of two, and the function is the same."""
    graph = residual_network()
    data, form = samples_for(graph, 40), Format(power_of_two=True)
    fitted = fit_powers_of_two(graph, data, MinMax, form)
    np.testing.assert_allclose(run(fitted, data)[0], run(graph, data)[0], rtol=1e-3, atol=1e-5)
    observer = MinMax()
    name = graph.nodes[1].outputs[0]
    observer.update(run(replace(fitted, outputs=(name,)), data)[0])
    wanted = np.log2(step_of(observer.range(255, False), form))
    assert 0 < np.ceil(wanted) - wanted < 0.1
