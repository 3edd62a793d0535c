"""Delay and direction of raters beside the others, from lagged correlations pooled over the recordings of a set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEP = 0.2  # s, to which traces are averaged
LONGEST_LAG = 12.0  # s searched, and a quarter of the recording
SAME_DELAY = 1.0  # s around the median delay, compared with which another must be likely
ORDINARY_DELAY = 3.0  # s around it, by which people differ
PASSES = 20
LEAST_OVERLAP = 0.5  # share of the largest number of frames which a lag must leave


@dataclass(frozen=True)
class Course:
    """Course of a rater beside the mean of the others.

    Attributes:
        seconds: rated by this rater and compared
        delay: behind the median of the raters, where this rater correlates best with the others, in seconds; NaN if
            that is at the end of the search
        correlation: with the mean of the others there, each moved by their own delay; negative if that says more
        evidence: for this delay against that of the others, or for inversion against any ordinary delay: twice the
            difference in log likelihood, n log((1 - r0^2) / (1 - r^2)), with n independent frames
    """

    seconds: float
    delay: float
    correlation: float
    evidence: float


@dataclass(frozen=True)
class Products:
    """Lagged products of the standardised traces of a recording.

    Attributes:
        raters: numbers of the raters, shape (n,)
        sums: frame t + L of the first times frame t of the second, over t; shape (n, n, lags)
        counts: frames that both have rated, likewise
    """

    raters: NDArray[np.int64]
    sums: NDArray[np.float64]
    counts: NDArray[np.float64]


def follow_raters(
    ratings: Mapping[str, NDArray], raters: Mapping[str, Sequence[str]], frame_shift: float
) -> tuple[dict[str, Course], dict[tuple[str, str], Course]]:
    """Find the delay and the direction of each rater beside the others.

    All raters' delays and signs are found together: each in turn takes those by which the trace correlates best with
    the mean of the others, moved and turned by theirs, until nothing changes. So a rater who is late or inverted
    does not blur the others' mean, and evidence adds up over the recordings.

    Args:
        ratings: traces (frames, raters) by recording, NaN where not to be compared
        raters: names of the columns by recording
        frame_shift: seconds between frames

    Returns:
        by rater over all recordings, and by recording and rater, the others as over all recordings; those without
        another rater are missing
    """
    width = max(1, round(STEP / frame_shift))
    step = width * frame_shift
    longest = round(LONGEST_LAG / step)
    names = list(dict.fromkeys(name for recording in ratings for name in raters[recording]))
    products = {
        recording: _multiply(
            _average(traces, width), np.array([names.index(name) for name in raters[recording]]), longest
        )
        for recording, traces in ratings.items()
    }
    present = [[part for part in products.values() if rater in part.raters] for rater in range(len(names))]
    signs, delays = _fit(present, round(ORDINARY_DELAY / step), longest)
    overall, single = {}, {}
    for rater, name in enumerate(names):
        course = _describe(present[rater], rater, signs, delays, step)
        if course:
            overall[name] = course
    for recording, part in products.items():
        for rater in part.raters.tolist():
            course = _describe([part], rater, signs, delays, step)
            if course:
                single[recording, names[rater]] = course
    return overall, single


def _average(traces: NDArray, width: int) -> NDArray[np.float64]:
    """Average traces (frames, raters) over `width` frames each."""
    frames = len(traces) // width * width
    return traces[:frames].reshape(-1, width, traces.shape[1]).mean(axis=1)


def _multiply(traces: NDArray, raters: NDArray, longest: int) -> Products:
    """Multiply the standardised traces (frames, raters) at lags up to `longest` frames."""
    masked = np.ma.masked_invalid(traces)
    deviations = masked.std(axis=0).filled(0)
    rated = np.isfinite(traces) & (deviations > 0)
    centred = np.where(rated, traces - masked.mean(axis=0).filled(0), 0)
    standardised = centred / np.where(deviations > 0, deviations, 1)
    size = 1 << (len(traces) + longest).bit_length()
    lags = np.arange(-longest, longest + 1)
    transforms = [np.fft.rfft(values, size, axis=0).T for values in (standardised, rated.astype(float))]
    sums, counts = (
        np.fft.irfft(values[:, None] * values.conj(), size)[..., lags] * (np.abs(lags) <= len(traces) // 4)
        for values in transforms
    )
    return Products(raters, sums, np.round(counts))


def _correlate(
    products: Sequence[Products], rater: int, signs: NDArray, delays: NDArray
) -> tuple[NDArray[np.float64], float, float]:
    """Correlate a rater with the mean of the others, moved by their delays, at every lag.

    Returns:
        correlation by lag, NaN where a lag leaves too few frames; frames of the rater; and how many frames are worth
        one independent one, by the autocorrelations (Bartlett 1946)
    """
    lags = products[0].sums.shape[2]
    middle = lags // 2
    shared, own, others = (np.zeros((2, lags)) for _ in range(3))
    spread = np.zeros(2)
    for part in products:
        (row,) = np.flatnonzero(part.raters == rater)
        rest = np.flatnonzero((part.raters != rater) & (part.counts[row, :, middle] > 0))
        turns, moves = signs[part.raters[rest]], delays[part.raters[rest]]
        apart = np.arange(lags) - moves[:, None]
        between = middle + moves[:, None] - moves
        for kind, (values, factor) in enumerate(((part.sums, turns), (part.counts, np.ones(len(rest))))):
            moved = np.take_along_axis(values[row, rest], np.clip(apart, 0, lags - 1), axis=1)
            shared[kind] += factor @ np.where((apart >= 0) & (apart < lags), moved, 0)
            pairs = values[rest[:, None], rest, np.clip(between, 0, lags - 1)]
            spread[kind] += factor @ np.where((between >= 0) & (between < lags), pairs, 0) @ factor
            own[kind] += values[row, row] * bool(len(rest))
            others[kind] += values[rest, rest].sum(axis=0)
    enough = shared[1] >= max(1, LEAST_OVERLAP * shared[1].max())
    if spread[0] <= 0 or not enough.any():
        return np.full(lags, np.nan), 0.0, 1.0
    curve = np.where(enough, shared[0] / np.maximum(shared[1], 1), np.nan) / np.sqrt(spread[0] / spread[1])
    dependence = np.prod([kind[0] / np.maximum(kind[1], 1) for kind in (own, others)], axis=0).sum()
    return curve, float(own[1, middle]), max(1.0, float(dependence))


def _find_best(curve: NDArray, ordinary: int) -> int:
    """Return the index of the best lag; a negative correlation counts within ordinary lags only.

    Courses that swing run against each other if moved by half a swing, so at long lags it would mean little.
    """
    lags = np.abs(np.arange(len(curve)) - len(curve) // 2)
    return int(np.nanargmax(np.where(lags <= ordinary, np.abs(curve), curve)))


def _fit(present: Sequence[Sequence[Products]], ordinary: int, longest: int) -> tuple[NDArray, NDArray]:
    """Find the signs and the delays in frames, shape (raters,), of all raters; `present` has the recordings of each."""
    signs, delays = np.ones((2, len(present)), dtype=np.int64)
    delays[:] = 0
    for _ in range(PASSES):
        before = signs.copy(), delays.copy()
        compared = []
        for rater, products in enumerate(present):
            curve, frames, _ = _correlate(products, rater, signs, delays)
            if frames:
                compared.append(rater)
                best = _find_best(curve, ordinary)
                signs[rater], delays[rater] = (-1 if curve[best] < 0 else 1), best - longest
        if not compared:
            break
        # The lower of two medians: of two raters the later one is at fault, since nobody reacts before the speech.
        delays[compared] -= np.sort(delays[compared])[(len(compared) - 1) // 2]
        signs *= -1 if signs[compared].sum() < 0 else 1
        if np.array_equal(before, (signs, delays)):
            break
    if compared and signs[compared].sum() == 0:
        signs[:] = 1  # as many on one side as on the other: nobody to believe
    return signs, delays


def _describe(products: Sequence[Products], rater: int, signs: NDArray, delays: NDArray, step: float) -> Course | None:
    """Describe how a rater follows the others in some recordings; None without others."""
    curve, frames, dependence = _correlate(products, rater, signs, delays)
    if not frames:
        return None
    middle, same, near = len(curve) // 2, round(SAME_DELAY / step), round(ORDINARY_DELAY / step)
    best = _find_best(curve, near)
    ends = np.flatnonzero(np.isfinite(curve))[[0, -1]]
    width = near if curve[best] < 0 else same
    ordinary = max(0.0, float(np.nanmax(curve[middle - width : middle + width + 1])))
    gain = np.log((1 - min(ordinary, 0.999) ** 2) / (1 - min(abs(curve[best]), 0.999) ** 2))
    delay = float("nan") if best in ends else (best - middle) * step
    return Course(frames * step, delay, float(curve[best]), float(frames / dependence * gain))
