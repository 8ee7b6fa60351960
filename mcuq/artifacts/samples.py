"""Samples: what a validation run feeds, already in the model's own types."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Samples:
    """`inputs` holds one array [samples, *shape] an input of the model; `labels` integers [samples] or None."""

    inputs: tuple[npt.NDArray[Any], ...] = field(compare=False)
    labels: npt.NDArray[Any] | None = field(compare=False)
    source: str

    @property
    def count(self) -> int:
        """How many samples there are."""
        return int(self.inputs[0].shape[0])

    def take(self, which: Any) -> Samples:
        """The samples of a slice, or of an array of their numbers."""
        labels = None if self.labels is None else self.labels[which]
        return Samples(tuple(array[which] for array in self.inputs), labels, self.source)

    @staticmethod
    def joined(parts: tuple[Samples, ...]) -> Samples:
        """All samples, one part after the other; with labels where every part has some."""
        inputs = tuple(np.concatenate(arrays) for arrays in zip(*(part.inputs for part in parts), strict=True))
        labels = [part.labels for part in parts if part.labels is not None]
        whole = np.concatenate(labels) if len(labels) == len(parts) else None
        return Samples(inputs, whole, ", ".join(part.source for part in parts))
