"""Every op equals TensorFlow Lite Micro bit for bit."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcuq.ops import OPS, refusals
from tests.ops.oracle import assert_equals_tflm
from tests.ops.strategies import STRATEGIES, graphs_of, inputs_for, seeds

EXAMPLES = int(os.environ.get("MCUQ_ORACLE_EXAMPLES", "40"))


def test_every_op_has_a_strategy() -> None:
    """An op without random graphs to compare it on is not done."""
    assert sorted(STRATEGIES) == sorted(card.name for card in OPS)


@pytest.mark.parametrize("op", [card.name for card in OPS])
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_op_equals_tflm(op: str, data: st.DataObject) -> None:
    """Interpreter and TFLM give the same bytes for random shapes, quantizations and saturating inputs."""
    graph = data.draw(graphs_of(op))
    assert_equals_tflm(graph, inputs_for(graph, data.draw(seeds)))


@pytest.mark.parametrize("op", [card.name for card in OPS if not card.folds])
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_strategies_stay_within_the_limits(op: str, data: st.DataObject) -> None:
    """What is compared is what users may ask for: no card refuses a graph of its own strategy."""
    assert refusals(data.draw(graphs_of(op))) == ()
