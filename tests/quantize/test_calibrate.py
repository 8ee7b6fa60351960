"""Calibration takes data of any size in one pass and constant memory, and refuses what does not fit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from mcuq.errors import InvalidData, QuantizationFailed
from mcuq.interpreter import Array, run_all
from mcuq.quantize.calibrate import Reservoir, calibrate, checked_batch, first_samples
from mcuq.quantize.observers import MinMax, Observer
from tests.quantize.floats import joining_network, residual_network, samples_for


def _observers(names: tuple[str, ...]) -> dict[str, Observer]:
    return {name: MinMax() for name in names}


def test_ranges_do_not_depend_on_how_data_are_cut() -> None:
    """One batch of all or many from a generator: the extremes of every value are those of the data."""
    graph = joining_network()
    data = samples_for(graph, 50)
    names = tuple(name for node in graph.nodes for name in node.outputs)

    def small() -> Iterator[tuple[Array, ...]]:
        for start in range(0, 50, 7):
            yield tuple(array[start : start + 7] for array in data)

    truth = run_all(graph, data)
    for batches in ([data], small()):
        found = calibrate(graph, batches, _observers(names), hold=20)
        assert found.samples == 50
        assert len(found.held[0]) == 20
        for name in names:
            limits = found.observers[name].range(255, False)
            assert limits.low == pytest.approx(float(truth[name].min()), rel=1e-5, abs=1e-6)
            assert limits.high == pytest.approx(float(truth[name].max()), rel=1e-5, abs=1e-6)


def test_the_reservoir_is_seeded_bounded_and_fair() -> None:
    """It holds exactly its size, the same for the same seed, and late samples as readily as early ones."""

    def held(seed: int) -> Array:
        reservoir = Reservoir(50, np.random.default_rng(seed))
        for start in range(0, 1000, 10):
            reservoir.offer((np.arange(start, start + 10),))
        return reservoir.arrays()[0]

    np.testing.assert_array_equal(held(1), held(1))
    assert len(held(1)) == 50
    assert len(set(held(1).tolist())) == 50
    means = [held(seed).mean() for seed in range(40)]
    assert np.mean(means) == pytest.approx(499.5, abs=30)


def test_batches_of_the_wrong_shape_are_refused_by_name() -> None:
    """The input, both shapes, and a hint where the data look channels first."""
    graph = residual_network()
    with pytest.raises(InvalidData, match=r"'in0' have shape \(5, 8, 8, 4\), wanted is \[samples, 8, 8, 3\]"):
        checked_batch(graph, (np.zeros((5, 8, 8, 4)),))
    with pytest.raises(InvalidData, match="channels first"):
        checked_batch(graph, (np.zeros((5, 3, 8, 8)),))
    with pytest.raises(InvalidData, match="2 arrays, the model has 1 inputs"):
        checked_batch(graph, (np.zeros((5, 8, 8, 3)), np.zeros(5)))
    with pytest.raises(InvalidData, match="NaN"):
        checked_batch(graph, (np.full((5, 8, 8, 3), np.nan),))
    assert checked_batch(graph, (np.zeros((5, 8, 8, 3), np.uint8),))[0].shape == (5, 1, 8, 8, 3)


def test_no_samples_are_an_error() -> None:
    """Neither an empty stream nor an empty batch passes for data."""
    graph = residual_network()
    for batches in ([], [(np.zeros((0, 8, 8, 3)),)]):
        with pytest.raises(InvalidData, match="no calibration samples"):
            calibrate(graph, batches, {}, hold=5)


def test_first_samples_leave_the_stream_whole() -> None:
    """What is peeked at comes again, each sample once, without reading further than needed."""
    graph = residual_network()
    read = []

    def stream() -> Iterator[tuple[Array, ...]]:
        for index in range(6):
            read.append(index)
            yield (np.full((4, 8, 8, 3), index, np.float32),)

    first, again = first_samples(graph, stream(), 6)
    assert read == [0, 1]
    assert first[0][:, 0, 0, 0, 0].tolist() == [0, 0, 0, 0, 1, 1]
    assert [int(batch[0].flat[0]) for batch in again] == [0, 1, 2, 3, 4, 5]


def test_a_layer_that_diverges_is_named() -> None:
    """Overflow in the float network names the first layer whose output is not finite."""
    graph = residual_network()
    with np.errstate(all="ignore"), pytest.raises(QuantizationFailed, match="layer 'conv_2d_0'"):
        calibrate(graph, [(np.full((2, 8, 8, 3), 3e38, np.float32),)], {}, hold=2)
