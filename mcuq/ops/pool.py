"""What the poolings share: attributes, shapes, limits."""

from __future__ import annotations

from dataclasses import dataclass

from mcuq.ir import DType, Value
from mcuq.ops.activation import NONE, SUPPORTED
from mcuq.ops.card import Limit
from mcuq.ops.requirements import INTEGER_INPUT_AND_OUTPUT, SAME_QUANTIZATION
from mcuq.ops.window import Padding, Window


@dataclass(frozen=True, slots=True)
class Pool2D:
    """Each pair is (rows, columns); padding takes no part in the result.

    `halves_up`: an average is rounded as that of uint8 numbers, which int8 ones stand for in old files; else halves go
    away from zero.
    """

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: Padding = Padding()
    activation: str = NONE
    halves_up: bool = False

    @property
    def window(self) -> Window:
        """The sliding window."""
        return Window(self.size, self.stride, (1, 1), self.padding)


def infer_pool(attrs: Pool2D, operands: tuple[Value, ...]) -> tuple[tuple[tuple[int, ...], DType], ...]:
    """[1,H,W,C] -> [1,OH,OW,C]."""
    x = operands[0]
    if len(x.shape) != 4:
        raise ValueError(f"pooling needs 4 dimensions, not {x.shape}")
    rows, columns = attrs.window.output_size(x.shape[1], x.shape[2])
    return (((x.shape[0], rows, columns, x.shape[3]), x.dtype),)


def _every_window_sees_input(attrs: Pool2D) -> bool:
    p, (rows, columns) = attrs.padding, attrs.size
    return p.top < rows and p.bottom < rows and p.left < columns and p.right < columns


POOL_LIMITS = (
    INTEGER_INPUT_AND_OUTPUT,
    SAME_QUANTIZATION,
    *SUPPORTED,
    Limit("the batch is 1", lambda call: call.operands[0].shape[0] == 1),
    Limit("padding is smaller than the window", lambda call: _every_window_sees_input(call.attrs)),
)
