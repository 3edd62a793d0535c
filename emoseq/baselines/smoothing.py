"""Smoothers of a time series with which decoding is compared (paper, Sec. 5).

Gaussian filter after He et al. (2015), median filter after Valstar et al. (2016). Widths are in seconds; beyond its
ends a series keeps its first and last value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq.baselines.options import LONGEST_WINDOW
from emoseq.metrics import ccc_and_rmse
from emoseq.recipe.options import check_range, option
from emoseq.recipe.trial import Trial


def filter_gaussian(series: ArrayLike, width: float, frame_shift: float) -> NDArray[np.float32]:
    """Convolve a series (frames,) with a Gaussian whose standard deviation is `width` seconds."""
    from scipy.ndimage import gaussian_filter1d  # half a second to import

    values = np.asarray(series, dtype=np.float64)
    return (gaussian_filter1d(values, width / frame_shift, mode="nearest") if width else values).astype(np.float32)


def filter_median(series: ArrayLike, width: float, frame_shift: float) -> NDArray[np.float32]:
    """Replace each value of a series (frames,) by the median of an odd number of frames, `width` seconds or less."""
    from scipy.ndimage import median_filter

    frames = 2 * int(width / frame_shift / 2 + 1e-9) + 1
    return median_filter(np.asarray(series, dtype=np.float32), frames, mode="nearest")


SMOOTHERS: dict[str, Callable[[ArrayLike, float, float], NDArray[np.float32]]] = {
    "gaussian": filter_gaussian,
    "median": filter_median,
}


@dataclass(frozen=True)
class SmoothOptions:
    """Widths to compare on the dev set (conf/smooth.conf)."""

    widths: tuple[float, ...] = option(
        "standard deviation or window in seconds", default=(0.0, 0.2, 0.4, 0.8, 1.6, 3.2)
    )

    def __post_init__(self) -> None:
        check_range(self, "widths", low=0, high=LONGEST_WINDOW)


def sweep_widths(
    series: Mapping[str, NDArray],
    gold: Mapping[str, NDArray],
    smoother: str,
    widths: Sequence[float],
    *,
    frame_shift: float,
) -> list[Trial[float]]:
    """Score each width of a smoother, in seconds like the frame shift, on the dev set.

    Raises:
        ValueError: as `emoseq.metrics.ccc_and_rmse`
    """
    smooth = SMOOTHERS[smoother]
    return [
        Trial(width, *ccc_and_rmse({utt: smooth(values, width, frame_shift) for utt, values in series.items()}, gold))
        for width in widths
    ]
