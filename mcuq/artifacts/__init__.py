"""The values that cross between rooms: frozen, printable, below every stage."""

from mcuq.artifacts.analysis import Analysis, Fix, Histogram, LayerAnalysis, Quality
from mcuq.artifacts.answers import (
    Answers,
    Difference,
    EnergyEstimate,
    Events,
    Measurement,
    Spread,
    StepCount,
    StepMeasurement,
    Trace,
)
from mcuq.artifacts.benchmark import BENCHMARKS, Benchmark, BenchmarkFirmware, BenchmarkResult, Window
from mcuq.artifacts.build import Build, Inspection, Layer, Refused, Removed
from mcuq.artifacts.edge import Edge
from mcuq.artifacts.evaluation import (
    Comparison,
    Drop,
    Evaluation,
    Interval,
    OutputNoise,
    Reliability,
    ReliabilityBin,
    RobustnessPoint,
    Size,
)
from mcuq.artifacts.goal import BALANCED, OBJECTIVES, RAM, SIZE, SPEED, Goal, Trade
from mcuq.artifacts.image import Image, Symbol
from mcuq.artifacts.memory_plan import MemoryPlan, Placement
from mcuq.artifacts.profile import Cost, Estimate, FunctionProfile, HotBlock, HotLine, Profile, StepProfile
from mcuq.artifacts.samples import Samples
from mcuq.artifacts.schedule import Buffer, Location, Overlap, PackedConstant, Schedule, Step
from mcuq.artifacts.sources import SourceFile, Sources

__all__ = [
    "BALANCED",
    "BENCHMARKS",
    "OBJECTIVES",
    "RAM",
    "SIZE",
    "SPEED",
    "Analysis",
    "Answers",
    "Benchmark",
    "BenchmarkFirmware",
    "BenchmarkResult",
    "Buffer",
    "Build",
    "Comparison",
    "Cost",
    "Difference",
    "Drop",
    "Edge",
    "EnergyEstimate",
    "Estimate",
    "Evaluation",
    "Events",
    "Fix",
    "FunctionProfile",
    "Goal",
    "Histogram",
    "HotBlock",
    "HotLine",
    "Image",
    "Inspection",
    "Interval",
    "Layer",
    "LayerAnalysis",
    "Location",
    "Measurement",
    "MemoryPlan",
    "OutputNoise",
    "Overlap",
    "PackedConstant",
    "Placement",
    "Profile",
    "Quality",
    "Refused",
    "Reliability",
    "ReliabilityBin",
    "Removed",
    "RobustnessPoint",
    "Samples",
    "Schedule",
    "Size",
    "SourceFile",
    "Sources",
    "Spread",
    "Step",
    "StepCount",
    "StepMeasurement",
    "StepProfile",
    "Symbol",
    "Trace",
    "Trade",
    "Window",
]
