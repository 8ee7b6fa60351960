"""A measurement, an inspection and a plan to report on."""

from __future__ import annotations

import pytest

from mcuq import demo, pipeline
from mcuq.artifacts import (
    Difference,
    Inspection,
    Measurement,
    MemoryPlan,
    Placement,
    Spread,
    StepMeasurement,
)


@pytest.fixture
def measurement() -> Measurement:
    """A run of two steps that is right in 9 of 10 samples and not bit-exact."""
    return Measurement(
        model="digits",
        board="cortex-m4",
        link="sim",
        compiler="gcc 12.2.1",
        samples=10,
        accuracy=0.9,
        reference_accuracy=1.0,
        bit_exact=False,
        agreement=0.8,
        first_difference=Difference(3, 1, ("dense",), "dense/out", (0, 7), 5.0, 4.0, 2),
        instructions=Spread(1000.0, 1500.5, 2000.0),
        cycles=None,
        latency_ms=Spread(1.25, 1.5, 2.0),
        arena_bytes=2048,
        static_ram_bytes=600,
        stack_bytes=352,
        flash_total_bytes=10_000,
        flash_constant_bytes=4_000,
        steps=(
            StepMeasurement(("net/conv", "net/relu"), "conv_2d/portable", 1000, 750, None, 0),
            StepMeasurement(("net/dense",), "fully_connected/portable", 0, 250, None, 64),
        ),
        notes=("counted on 3 samples",),
    )


@pytest.fixture(scope="session")
def inspection() -> Inspection:
    """What is known of the demo model for cortex-m4."""
    return pipeline.inspect(pipeline.load(demo.model_path()), pipeline.find_board("cortex-m4"))


@pytest.fixture
def plan() -> MemoryPlan:
    """Three steps: the input (16 bytes), a value over its second half (16), scratch (8), the output in place (4)."""
    placements = (
        Placement("in", "arena", 0, 16, -1, 0),
        Placement("net/a", "arena", 8, 16, 0, 1),
        Placement("\0scratch 1", "arena", 0, 8, 1, 1),
        Placement("net/out", "arena", 8, 4, 1, 3),
    )
    return MemoryPlan(placements, 24, 4, 24, "by hand")
