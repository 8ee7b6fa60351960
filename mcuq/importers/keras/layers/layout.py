"""What moves elements without computing: Flatten, Reshape, Permute, padding, and layers that only training knows."""

from __future__ import annotations

from collections.abc import Callable

from mcuq.importers.keras.layers.convolution import refuse_layout
from mcuq.importers.keras.site import LayerReader, Refused, Site
from mcuq.ir import Tensor
from mcuq.ops.pad import Pad
from mcuq.ops.reshape import Reshape

# At inference they give back what they get.
IDENTITIES = (
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "RandomBrightness",
    "RandomContrast",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "SpatialDropout1D",
    "SpatialDropout2D",
)


def _read_identity(site: Site) -> Tensor:
    return site.held()


def _read_reshape(site: Site) -> Tensor:
    x = site.held()
    return x if x.shape == site.shape else site.emit("RESHAPE", (x,), Reshape(site.shape))


def _read_permute(site: Site) -> Tensor:
    """Axes of size 1 may go anywhere: that is a RESHAPE."""
    shape = site.operands[0].shape
    order = [int(axis) for axis in site.config["dims"]]
    moved = [axis for axis in order if shape[axis] != 1]
    if moved != sorted(moved):
        raise Refused(f"it moves elements (dims {tuple(order)}); feed the model in the order that it works in")
    return _read_reshape(site)


def _sides(value: object) -> tuple[int, int]:
    return (int(value[0]), int(value[1])) if isinstance(value, (list, tuple)) else (int(str(value)), int(str(value)))


def _zero_padding(rank: int) -> Callable[[Site], Tensor]:
    def read(site: Site) -> Tensor:
        padding = site.config["padding"]
        rows, columns = ((0, 0), _sides(padding)) if rank == 1 else (_sides(one) for one in padding)
        attrs = Pad((0, rows[0], columns[0], 0), (0, rows[1], columns[1], 0))
        return site.emit("PAD", (site.image(),), attrs)

    return read


LAYOUTS = (
    LayerReader("Flatten", _read_reshape, refuse_layout),
    LayerReader("Reshape", _read_reshape),
    LayerReader("Permute", _read_permute),
    LayerReader("ZeroPadding1D", _zero_padding(1), refuse_layout),
    LayerReader("ZeroPadding2D", _zero_padding(2), refuse_layout),
    *(LayerReader(name, _read_identity) for name in IDENTITIES),
)
