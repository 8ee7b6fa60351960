"""What is done to raw data before a model sees them, stated once: resize, colours, (raw - mean) * scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mcuq.errors import InvalidData

Array = npt.NDArray[Any]
Colors = Literal["rgb", "gray"]
ToReal = Callable[[Array, str], Array]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Real numbers are (raw - mean) * scale; raw is 0 .. 255 in images and -32768 .. 32767 in .wav files.

    `mean` has one number, or one a channel. `resize` (height, width) and `colors` concern images; where they are None,
    size and channels are those of the model's input. Everything None leaves arrays as they are.
    """

    resize: tuple[int, int] | None = None
    scale: float | None = None
    mean: tuple[float, ...] | None = None
    colors: Colors | None = None

    @property
    def changes_values(self) -> bool:
        """Whether `apply` does anything."""
        return self.scale is not None or self.mean is not None

    @property
    def real(self) -> ToReal | None:
        """`apply` where it does anything."""
        return self.apply if self.changes_values else None

    def apply(self, raw: Array, place: str) -> Array:
        """(raw - mean) * scale as float32; raises InvalidData when the means are not one a channel (last axis)."""
        mean = np.asarray(self.mean or (0.0,), np.float32)
        channels = raw.shape[-1] if raw.ndim > 1 else 1
        if len(mean) not in (1, channels):
            raise InvalidData(f"{place} has {channels} channels, but there are {len(mean)} means; give 1 or {channels}")
        return np.asarray((raw.astype(np.float32) - mean) * np.float32(1.0 if self.scale is None else self.scale))


NOTHING = Preprocessing()
