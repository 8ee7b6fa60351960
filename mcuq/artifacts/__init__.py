"""The values that cross between rooms: frozen, printable, below every stage."""

from mcuq.artifacts.answers import (
    Answers,
    Difference,
    Measurement,
    Spread,
    StepCount,
    StepMeasurement,
    Trace,
)
from mcuq.artifacts.build import Build, Inspection, Layer, Refused
from mcuq.artifacts.edge import Edge
from mcuq.artifacts.image import Image, Symbol
from mcuq.artifacts.memory_plan import MemoryPlan, Placement
from mcuq.artifacts.samples import Samples
from mcuq.artifacts.schedule import Buffer, Location, Overlap, PackedConstant, Schedule, Step
from mcuq.artifacts.sources import SourceFile, Sources

__all__ = [
    "Answers",
    "Buffer",
    "Build",
    "Difference",
    "Edge",
    "Image",
    "Inspection",
    "Layer",
    "Location",
    "Measurement",
    "MemoryPlan",
    "Overlap",
    "PackedConstant",
    "Placement",
    "Refused",
    "Samples",
    "Schedule",
    "SourceFile",
    "Sources",
    "Spread",
    "Step",
    "StepCount",
    "StepMeasurement",
    "Symbol",
    "Trace",
]
