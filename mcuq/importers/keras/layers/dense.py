"""Dense: a fully connected layer over the last axis."""

from __future__ import annotations

from mcuq.importers.keras.layers.activation import emit_curve, fused_activation, refuse_activation
from mcuq.importers.keras.site import LayerReader, Site
from mcuq.ir import Tensor
from mcuq.ops.fully_connected import FullyConnected


def _read_dense(site: Site) -> Tensor:
    kernel, *biases = site.weights(1, 2)
    x = site.held()
    constants = (site.constant("kernel", kernel.T), *(site.constant("bias", bias) for bias in biases))
    attrs = FullyConnected(fused_activation(site), keep_num_dims=len(x.shape) > 2)
    return emit_curve(site, site.emit("FULLY_CONNECTED", (x, *constants), attrs))


DENSE = LayerReader("Dense", _read_dense, refuse_activation)
