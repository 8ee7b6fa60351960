"""Kernel variants, one file each, in order of preference."""

from mcuq.schedule.kernel import Kernel
from mcuq.schedule.kernels import (
    binary_portable,
    conv_2d_portable,
    copy_portable,
    depthwise_conv_2d_portable,
    edge_portable,
    fully_connected_portable,
    lookup_portable,
    mean_portable,
    pool_portable,
    softmax_portable,
)

KERNELS: tuple[Kernel, ...] = (
    conv_2d_portable.KERNEL,
    depthwise_conv_2d_portable.KERNEL,
    fully_connected_portable.KERNEL,
    pool_portable.AVERAGE,
    pool_portable.MAX,
    mean_portable.KERNEL,
    binary_portable.SUM,
    binary_portable.PRODUCT,
    copy_portable.CONCATENATION,
    copy_portable.PAD,
    softmax_portable.KERNEL,
    lookup_portable.KERNEL,
    edge_portable.QUANTIZE,
    edge_portable.DEQUANTIZE,
)

__all__ = ["KERNELS"]
