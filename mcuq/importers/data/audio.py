"""A folder of .wav files to arrays: mono, -32768 .. 32767, cut or padded around the middle to the model's length."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcuq.errors import InvalidData
from mcuq.importers.data.folder import find_files
from mcuq.ir import Graph

Array = npt.NDArray[Any]
SUFFIXES = (".wav",)


def load_audio(path: Path, graph: Graph) -> dict[str, Array]:
    """`x` int16 values as float32 [samples, length], and `y` where sub-folders name classes; raises InvalidData."""
    shape = graph.tensor(graph.inputs[0]).shape
    if len(graph.inputs) != 1 or sum(size > 1 for size in shape) > 1:
        raise InvalidData(
            f"'{path}' holds .wav files, but the model takes {list(shape)} and not one row of samples; "
            "compute its features yourself and give an .npz file"
        )
    folder = find_files(path, SUFFIXES)
    clips = [_read(file) for file in folder.files]
    rates = {rate: file for (_, rate), file in zip(clips, folder.files, strict=True)}
    if len(rates) > 1:
        said = " and ".join(f"{rate} Hz ('{file.name}')" for rate, file in sorted(rates.items())[:2])
        raise InvalidData(f"'{path}' holds files of different sample rates: {said}; resample them to one")
    arrays: dict[str, Array] = {"x": np.stack([_fitted(clip, max(shape)) for clip, _ in clips])}
    if folder.labels is not None:
        arrays["y"] = np.array(folder.labels)
    return arrays


def _read(file: Path) -> tuple[Array, int]:
    """The mean of the channels, and the sample rate in Hz."""
    try:
        with wave.open(str(file)) as clip:
            width, channels, rate = clip.getsampwidth(), clip.getnchannels(), clip.getframerate()
            data = clip.readframes(clip.getnframes())
    except (wave.Error, EOFError, OSError) as error:
        raise InvalidData(f"'{file}' is not a .wav file that can be read: {error}; PCM is needed") from error
    if width not in (1, 2):
        raise InvalidData(f"'{file}' has {8 * width} bits a sample; 8 and 16 are read")
    if width == 1:
        raw = (np.frombuffer(data, np.uint8).astype(np.float32) - 128) * 256
    else:
        raw = np.frombuffer(data, "<i2").astype(np.float32)
    return raw.reshape(-1, channels).mean(axis=1), rate


def _fitted(clip: Array, length: int) -> Array:
    """The middle of a longer clip; a shorter one with silence on both sides."""
    clip = clip[max(0, (len(clip) - length) // 2) :][:length]
    before = (length - len(clip)) // 2
    return np.pad(clip, (before, length - len(clip) - before))
