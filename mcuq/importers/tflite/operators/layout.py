"""What moves elements without computing: PAD, CONCATENATION, RESHAPE and its kin, and shape arithmetic."""

from __future__ import annotations

from mcuq.errors import InvalidModel
from mcuq.importers.tflite import schema
from mcuq.importers.tflite.refused import Refused
from mcuq.importers.tflite.site import OperatorReader, Reading, Site
from mcuq.ir import Constant
from mcuq.ops.concatenation import Concatenation
from mcuq.ops.pack import Pack
from mcuq.ops.pad import Pad
from mcuq.ops.reshape import Reshape
from mcuq.ops.shape import Shape
from mcuq.ops.strided_slice import StridedSlice


def _sides(site: Site) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Elements before and after, a dimension."""
    numbers = site.whole_numbers(1, "the paddings")
    if len(numbers) != 2 * len(site.operand(0).shape) or min(numbers, default=0) < 0:
        raise InvalidModel(f"{site.place} has the paddings {list(numbers)}")
    return numbers[::2], numbers[1::2]


def _read_pad(site: Site) -> Reading:
    return Reading("PAD", (site.operand(0),), Pad(*_sides(site)))


def _read_padv2(site: Site) -> Reading:
    x, value = site.operand(0), site.operand(2)
    if not isinstance(value, Constant):
        raise Refused("the value to pad with is computed at run time")
    if value.elements != 1 or value.dtype != x.dtype:
        raise InvalidModel(f"{site.place} pads {x.dtype.name} with {value.dtype.name}{list(value.shape)}")
    if x.dtype.is_integer:
        return Reading("PAD", (x,), Pad(*_sides(site), value=int(value.values.ravel()[0])))
    if value.values.ravel()[0] != 0:
        raise Refused("a float tensor is padded with something else than 0")
    return Reading("PAD", (x,), Pad(*_sides(site)))


def _read_concatenation(site: Site) -> Reading:
    axis = site.axis(site.options.number("axis"), len(site.operand(0).shape))
    return Reading("CONCATENATION", site.present(), Concatenation(axis, site.activation()))


def _read_reshape(site: Site) -> Reading:
    """RESHAPE, SQUEEZE, EXPAND_DIMS: the output's shape says everything, so a computed target shape is not read."""
    return Reading("RESHAPE", (site.operand(0),), Reshape(site.results[0].shape))


def _read_shape(site: Site) -> Reading:
    return Reading("SHAPE", (site.operand(0),), Shape(site.results[0].dtype.name))


def _read_pack(site: Site) -> Reading:
    axis = site.axis(site.options.number("axis"), len(site.operand(0).shape) + 1)
    return Reading("PACK", site.present(), Pack(axis))


def _masked(numbers: tuple[int, ...], mask: int) -> tuple[int | None, ...]:
    """`numbers` with None where the mask has a bit."""
    return tuple(None if mask >> index & 1 else number for index, number in enumerate(numbers))


def _read_strided_slice(site: Site) -> Reading:
    options = site.options
    if options.number("ellipsis_mask") or options.number("new_axis_mask") or options.number("offset"):
        raise Refused("an ellipsis, a new axis or an offset in a slice")
    begin, end, stride = (site.whole_numbers(index, "the bounds of the slice") for index in (1, 2, 3))
    if not len(begin) == len(end) == len(stride) or 0 in stride:
        raise InvalidModel(f"{site.place} slices {list(begin)} to {list(end)} by {list(stride)}")
    shrink = options.number("shrink_axis_mask")
    attrs = StridedSlice(
        _masked(begin, options.number("begin_mask")),
        _masked(end, options.number("end_mask")),
        stride,
        tuple(index for index in range(len(begin)) if shrink >> index & 1),
    )
    return Reading("STRIDED_SLICE", (site.operand(0),), attrs)


PAD = OperatorReader("PAD", _read_pad, schema.NOTHING)
PADV2 = OperatorReader("PADV2", _read_padv2, schema.NOTHING)
CONCATENATION = OperatorReader("CONCATENATION", _read_concatenation, schema.CONCATENATION, 10)
RESHAPE = OperatorReader("RESHAPE", _read_reshape, schema.NOTHING)
SQUEEZE = OperatorReader("SQUEEZE", _read_reshape, schema.NOTHING)
EXPAND_DIMS = OperatorReader("EXPAND_DIMS", _read_reshape, schema.NOTHING)
SHAPE = OperatorReader("SHAPE", _read_shape, schema.NOTHING)
PACK = OperatorReader("PACK", _read_pack, schema.PACK, 59)
STRIDED_SLICE = OperatorReader("STRIDED_SLICE", _read_strided_slice, schema.STRIDED_SLICE, 32)
