"""Low-level descriptors of eGeMAPS (Eyben et al. 2016), computed by openSMILE, and their functionals.

openSMILE is not installed with the recipe: its licence covers private use, research and teaching, but no products. If
that suits you, install `opensmile`, the extra `baselines` of setup.py.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.features.fbank import MAX_RATE, read_resampled, stack_frames
from emoseq.features.windows import pool_moments
from emoseq.io.datadir import Segment
from emoseq.recipe.options import check_range, option

# The last 15 of the 25 descriptors of eGeMAPSv02 exist in voiced frames only. F0, the first of these, is 0 elsewhere.
DESCRIPTORS = 25
VOICED = 10  # column of F0
ROW_SHIFT = 0.01  # seconds between rows of descriptors


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


def count_rows(frame_shift: float) -> int:
    """Return the number of rows of 10 ms in a frame.

    Raises:
        ValueError: if it is not a whole number

    >>> count_rows(0.04)
    4
    """
    rows = round(frame_shift / ROW_SHIFT)
    if rows < 1 or abs(rows * ROW_SHIFT - frame_shift) > 1e-6:
        raise ValueError(f"frames of {1000 * frame_shift:g} ms are no multiple of 10 ms, which eGeMAPS needs")
    return rows


def stack_descriptors(descriptors: NDArray, frames: int, per_frame: int) -> NDArray:
    """Join the rows of 10 ms of each frame.

    openSMILE's last window ends inside the signal; its row is repeated up to the end of the recording.

    Args:
        descriptors: shape (frames of 10 ms, 25)
        frames: number of frames
        per_frame: rows in a frame

    Returns:
        shape (frames, per_frame * 25)
    """
    missing = max(0, per_frame * frames - len(descriptors))
    padded = np.concatenate([descriptors, np.repeat(descriptors[-1:], missing, axis=0)])
    return stack_frames(padded[: per_frame * frames], per_frame)


def extract_egemaps(
    recordings: Mapping[str, Segment], options: EgemapsOptions, name: str, *, frame_shift: float
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Extract the descriptors of each recording, stacked to frames, not normalised.

    Args:
        recordings: where the audio of each utterance is
        options: the rate
        name: file that lists the recordings, for messages
        frame_shift: seconds

    Yields:
        utterance and descriptors of shape (frames, rows of 10 ms * 25)

    Raises:
        DataError: if openSMILE is not installed, or a recording cannot be read or is too short
        ValueError: as `count_rows`
    """
    per_frame = count_rows(frame_shift)
    compute_descriptors = make_extractor()
    rate = options.sample_frequency
    for utt, path, samples in read_resampled(recordings, rate, name):
        frames = round(len(samples) / rate / frame_shift)
        descriptors = compute_descriptors(samples, rate) if frames > 1 else samples[:0, None]
        if not len(descriptors):
            raise DataError(f"{name}: {utt}: {path} is too short for openSMILE; leave it out")
        yield utt, stack_descriptors(descriptors, frames, per_frame)


def compute_functionals(stacked: NDArray, seconds: float, *, frame_shift: float) -> NDArray[np.float64]:
    """Compute functionals in a window around each frame.

    Descriptors of voiced frames are averaged over the voiced frames. AVEC 2016 divides the standard deviations by the
    means; this does not, because some descriptors have means near 0.

    Args:
        stacked: as `stack_descriptors` returns it, shape (frames, rows of 10 ms * 25)
        seconds: width of the windows
        frame_shift: seconds

    Returns:
        shape (frames, 51): 25 means, 25 standard deviations and the voiced part of the window
    """
    rows = stacked.reshape(-1, DESCRIPTORS)
    size: dict[str, Any] = {"frame_shift": frame_shift, "per_frame": stacked.shape[1] // DESCRIPTORS}
    mean, deviation, _ = pool_moments(rows[:, :VOICED], seconds, **size)
    voiced = rows[:, VOICED] > 0
    voiced_mean, voiced_deviation, part = pool_moments(rows[:, VOICED:], seconds, mask=voiced, **size)
    return np.concatenate([mean, voiced_mean, deviation, voiced_deviation, part], axis=1)
