"""CONV_2D with int4 weights for cores with DSP instructions: unpacked into RAM, then as conv_2d/dsp_rows.

Half a byte of flash a weight at nearly the speed of int8. Where many weights would take much scratch, some output
channels are unpacked and computed for all pixels, then the next ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.artifacts import PackedConstant
from mcuq.ir import INT4, Graph, Node
from mcuq.schedule.kernel import Kernel, Work
from mcuq.schedule.kernels import conv_2d_dsp_rows as rows_kernel
from mcuq.schedule.kernels.conv_2d_dsp_rows import ConvRowsShape
from mcuq.schedule.kernels.mixed_lanes import BLOCK
from mcuq.schedule.kernels.packing_int4 import packed_lanes

Array = npt.NDArray[Any]

UNPACKED_BYTES = 6144  # of weights at a time, at most, but for a single block
HEAD = 4  # words of a block before its weights: start values


@dataclass(frozen=True, slots=True)
class ConvRowsInt4Shape:
    """`rows` computes one of `groups` of channels: `blocks` of HEAD words, `packed` of eight weights, and `tail`."""

    rows: ConvRowsShape
    groups: int
    stream_offset: int
    blocks: int
    packed: int
    tail: int

    @property
    def stream_bytes(self) -> int:
        """Of RAM, for the weights and all else of a group's stream."""
        return 4 * self.blocks * (HEAD + 2 * self.packed + self.tail)


def refuses(node: Node, graph: Graph) -> str | None:
    """Why the kernel cannot compute the node, or None."""
    return rows_kernel.refuses(node, graph, INT4)


def _packed_stream(stream: Array, shape: ConvRowsInt4Shape) -> Array:
    blocks = stream.reshape(shape.groups * shape.blocks, -1)
    end = HEAD + 2 * shape.packed
    weights = packed_lanes(blocks[:, HEAD:end].reshape(-1)).reshape(len(blocks), -1)
    return np.concatenate([blocks[:, :HEAD], weights, blocks[:, end:]], axis=1).reshape(-1)


def _groups(rows: ConvRowsShape, block_bytes: int) -> int:
    """As few groups of equally many blocks as keep to UNPACKED_BYTES; one where channels are left over of a block."""
    blocks = rows.stored_channels // BLOCK
    if rows.out_channels % BLOCK:
        return 1
    fitting = (n for n in range(1, blocks) if blocks % n == 0 and blocks // n * block_bytes <= UNPACKED_BYTES)
    return next(fitting, blocks)


def _unpacking(work: Work) -> Work:
    (stream,) = work.constants
    whole: ConvRowsShape = work.shape
    packed = whole.pairs * (1 if whole.form == "chunks" else whole.window.window_height)
    tail = BLOCK * (2 if whole.shift else 3)
    groups = _groups(whole, 4 * (HEAD + 2 * packed + tail))
    rows = replace(whole, out_channels=whole.out_channels // groups)
    shape = ConvRowsInt4Shape(
        rows=rows,
        groups=groups,
        stream_offset=-(-rows.scratch_bytes // 4) * 4,
        blocks=rows.stored_channels // BLOCK,
        packed=packed,
        tail=tail,
    )
    unpacking_cycles = shape.blocks * (11 * packed + 5 * (HEAD + tail) + 20)
    return replace(
        work,
        shape=shape,
        constants=(PackedConstant(stream.role, stream.c_type, _packed_stream(stream.values, shape)),),
        scratch_bytes=shape.stream_offset + shape.stream_bytes,
        # Later groups read all of the input again.
        overlaps=work.overlaps if groups == 1 else (),
        cycles=groups * (rows_kernel.cycles_of(rows) + unpacking_cycles),
        code_bytes=work.code_bytes + (40 if groups == 1 else 70),
        shared_code=(*work.shared_code, ("mcuq_int4_unpack", 130)),
        variant=f"{f'weights unpacked in {groups} groups' if groups > 1 else 'weights unpacked'}, {work.variant}",
    )


def plans(node: Node, graph: Graph) -> tuple[Work, ...]:
    """The ways of conv_2d/dsp_rows."""
    return tuple(_unpacking(work) for work in rows_kernel.plans(node, graph))


KERNEL = Kernel("conv_2d/dsp_rows_w4", ("CONV_2D",), "mcuq_stream_parameters", plans, refuses, frozenset({"dsp"}))
