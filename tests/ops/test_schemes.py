"""Every integer scheme means what its specification says, op by op."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ops.oracle import assert_equals_tflm
from tests.ops.schemes import RUN_TIME_OPS, asymmetric_graphs, graphs_in
from tests.ops.strategies import inputs_for, seeds

EXAMPLES = int(os.environ.get("MCUQ_ORACLE_EXAMPLES", "40"))
ANYTHING_GOES = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("op", RUN_TIME_OPS)
@ANYTHING_GOES
@given(data=st.data())
def test_int16x8_equals_tflm(op: str, data: st.DataObject) -> None:
    """Interpreter and TFLM give the same numbers for int16 activations, extremes included."""
    graph = data.draw(graphs_in("int16x8", op))
    assert_equals_tflm(graph, inputs_for(graph, data.draw(seeds)))


@ANYTHING_GOES
@given(data=st.data())
def test_asymmetric_fully_connected_equals_tflm(data: st.DataObject) -> None:
    """One zero point of the weights is what TFLM takes it for."""
    graph = data.draw(asymmetric_graphs("FULLY_CONNECTED").filter(lambda g: g["weights"].quantization.is_per_tensor))
    assert_equals_tflm(graph, inputs_for(graph, data.draw(seeds)))
