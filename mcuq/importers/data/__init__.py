"""Data of every kind: .npz files, arrays, batches of any iterable, folders of images or of .wav files."""

from mcuq.importers.data.load import Data, calibration_batches, load_samples
from mcuq.importers.data.preprocessing import Preprocessing

__all__ = ["Data", "Preprocessing", "calibration_batches", "load_samples"]
