"""Temporal context on the ratings' 40 ms grid: functionals, pooling and stacking of windows of a few seconds.

Frame f of a series is the time (f + 1) * 0.04 s, on which its window is centred. A window is cut where the recording
ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from emoseq.features.fbank import FRAME_SHIFT, apply_cmvn, compute_cmvn_statistics


def compute_window_bounds(frames: int, seconds: float, per_frame: int = 1) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First row and end of the window of each frame.

    Args:
        frames: of 40 ms
        seconds: width of the windows
        per_frame: rows of what is windowed in each frame, 4 for rows of 10 ms

    Returns:
        two arrays of shape (frames,), so that rows low[f] to high[f] - 1 are those of frame f, at least one
    """
    centre = per_frame * np.arange(1, frames + 1)
    half = max(1, round(seconds / FRAME_SHIFT * per_frame / 2))
    return np.maximum(centre - half, 0), np.minimum(centre + half, per_frame * frames)


def pool_moments(
    values: NDArray, seconds: float, *, per_frame: int = 1, mask: NDArray | None = None
) -> tuple[NDArray, NDArray, NDArray]:
    """Mean and standard deviation in the window of each frame, and the part of its rows that counted.

    Args:
        values: shape (frames * per_frame, dimensions)
        seconds: width of the windows
        per_frame: rows of `values` in each frame
        mask: which rows count, shape (frames * per_frame,); default all of them. Where none does in a window, its
            mean and deviation are those of all rows that count in the recording, or 0

    Returns:
        shapes (frames, dimensions) twice and (frames, 1)
    """
    low, high = compute_window_bounds(len(values) // per_frame, seconds, per_frame)
    counted = np.ones(len(values), dtype=bool) if mask is None else mask
    rows = values[counted].astype(np.float64)
    origin, spread = (rows.mean(axis=0), rows.std(axis=0)) if len(rows) else (np.zeros(values.shape[1]),) * 2
    centred = np.where(counted[:, None], values - origin, 0.0)  # near 0, sums of squares keep their digits

    def within(array: NDArray) -> NDArray:
        sums = np.concatenate([np.zeros((1, array.shape[1])), array.cumsum(axis=0, dtype=np.float64)])
        return sums[high] - sums[low]

    count = within(counted[:, None])
    mean = within(centred) / np.maximum(count, 1)
    deviation = np.sqrt(np.maximum(within(centred**2) / np.maximum(count, 1) - mean**2, 0))
    return mean + origin, np.where(count > 0, deviation, spread), count / (high - low)[:, None]


def pool_maxima(values: NDArray, seconds: float) -> NDArray:
    """Largest value in the window of each frame, shape (frames, dimensions) as the values."""
    half = max(1, round(seconds / FRAME_SHIFT / 2))
    # Rows f + 1 - half to f + half; beyond the ends the last row is repeated, which is in the window anyway.
    return maximum_filter1d(values, 2 * half, axis=0, mode="nearest", origin=-1)


def stack_context(values: NDArray, offsets: Sequence[int]) -> NDArray:
    """Each frame with those at some offsets from it; beyond the ends the first and the last frame go on.

    Args:
        values: shape (frames, dimensions)
        offsets: in frames

    Returns:
        shape (frames, offsets * dimensions), in the order of the offsets

    >>> stack_context(np.array([[1], [2], [3]]), [-1, 0]).tolist()
    [[1, 1], [1, 2], [2, 3]]
    """
    frames = np.arange(len(values))[:, None] + np.asarray(offsets)
    return values[np.clip(frames, 0, len(values) - 1)].reshape(len(values), -1)


def list_offsets(reach: float, step: float) -> list[int]:
    """Offsets in frames from -reach to reach seconds, `step` seconds apart.

    >>> list_offsets(0.8, 0.4)
    [-20, -10, 0, 10, 20]
    """
    count, frames = int(reach / step + 1e-9), round(step / FRAME_SHIFT)
    return [i * frames for i in range(-count, count + 1)]


def normalise(values: NDArray) -> NDArray[np.float32]:
    """Zero mean and unit variance of each dimension over the recording."""
    return apply_cmvn(values, compute_cmvn_statistics(values))


def delay(series: NDArray, frames: int) -> NDArray:
    """The series `frames` later, of the same length; its first value stands in for what is not known.

    >>> delay(np.array([1, 2, 3, 4]), 2).tolist()
    [1, 1, 1, 2]
    """
    return np.concatenate([np.repeat(series[:1], frames, axis=0), series])[: len(series)]
