"""MEAN for any core: nested loops over merged dimensions."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import Graph, Node
from mcuq.ops.mean import count_of, multiplier_of
from mcuq.ops.requirements import quantization_of
from mcuq.schedule.kernel import Kernel, Work, only


@dataclass(frozen=True, slots=True)
class Dimension:
    """`size` elements that lie `stride` elements apart."""

    size: int
    stride: int


@dataclass(frozen=True, slots=True)
class MeanShape:
    """`kept` loops give one output each, `reduced` loops are summed."""

    kept: tuple[Dimension, ...]
    reduced: tuple[Dimension, ...]
    count: int
    c_type: str = "int8_t"
    least: int = -128
    greatest: int = 127


@dataclass(frozen=True, slots=True)
class MeanParameters:
    """`sum_offset` is added to the sum; multiplier and shift already hold 1/count."""

    sum_offset: int
    multiplier: int
    shift: int
    output_offset: int


def merged_dimensions(
    shape: tuple[int, ...], axes: tuple[int, ...]
) -> tuple[tuple[Dimension, ...], tuple[Dimension, ...]]:
    """`(kept, reduced)`: dimensions of size 1 dropped, neighbours of one kind merged into one."""
    kept: list[Dimension] = []
    reduced: list[Dimension] = []
    stride, previous = 1, None
    for axis in reversed(range(len(shape))):
        size = shape[axis]
        if size > 1:
            group = reduced if axis in axes else kept
            if group is previous:
                group[0] = Dimension(group[0].size * size, group[0].stride)
            else:
                group.insert(0, Dimension(size, stride))
            previous = group
            stride *= size
    return tuple(kept), tuple(reduced)


def plan(node: Node, graph: Graph) -> Work:
    """The step of one mean."""
    x, y = graph[node.inputs[0]], graph.tensor(node.outputs[0])
    count = count_of(node.attrs, x)
    kept, reduced = merged_dimensions(x.shape, node.attrs.axes)
    multiplier, shift = multiplier_of(node.attrs, x, y)
    return Work(
        MeanShape(kept, reduced, count, y.dtype.c, y.dtype.minimum, y.dtype.maximum),
        MeanParameters(
            sum_offset=-quantization_of(x).zero_point * count,
            multiplier=multiplier,
            shift=shift,
            output_offset=quantization_of(y).zero_point,
        ),
        cycles=8 * x.elements + 40 * y.elements,
        code_bytes=180,
    )


KERNEL = Kernel(
    "mean/portable", ("MEAN",), "mcuq_mean_parameters", only(plan), arithmetics=("tflm", "single", "int16x8")
)
