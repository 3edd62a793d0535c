"""Resampling of traces to the frame rate of the labels, and a low-pass filter for traces that jump.

Frame i covers the time from i * shift to (i + 1) * shift and has the time of its end, (i + 1) * shift. A trace has a
gap where two successive times are more than GAP of its own median intervals apart; frames inside it are unrated. An
event-driven trace has a row only where the value changes, so it has no gaps. A tool's log is one; that a table is one
cannot be seen in it, since irregular samples look alike, so `hold` has to be asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq.recipe.options import check_range, option

METHODS = ("hold", "linear", "median")
GAP = 3  # sampling intervals; up to two lost samples are bridged
ORDER = 3  # of the low-pass filter
EPSILON = 1e-6  # seconds; times are sums of decimals
CELLS = 1 << 20  # of the windows that are sorted at once


@dataclass(frozen=True)
class ResamplingOptions:
    """Resampling of traces (conf/traces.conf).

    Raises:
        ValueError: if a value is unknown or out of range
    """

    resample: str = option(
        "hold: the last value, in irregular tables through pauses; linear: between two values; median: of a window; "
        "auto: hold for PAGAN's logs, linear for all others"
    )
    window: float = option("seconds of the median's window, half of it to either side")
    low_pass_raters: tuple[str, ...] = option("raters whose resampled traces are low-pass filtered", default=())
    low_pass: float = option("cutoff of the low-pass filter in Hz, below half the label rate", default=0.25)

    def __post_init__(self) -> None:
        if self.resample not in ("auto", *METHODS):
            raise ValueError(f"--resample={self.resample}: choose auto, {', '.join(METHODS[:-1])} or {METHODS[-1]}")
        check_range(self, "window", low=0, high=3600, above=True)
        check_range(self, "low_pass", low=0, high=1000, above=True)


def is_irregular(times: ArrayLike) -> bool:
    """Return whether fewer than nine in ten intervals lie within 10 % of the median interval, or there is none.

    Args:
        times: shape (n,), increasing
    """
    intervals = np.diff(np.asarray(times, dtype=np.float64))
    if not len(intervals):
        return True
    middle = np.median(intervals)
    return bool(np.mean(np.abs(intervals - middle) <= 0.1 * middle) < 0.9)


def looks_event_driven(times: ArrayLike, values: ArrayLike) -> bool:
    """Return whether a table looks as if it had a row only where a value changes.

    That is so if times are irregular and every row changes a value. Irregular samples of a moving trace look alike.

    Args:
        times: shape (n,), increasing
        values: shape (n, columns)
    """
    steps = np.diff(np.asarray(values, dtype=np.float64), axis=0)
    return is_irregular(times) and not np.any(np.all(steps == 0, axis=1))


def resample(
    times: ArrayLike,
    values: ArrayLike,
    *,
    frames: int,
    shift: float,
    method: str,
    event_driven: bool = False,
    window: float = 0.5,
) -> NDArray[np.float64]:
    """Resample a trace.

    Frames before the first rating, after the last one, and in gaps are NaN. An unrated row, NaN, makes the frames up to
    the next row NaN.

    - `hold`: the value of the last row. An event-driven trace is held to the end of the recording.
    - `linear`: linear interpolation between the rows before and after; NaN next to an unrated row.
    - `median`: median of the rows within half a window of the frame's time, both ends included; without any, as in
      traces slower than the window, the value of the last row. Frames are unrated as with `hold`, except that a gap
      must also be longer than the window: in a shorter one each frame has rows in its window.

    Args:
        times: shape (n,), seconds, increasing
        values: shape (n,)
        frames: length of the result
        shift: seconds between frames
        method: one of METHODS
        event_driven: whether rows stand only where the value changes
        window: seconds, of `median`

    Returns:
        shape (frames,)

    Raises:
        ValueError: if the method is unknown, or times and values differ in shape

    >>> resample([1, 2], [0, 1], frames=5, shift=0.5, method="linear").tolist()
    [nan, 0.0, 0.5, 1.0, nan]
    """
    seconds = np.asarray(times, dtype=np.float64)
    ratings = np.asarray(values, dtype=np.float64)
    if method not in METHODS or seconds.ndim != 1 or seconds.shape != ratings.shape:
        raise ValueError(f"method {method!r}, times {seconds.shape}, values {ratings.shape}")
    ends = (np.arange(frames) + 1) * shift
    result = np.full(frames, np.nan)
    before = np.searchsorted(seconds, ends + EPSILON, side="right") - 1  # the last row at or before the frame's end
    rated = before >= 0
    if not event_driven:
        rated &= ends <= (seconds[-1] if len(seconds) else 0) + EPSILON
        rated &= ~_lie_in_gaps(seconds, before, ends, window if method == "median" else 0)
    last = before[rated]
    held = ratings[last]
    if method == "linear":
        following = np.minimum(last + 1, len(seconds) - 1)
        elapsed, step = ends[rated] - seconds[last], seconds[following] - seconds[last]
        inside = elapsed > EPSILON
        weight = np.divide(elapsed, step, out=np.zeros_like(step), where=inside & (step > 0))
        held = np.where(inside, (1 - weight) * held + weight * ratings[following], held)
        if event_driven:
            held[inside & (step == 0)] = np.nan  # after the last row
    elif method == "median":
        held = _take_medians(seconds, ratings, ends[rated], held, window)
    result[rated] = held
    return result


def _lie_in_gaps(seconds: NDArray, before: NDArray, ends: NDArray, shortest: float) -> NDArray[np.bool_]:
    """Return which frames lie strictly inside a gap; gaps are longer than `shortest` seconds."""
    intervals = np.diff(seconds)
    if not len(intervals):
        return np.zeros(len(ends), dtype=bool)
    wide = np.append(intervals > max((GAP + 1e-3) * np.median(intervals), shortest + EPSILON), False)
    return wide[before] & (ends > seconds[before] + EPSILON) & (before >= 0)


def _take_medians(seconds: NDArray, ratings: NDArray, ends: NDArray, held: NDArray, window: float) -> NDArray:
    """Return the median of the rated rows around each frame; `held` where it is NaN or there are no such rows."""
    first = np.searchsorted(seconds, ends - window / 2 - EPSILON, side="left")
    stop = np.searchsorted(seconds, ends + window / 2 + EPSILON, side="right")
    medians = held.copy()
    chosen = np.flatnonzero(np.isfinite(held) & (stop > first))
    width = int((stop - first)[chosen].max(initial=1))
    for part in np.array_split(chosen, 1 + len(chosen) * width // CELLS):
        rows = first[part, None] + np.arange(width)
        windows = np.where(rows < stop[part, None], ratings[np.minimum(rows, len(ratings) - 1)], np.nan)
        windows.sort(axis=1)  # NaN comes last
        rated = np.isfinite(windows).sum(axis=1)
        part, windows, rated = part[rated > 0], windows[rated > 0], rated[rated > 0]
        lines = np.arange(len(part))
        medians[part] = (windows[lines, (rated - 1) // 2] + windows[lines, rated // 2]) / 2
    return medians


def filter_low_pass(series: ArrayLike, *, cutoff: float, shift: float) -> NDArray[np.float64]:
    """Low-pass a series without delay: a Butterworth filter of order ORDER, forwards and backwards.

    Each rated stretch is filtered separately, its ends extended by reflection.

    Args:
        series: shape (frames,), NaN where unrated, which stays
        cutoff: frequency in Hz at which an amplitude becomes half of what it was, after both directions
        shift: seconds between frames

    Returns:
        shape (frames,)

    Raises:
        ValueError: if the cutoff is not below half the frame rate
    """
    if not 0 < cutoff < 0.5 / shift:
        raise ValueError(f"--low-pass={cutoff:g}: it must be above 0 and below {0.5 / shift:g} Hz, half the label rate")
    from scipy.signal import butter, filtfilt  # most of a second

    numerator, denominator = butter(ORDER, cutoff, fs=1 / shift)
    result = np.array(series, dtype=np.float64)
    rated = np.concatenate([[False], np.isfinite(result), [False]])
    for start, stop in np.flatnonzero(np.diff(rated)).reshape(-1, 2):
        padding = min(3 * len(denominator), stop - start - 1)  # scipy's default, or what a short stretch allows
        result[start:stop] = filtfilt(numerator, denominator, result[start:stop], padlen=padding)
    return result
