"""Samples: what a validation run feeds, already in the model's own types."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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
