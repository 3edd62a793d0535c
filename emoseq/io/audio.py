"""Read recordings of any rate, format and number of channels."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from emoseq import DataError


def read_duration(path: str | os.PathLike) -> float:
    """Return the duration of an audio file in seconds, from its header.

    Raises:
        DataError: if the file is missing, is no audio or holds no samples
    """
    with _name_audio_errors(path):
        info = soundfile.info(str(path))
    return _require_samples(path, info.frames) / info.samplerate


def read_audio(
    path: str | os.PathLike, start: float = 0.0, end: float | None = None
) -> tuple[NDArray[np.float32], int]:
    """Read an audio file, or the stretch of it from `start` to `end` seconds.

    Returns:
        samples within [-1, 1], shape (samples,) or (samples, channels), and their rate in Hz

    Raises:
        DataError: as `read_duration`
    """
    with _name_audio_errors(path), soundfile.SoundFile(str(path)) as audio:
        rate = audio.samplerate
        audio.seek(min(round(start * rate), audio.frames))
        samples = audio.read(-1 if end is None else round(end * rate) - round(start * rate), dtype="float32")
    _require_samples(path, len(samples))
    return samples, rate


def mix_and_resample(samples: NDArray, rate: float, target_rate: float) -> NDArray[np.float32]:
    """Average the channels and resample.

    Args:
        samples: shape (samples,) or (samples, channels)
        rate: their rate in Hz
        target_rate: Hz

    Returns:
        shape (samples at the target rate,)
    """
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    return mono if rate == target_rate else soxr.resample(mono, rate, target_rate)


@contextlib.contextmanager
def _name_audio_errors(path: str | os.PathLike) -> Iterator[None]:
    if os.path.isdir(path):
        raise DataError(f"{path} is a folder; name an audio file in it")
    if not os.path.isfile(path):
        raise DataError(f"{path} does not exist")
    try:
        yield
    except soundfile.LibsndfileError:
        raise DataError(f"{path} is not an audio file ({os.path.getsize(path)} bytes); copy it again") from None


def _require_samples(path: str | os.PathLike, samples: int) -> int:
    if not samples:
        raise DataError(f"{path} holds no samples; copy it again")
    return samples
