"""Data of the zoo as arrays that the example networks take: features, labels and a fixed split, in numpy alone.

Every function takes the zoo's folder (MCUQ_ZOO) and gives float32 samples with the shape of the network's input.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Labels: TypeAlias = npt.NDArray[np.uint8]

FSDD_RATE_HZ = 8000
FSDD_SAMPLES = 8000
FSDD_FRAME = 256
FSDD_HOP = 200
FSDD_BANDS = 32
FSDD_TEST_TAKES = range(5)  # the set's own test split
ECG_NORMAL_TRAINING = 200
SPLIT_SEED = 5


class Dataset(NamedTuple):
    """`x_*` float32 [samples, ...], `y_*` uint8 [samples] counting from 0; the test part is never trained on."""

    x_train: Floats
    y_train: Labels
    x_test: Floats
    y_test: Labels
    classes: tuple[str, ...]


def uci_har(zoo: Path) -> Dataset:
    """Smartphone motion, 2400 and 950 windows of 128 samples x 9 channels at 50 Hz; other people in the test part."""
    with np.load(zoo / "data" / "uci_har_subset.npz") as file:
        classes = tuple(str(name) for name in file["classes"][1:])
        parts = [file["x_train"], file["y_train"] - 1, file["x_test"], file["y_test"] - 1]
    return Dataset(parts[0], parts[1].astype(np.uint8), parts[2], parts[3].astype(np.uint8), classes)


def mel_filters(bands: int, bins: int, rate_hz: int) -> Floats:
    """Triangles [bins, bands] that are evenly spaced in mel = 2595 log10(1 + f/700) from 60 Hz to half the rate."""
    edges_mel = np.linspace(2595 * np.log10(1 + 60 / 700), 2595 * np.log10(1 + rate_hz / 2 / 700), bands + 2)
    edges_hz = 700 * (10 ** (edges_mel / 2595) - 1)
    frequencies_hz = np.linspace(0, rate_hz / 2, bins)[:, None]
    low, middle, high = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rising = (frequencies_hz - low) / (middle - low)
    falling = (high - frequencies_hz) / (high - middle)
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def log_mel(audio: npt.NDArray[Any]) -> Floats:
    """One second of 8 kHz audio [8000] as [40, 32]: log mel energies, 32 ms frames every 25 ms, about -2 .. 2."""
    frames = (FSDD_SAMPLES - 1) // FSDD_HOP + 1
    padded = np.pad(audio.astype(np.float32) / 32768, (0, FSDD_FRAME))
    index = np.arange(frames)[:, None] * FSDD_HOP + np.arange(FSDD_FRAME)
    power = np.abs(np.fft.rfft(padded[index] * np.hanning(FSDD_FRAME))) ** 2
    energies = power @ mel_filters(FSDD_BANDS, FSDD_FRAME // 2 + 1, FSDD_RATE_HZ)
    return ((np.log(energies + 1e-4) + 4) / 4).astype(np.float32)


def _one_second(clip: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The clip in the middle of one second, cut or filled with silence."""
    clip = clip[max(0, (len(clip) - FSDD_SAMPLES) // 2) :][:FSDD_SAMPLES]
    before = (FSDD_SAMPLES - len(clip)) // 2
    return np.pad(clip, (before, FSDD_SAMPLES - len(clip) - before))


def fsdd(zoo: Path) -> Dataset:
    """Spoken digits of six speakers: 600 and 300 log mel images [40, 32, 1]; takes 0 to 4 are the test part."""
    with np.load(zoo / "data" / "fsdd_900.npz") as file:
        audio, offsets, labels, names = (file[key] for key in ("audio", "offsets", "labels", "names"))
    clips = [audio[a:b] for a, b in pairwise(offsets)]
    x = np.stack([log_mel(_one_second(clip)) for clip in clips])[..., None]
    takes = np.array([int(str(name).rsplit("_", 1)[1].removesuffix(".wav")) for name in names])
    test = np.isin(takes, FSDD_TEST_TAKES)
    classes = tuple(str(digit) for digit in range(10))
    return Dataset(x[~test], labels[~test], x[test], labels[test], classes)


def ecg5000(zoo: Path) -> Dataset:
    """Heartbeats [140]: 200 normal ones to train on, 92 normal (label 0) and 208 others (label 1) to tell apart."""
    with np.load(zoo / "data" / "ecg5000_train500.npz") as file:
        x, is_other = file["x"], (file["y"] != 1).astype(np.uint8)
    order = np.random.default_rng(SPLIT_SEED).permutation(np.flatnonzero(is_other == 0))
    train = np.sort(order[:ECG_NORMAL_TRAINING])
    test = np.setdiff1d(np.arange(len(x)), train)
    return Dataset(x[train], is_other[train], x[test], is_other[test], ("normal", "other"))


def anomaly_scores(x: npt.NDArray[Any], reconstruction: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The mean squared error of each sample."""
    error = x.astype(np.float64).reshape(len(x), -1) - reconstruction.reshape(len(x), -1)
    return np.asarray((error**2).mean(axis=1))


def area_under_curve(scores: npt.NDArray[Any], is_other: npt.NDArray[Any]) -> float:
    """The chance that an anomaly scores higher than a normal sample (ROC AUC; ties count half)."""
    positive, negative = scores[is_other == 1][:, None], scores[is_other == 0]
    return float((positive > negative).mean() + 0.5 * (positive == negative).mean())


DATASETS: dict[str, Callable[[Path], Dataset]] = {"uci_har": uci_har, "fsdd": fsdd, "ecg5000": ecg5000}
