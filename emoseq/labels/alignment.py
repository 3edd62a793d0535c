"""Delays between the traces of a recording's raters, and traces shifted to agree best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from emoseq.labels.gold_standard import average_raters, check_traces
from emoseq.metrics import compute_concordance

PASSES = 20
LEAST_OVERLAP = 0.5  # share of the frames that both have rated which a lag must leave


def compute_lagged_concordance(trace: NDArray, reference: NDArray, longest: int) -> NDArray[np.float64]:
    """Compute the CCC of a trace with a reference at every lag, over the frames that both have rated.

    At a lag of L frame t + L of the trace meets frame t of the reference, so the best lag is the trace's delay.

    Args:
        trace: shape (frames,), NaN where unrated
        reference: shape (frames,), NaN where unrated
        longest: largest lag in frames, in either direction

    Returns:
        shape (2 * longest + 1,), lags from -longest to longest; NaN where a lag leaves less than half of the frames
    """
    pairs = [(np.isfinite(series), np.nan_to_num(series - np.nanmean(reference))) for series in (trace, reference)]
    size = 1 << (len(trace) + longest).bit_length()
    ours, theirs = (
        [np.fft.rfft(values, size) for values in (rated.astype(float), series, series**2)] for rated, series in pairs
    )
    # n, x, y, xx, yy, xy: powers of the trace and of the reference in each sum
    powers = ((0, 0), (1, 0), (0, 1), (2, 0), (0, 2), (1, 1))
    lags = np.arange(-longest, longest + 1)
    moments = np.stack(
        [np.fft.irfft(ours[i] * np.conj(theirs[j]), size)[lags] for i, j in powers], axis=-1
    )  # a negative lag counts from the end, which is where the transform has it
    shared = np.round(moments[:, 0])
    enough = shared >= max(2, LEAST_OVERLAP * np.sum(pairs[0][0] & pairs[1][0]))
    moments[:, 0] = np.where(enough, shared, 1)
    return np.where(enough, compute_concordance(moments), np.nan)


def find_delay(agreement: NDArray) -> int:
    """Return the lag in frames of the highest CCC, the one nearest to 0 among equals; 0 if no CCC is above 0.

    Args:
        agreement: CCC by lag, as `compute_lagged_concordance` returns it
    """
    lags = np.arange(len(agreement)) - len(agreement) // 2
    nearest_first = np.argsort(np.abs(lags), kind="stable")
    ranked = np.round(np.nan_to_num(agreement, nan=-1.0), 9)[nearest_first]  # no shift for the sake of rounding errors
    best = ranked.argmax()
    return int(lags[nearest_first[best]]) if ranked[best] > 0 else 0


def align_raters(ratings: NDArray, longest: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Shift each rater's trace in time to agree best, by the CCC, with the mean of the others.

    In each pass every rater is compared with the mean of the others as they were shifted by the pass before, so the
    result does not depend on the order of the raters. A rater moves by (raters - 1) / raters of the lag found: with the
    whole lag two raters would change places forever. Then the median shift is subtracted from all, so that raters move
    towards each other and their common delay is left. Passes end when no shift changes, after 20 at the latest.

    Args:
        ratings: traces of shape (frames, raters)
        longest: largest shift in frames, in either direction

    Returns:
        the traces, with NaN for frames whose rating would have to come from outside the recording, and the shifts in
        frames, shape (raters,), negative if the trace was moved to an earlier time

    Raises:
        ValueError: as `check_traces`
    """
    traces = check_traces(ratings)
    shifts = np.zeros(traces.shape[1], dtype=np.int64)
    present = np.flatnonzero(np.isfinite(traces).any(axis=0))
    for _ in range(PASSES if len(present) > 1 else 0):
        moved = shift_traces(traces, shifts)[:, present]
        steps = np.array([_find_step(moved, i, int(shifts[rater]), longest) for i, rater in enumerate(present)])
        renewed = shifts[present] - np.rint(steps * (len(present) - 1) / len(present))
        renewed = np.clip(renewed - np.rint(np.median(renewed)), -longest, longest).astype(np.int64)
        if np.array_equal(renewed, shifts[present]):
            break
        shifts[present] = renewed
    return shift_traces(traces, shifts), shifts


def align_recordings(
    ratings: Mapping[str, NDArray], longest: float, frame_shift: float
) -> tuple[dict[str, NDArray], dict[str, NDArray[np.int64]]]:
    """Align the raters of each recording.

    Args:
        ratings: traces (frames, raters) by recording
        longest: largest shift in seconds; 0 leaves the traces as they are
        frame_shift: seconds between frames

    Returns:
        the traces, and the shifts in frames (raters,), as `align_raters`; no shifts if `longest` is 0

    Raises:
        ValueError: as `check_traces`, with the recording
    """
    if not longest:
        return dict(ratings), {}
    aligned, shifts = {}, {}
    for recording, traces in ratings.items():
        try:
            aligned[recording], shifts[recording] = align_raters(traces, int(longest / frame_shift + 1e-9))
        except ValueError as error:
            raise ValueError(f"{recording}: {error}") from None
    return aligned, shifts


def _find_step(traces: NDArray, rater: int, shift: int, longest: int) -> int:
    """Return the delay of a rater, already shifted, behind the mean of the others, within the shifts allowed."""
    others = average_raters(np.delete(traces, rater, axis=1))
    if not (np.isfinite(traces[:, rater]).any() and np.isfinite(others).any()):
        return 0  # shifted out of a short recording
    agreement = compute_lagged_concordance(traces[:, rater], others, longest + abs(shift))
    lags = np.arange(len(agreement)) - len(agreement) // 2
    return find_delay(np.where(np.abs(shift - lags) <= longest, agreement, np.nan))


def shift_traces(traces: NDArray, shifts: NDArray) -> NDArray[np.float64]:
    """Shift traces (frames, raters) by frames (raters,), later if positive; frames without a rating become NaN."""
    frames = len(traces)
    shifted = np.full(traces.shape, np.nan)
    for rater, shift in enumerate(np.clip(shifts, -frames, frames).tolist()):
        shifted[max(0, shift) : frames + min(0, shift), rater] = traces[max(0, -shift) : frames - max(0, shift), rater]
    return shifted


def describe_shifts(raters: Sequence[str], shifts: NDArray, frame_shift: float) -> str:
    """Describe the shift of each rater in seconds."""
    directions = {-1: "earlier", 0: "not shifted", 1: "later"}
    return ", ".join(
        f"{rater} {abs(shift) * frame_shift:.2f} s {directions[np.sign(shift)]}" if shift else f"{rater} not shifted"
        for rater, shift in zip(raters, shifts.tolist(), strict=True)
    )
