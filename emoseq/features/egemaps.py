"""Low-level descriptors of eGeMAPS (Eyben et al. 2016) by openSMILE, and their functionals.

openSMILE is not part of the recipe: its licence is for private use, research and teaching, and no product may be
made with it. Whoever may use it installs `opensmile`, the extra `baselines` of setup.py.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.features.fbank import FRAME_SHIFT, MAX_RATE, read_resampled, stack_frames
from emoseq.features.windows import pool_moments
from emoseq.recipe.options import check_range, option

# Of the 25 descriptors of eGeMAPSv02 the last 15 exist in voiced frames only; the first of them, F0, is 0 in others.
DESCRIPTORS = 25


VOICED = 10


PER_FRAME = 4  # descriptors come every 10 ms


COLUMNS = PER_FRAME * DESCRIPTORS


@dataclass(frozen=True)
class EgemapsOptions:
    """Options of the descriptors (conf/egemaps.conf).

    Raises:
        ValueError: if the rate is out of range
    """

    sample_frequency: float = option("Hz; audio at another rate is resampled to it", default=16000.0)

    def __post_init__(self) -> None:
        check_range(self, "sample_frequency", low=16000, high=MAX_RATE)  # the descriptors reach up to 8000 Hz


def is_installed() -> bool:
    return importlib.util.find_spec("opensmile") is not None


def require_opensmile() -> None:
    """Find out early.

    Raises:
        DataError: if openSMILE is not installed
    """
    if not is_installed():
        raise DataError(advise_installation())


def advise_installation() -> str:
    """What to do where openSMILE is not installed."""
    return (
        f"opensmile is not installed, which valstar and povolny need: `{sys.executable} -m pip install opensmile` "
        "if its licence (private use, research, teaching) suits you, or leave them out of --baselines"
    )


def make_extractor() -> Callable[[NDArray, float], NDArray[np.float32]]:
    """The function that computes the descriptors of samples (samples,) at a rate in Hz, shape (frames, 25) at 10 ms.

    Raises:
        DataError: if openSMILE is not installed
    """
    require_opensmile()
    import opensmile

    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors)
    return lambda samples, rate: smile(samples, int(rate))[0].T


def stack_descriptors(descriptors: NDArray, frames: int) -> NDArray:
    """Join every four descriptors of 10 ms into one row of the 40 ms grid.

    openSMILE's last windows lie inside the signal; the last one is repeated up to the end.

    Args:
        descriptors: shape (frames of 10 ms, 25)
        frames: of 40 ms

    Returns:
        shape (frames, 100)
    """
    missing = max(0, PER_FRAME * frames - len(descriptors))
    padded = np.concatenate([descriptors, np.repeat(descriptors[-1:], missing, axis=0)])
    return stack_frames(padded[: PER_FRAME * frames], PER_FRAME)


def extract_egemaps(
    recordings: Mapping[str, str], options: EgemapsOptions, name: str
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Descriptors on the 40 ms grid, (frames, 100), of each recording, not normalised.

    Args:
        recordings: audio file by utterance
        options: the rate
        name: what lists the recordings, for messages

    Raises:
        DataError: if openSMILE is not installed, or a recording cannot be read or is too short
    """
    descriptors_of = make_extractor()
    rate = options.sample_frequency
    for utt, path, samples in read_resampled(recordings, rate, name):
        frames = round(len(samples) / rate / FRAME_SHIFT)
        descriptors = descriptors_of(samples, rate) if frames > 1 else samples[:0, None]
        if not len(descriptors):
            raise DataError(f"{name}: {utt}: {path} is too short for openSMILE; leave it out")
        yield utt, stack_descriptors(descriptors, frames)


def compute_functionals(stacked: NDArray, seconds: float) -> NDArray[np.float64]:
    """Means and standard deviations of the descriptors in the window of each frame, and how much of it is voiced.

    What exists in voiced frames only is averaged over these. AVEC 2016 has the coefficient of variation where this
    has the standard deviation; some descriptors have means near 0, by which nothing should be divided.

    Args:
        stacked: as `stack_descriptors` returns it, shape (frames, 100)
        seconds: width of the windows

    Returns:
        shape (frames, 51)
    """
    rows = stacked.reshape(-1, DESCRIPTORS)
    mean, deviation, _ = pool_moments(rows[:, :VOICED], seconds, per_frame=PER_FRAME)
    voiced = rows[:, VOICED] > 0
    voiced_mean, voiced_deviation, part = pool_moments(rows[:, VOICED:], seconds, per_frame=PER_FRAME, mask=voiced)
    return np.concatenate([mean, voiced_mean, deviation, voiced_deviation, part], axis=1)
