"""Kernel variants, one file each, in order of preference."""

from mcuq.schedule.kernel import Kernel
from mcuq.schedule.kernels import (
    average_pool_2d_dsp,
    binary_portable,
    conv_2d_dsp,
    conv_2d_dsp_pointwise,
    conv_2d_dsp_rows,
    conv_2d_dsp_rows_w4,
    conv_2d_dsp_winograd,
    conv_2d_float,
    conv_2d_int16x8,
    conv_2d_lanes,
    conv_2d_portable,
    conv_2d_portable_w4,
    copy_portable,
    curve_int16x8,
    depthwise_conv_2d_any_dsp,
    depthwise_conv_2d_dsp,
    depthwise_conv_2d_dsp_shared,
    depthwise_conv_2d_float,
    depthwise_conv_2d_int16x8,
    depthwise_conv_2d_lanes,
    depthwise_conv_2d_portable,
    depthwise_conv_2d_portable_w4,
    edge_portable,
    elementwise_float,
    fully_connected_dsp,
    fully_connected_dsp_w4,
    fully_connected_float,
    fully_connected_int16x8,
    fully_connected_lanes,
    fully_connected_portable,
    fully_connected_portable_w4,
    lookup_portable,
    mean_portable,
    mean_shift,
    pool_portable,
    reduce_float,
    rescale_portable,
    softmax_int16x8,
    softmax_portable,
    sum_dsp,
    sum_dsp_tables,
    sum_shift,
)

KERNELS: tuple[Kernel, ...] = (
    conv_2d_dsp_rows.KERNEL,
    conv_2d_dsp.KERNEL,
    conv_2d_dsp_pointwise.KERNEL,
    conv_2d_dsp_winograd.KERNEL,
    conv_2d_dsp_rows_w4.KERNEL,
    conv_2d_lanes.KERNEL,
    conv_2d_portable_w4.KERNEL,
    conv_2d_portable.KERNEL,
    depthwise_conv_2d_dsp.KERNEL,
    depthwise_conv_2d_dsp_shared.KERNEL,
    depthwise_conv_2d_any_dsp.KERNEL,
    depthwise_conv_2d_lanes.KERNEL,
    depthwise_conv_2d_portable_w4.KERNEL,
    depthwise_conv_2d_portable.KERNEL,
    fully_connected_dsp.KERNEL,
    fully_connected_dsp_w4.KERNEL,
    fully_connected_lanes.KERNEL,
    fully_connected_portable_w4.KERNEL,
    fully_connected_portable.KERNEL,
    average_pool_2d_dsp.KERNEL,
    pool_portable.AVERAGE,
    pool_portable.MAX,
    mean_portable.KERNEL,
    sum_dsp.KERNEL,
    sum_dsp_tables.KERNEL,
    binary_portable.SUM,
    binary_portable.PRODUCT,
    copy_portable.CONCATENATION,
    copy_portable.PAD,
    softmax_portable.KERNEL,
    lookup_portable.KERNEL,
    edge_portable.QUANTIZE,
    edge_portable.DEQUANTIZE,
    sum_shift.KERNEL,
    mean_shift.KERNEL,
    conv_2d_int16x8.KERNEL,
    depthwise_conv_2d_int16x8.KERNEL,
    fully_connected_int16x8.KERNEL,
    softmax_int16x8.KERNEL,
    curve_int16x8.KERNEL,
    rescale_portable.KERNEL,
    conv_2d_float.FLOAT,
    conv_2d_float.HYBRID,
    depthwise_conv_2d_float.FLOAT,
    depthwise_conv_2d_float.HYBRID,
    fully_connected_float.FLOAT,
    fully_connected_float.HYBRID,
    reduce_float.AVERAGE,
    reduce_float.MAX,
    reduce_float.MEAN,
    reduce_float.SOFTMAX,
    elementwise_float.BINARY,
    elementwise_float.UNARY,
)

_ADDED: list[Kernel] = []


def add_kernel(kernel: Kernel) -> None:
    """Offer one more kernel in this process, until `remove_kernel`; ValueError when the name is taken."""
    if kernel.name in {known.name for known in known_kernels()}:
        raise ValueError(f"mcuq has a kernel called {kernel.name} already")
    _ADDED.append(kernel)


def remove_kernel(kernel: Kernel) -> None:
    """Forget a kernel that `add_kernel` added."""
    if kernel in _ADDED:
        _ADDED.remove(kernel)


def known_kernels() -> tuple[Kernel, ...]:
    """KERNELS, and before them what was added."""
    return (*_ADDED, *KERNELS)


__all__ = ["KERNELS", "add_kernel", "known_kernels", "remove_kernel"]
