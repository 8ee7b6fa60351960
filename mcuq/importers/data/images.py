"""A folder of images to arrays: decoded, converted, resized, 0 .. 255 (Pillow, the extra `images`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.errors import InvalidData, ToolMissing
from mcuq.importers.data.folder import find_files
from mcuq.importers.data.preprocessing import Preprocessing
from mcuq.ir import Graph

Array = npt.NDArray[Any]
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff")
MODES = {"rgb": "RGB", "gray": "L"}


def load_images(path: Path, graph: Graph, preprocessing: Preprocessing) -> dict[str, Array]:
    """`x` uint8 [samples, H, W, C], flat where the model takes it so, and `y` where sub-folders name classes.

    Raises InvalidData and ToolMissing.
    """
    shape = graph.tensor(graph.inputs[0]).shape
    if len(graph.inputs) != 1 or (len(shape) not in (3, 4) and preprocessing.resize is None):
        raise InvalidData(f"'{path}' holds images, but the model does not take one image; give an .npz file")
    height, width = preprocessing.resize or (shape[1], shape[2])
    colors = preprocessing.colors or ("rgb" if len(shape) == 4 and shape[3] == 3 else "gray")
    folder = find_files(path, SUFFIXES)
    x = np.stack([_read(file, MODES[colors], (width, height)) for file in folder.files])
    arrays: dict[str, Array] = {"x": x if len(shape) in (3, 4) else x.reshape(len(x), -1)}
    if folder.labels is not None:
        arrays["y"] = np.array(folder.labels)
    return arrays


def _read(file: Path, mode: str, size: tuple[int, int]) -> Array:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise ToolMissing("images are read by Pillow, which is not installed: pip install 'mcuq[images]'") from error
    try:
        with Image.open(file) as image:
            shown = image.convert(mode)
            shown = shown if shown.size == size else shown.resize(size, Image.Resampling.BILINEAR)
            return np.asarray(shown, np.uint8).reshape(size[1], size[0], -1)
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise InvalidData(f"'{file}' is not an image that Pillow can read: {error}") from error
