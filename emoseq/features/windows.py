"""Temporal context at the frame rate of the ratings: pooling and stacking over windows of a few seconds.

Frame f of a series is at (f + 1) times the frame shift, the centre of its window. Windows are cut at the ends of the
recording.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emoseq.features.fbank import apply_cmvn, compute_cmvn_statistics


def compute_window_bounds(
    frames: int, seconds: float, *, frame_shift: float, per_frame: int = 1
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first row of each frame's window, and the row after its last one.

    Args:
        frames: number of frames
        seconds: width of the windows
        frame_shift: seconds
        per_frame: rows in each frame, 4 for rows of 10 ms in frames of 40 ms

    Returns:
        `low` and `high` of shape (frames,); rows low[f] to high[f] - 1 belong to frame f, at least one
    """
    centre = per_frame * np.arange(1, frames + 1)
    half = max(1, round(seconds / frame_shift * per_frame / 2))
    return np.maximum(centre - half, 0), np.minimum(centre + half, per_frame * frames)


def pool_moments(
    values: NDArray, seconds: float, *, frame_shift: float, per_frame: int = 1, mask: NDArray | None = None
) -> tuple[NDArray, NDArray, NDArray]:
    """Compute mean and standard deviation in the window of each frame, and the part of its rows that count.

    Args:
        values: shape (frames * per_frame, dimensions)
        seconds: width of the windows
        frame_shift: seconds
        per_frame: rows of `values` in each frame
        mask: rows that count, shape (frames * per_frame,); default all. If no row of a window counts, its mean and
            deviation are those of all rows that count in the recording, or 0 if none does

    Returns:
        shapes (frames, dimensions) twice and (frames, 1)
    """
    low, high = compute_window_bounds(len(values) // per_frame, seconds, frame_shift=frame_shift, per_frame=per_frame)
    counted = np.ones(len(values), dtype=bool) if mask is None else mask
    rows = values[counted].astype(np.float64)
    origin, spread = (rows.mean(axis=0), rows.std(axis=0)) if len(rows) else (np.zeros(values.shape[1]),) * 2
    centred = np.where(counted[:, None], values - origin, 0.0)  # sums of squares of values near 0 keep their digits

    def sum_windows(array: NDArray) -> NDArray:
        sums = np.concatenate([np.zeros((1, array.shape[1])), array.cumsum(axis=0, dtype=np.float64)])
        return sums[high] - sums[low]

    count = sum_windows(counted[:, None])
    mean = sum_windows(centred) / np.maximum(count, 1)
    deviation = np.sqrt(np.maximum(sum_windows(centred**2) / np.maximum(count, 1) - mean**2, 0))
    return mean + origin, np.where(count > 0, deviation, spread), count / (high - low)[:, None]


def pool_maxima(values: NDArray, seconds: float, *, frame_shift: float) -> NDArray:
    """Return the largest value in the window of each frame, shape (frames, dimensions) like the values.

    Args:
        values: shape (frames, dimensions)
        seconds: width of the windows
        frame_shift: seconds
    """
    from scipy.ndimage import maximum_filter1d  # half a second to import

    half = max(1, round(seconds / frame_shift / 2))
    # Rows f + 1 - half to f + half. The filter repeats the outermost rows, which are in these windows anyway.
    return maximum_filter1d(values, 2 * half, axis=0, mode="nearest", origin=-1)


def stack_context(values: NDArray, offsets: Sequence[int]) -> NDArray:
    """Join the frames at the given offsets from each frame; the first and last frame are repeated beyond the ends.

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


def list_offsets(reach: float, step: float, *, frame_shift: float) -> list[int]:
    """Return offsets in frames that cover -reach to reach seconds, `step` seconds (a frame at least) apart.

    >>> list_offsets(0.8, 0.4, frame_shift=0.04)
    [-20, -10, 0, 10, 20]
    """
    count, frames = int(reach / step + 1e-9), max(1, round(step / frame_shift))
    return [i * frames for i in range(-count, count + 1)]


def normalise(values: NDArray) -> NDArray[np.float32]:
    """Normalise a recording, shape (frames, dimensions), to zero mean and unit variance in each dimension."""
    return apply_cmvn(values, compute_cmvn_statistics(values))
