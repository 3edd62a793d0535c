"""Low-level descriptors of eGeMAPS (Eyben et al. 2016), computed by openSMILE, and their functionals.

openSMILE is not installed with the recipe: its licence covers private use, research and teaching, but no products. If
that suits you, install `opensmile`, the extra `baselines` of setup.py.
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

# The last 15 of the 25 descriptors of eGeMAPSv02 exist in voiced frames only. F0, the first of these, is 0 elsewhere.
DESCRIPTORS = 25
VOICED = 10  # column of F0
PER_FRAME = 4  # rows of 10 ms in a frame of 40 ms
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
    """Return whether openSMILE is installed."""
    return importlib.util.find_spec("opensmile") is not None


def require_opensmile() -> None:
    """Check for openSMILE before work begins.

    Raises:
        DataError: if openSMILE is not installed
    """
    if not is_installed():
        raise DataError(advise_installation())


def advise_installation() -> str:
    """Return an error message that says how to install openSMILE or do without."""
    return (
        f"opensmile is not installed, which valstar and povolny need: `{sys.executable} -m pip install opensmile` "
        "if its licence (private use, research, teaching) suits you, or leave them out of --baselines"
    )


def make_extractor() -> Callable[[NDArray, float], NDArray[np.float32]]:
    """Return a function of samples, shape (samples,), and their rate in Hz.

    It returns the descriptors every 10 ms, shape (frames, 25).

    Raises:
        DataError: if openSMILE is not installed
    """
    require_opensmile()
    import opensmile

    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors)
    return lambda samples, rate: smile(samples, int(rate))[0].T


def stack_descriptors(descriptors: NDArray, frames: int) -> NDArray:
    """Join each four rows of 10 ms to one frame of 40 ms.

    openSMILE's last window ends inside the signal; its row is repeated up to the end of the recording.

    Args:
        descriptors: shape (frames of 10 ms, 25)
        frames: number of frames of 40 ms

    Returns:
        shape (frames, 100)
    """
    missing = max(0, PER_FRAME * frames - len(descriptors))
    padded = np.concatenate([descriptors, np.repeat(descriptors[-1:], missing, axis=0)])
    return stack_frames(padded[: PER_FRAME * frames], PER_FRAME)


def extract_egemaps(
    recordings: Mapping[str, str], options: EgemapsOptions, name: str
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Extract the descriptors of each recording, in frames of 40 ms, not normalised.

    Args:
        recordings: audio file by utterance
        options: the rate
        name: file that lists the recordings, for messages

    Yields:
        utterance and descriptors of shape (frames, 100)

    Raises:
        DataError: if openSMILE is not installed, or a recording cannot be read or is too short
    """
    compute_descriptors = make_extractor()
    rate = options.sample_frequency
    for utt, path, samples in read_resampled(recordings, rate, name):
        frames = round(len(samples) / rate / FRAME_SHIFT)
        descriptors = compute_descriptors(samples, rate) if frames > 1 else samples[:0, None]
        if not len(descriptors):
            raise DataError(f"{name}: {utt}: {path} is too short for openSMILE; leave it out")
        yield utt, stack_descriptors(descriptors, frames)


def compute_functionals(stacked: NDArray, seconds: float) -> NDArray[np.float64]:
    """Compute functionals in a window around each frame.

    Descriptors of voiced frames are averaged over the voiced frames. AVEC 2016 divides the standard deviations by the
    means; this does not, because some descriptors have means near 0.

    Args:
        stacked: as `stack_descriptors` returns it, shape (frames, 100)
        seconds: width of the windows

    Returns:
        shape (frames, 51): 25 means, 25 standard deviations and the voiced part of the window
    """
    rows = stacked.reshape(-1, DESCRIPTORS)
    mean, deviation, _ = pool_moments(rows[:, :VOICED], seconds, per_frame=PER_FRAME)
    voiced = rows[:, VOICED] > 0
    voiced_mean, voiced_deviation, part = pool_moments(rows[:, VOICED:], seconds, per_frame=PER_FRAME, mask=voiced)
    return np.concatenate([mean, voiced_mean, deviation, voiced_deviation, part], axis=1)
