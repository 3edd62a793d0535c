"""Agreement of raters: Krippendorff's alpha, correlations, and the ceiling that they set."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def compute_alpha(ratings: Iterable[NDArray]) -> float:
    """Compute Krippendorff's alpha with the interval metric; units are the frames of all recordings.

    `1 - D_o / D_e`, where D_o is the mean squared difference of two ratings of one frame and D_e that of two ratings of
    any frames. Frames with fewer than two ratings do not count. For the interval metric both are sums of squares, so
    no matrix of coincidences between values is needed, which for traces would not fit in memory.

    Source: Krippendorff, "Content Analysis", 3rd edition, 2013, chapter 12.

    Args:
        ratings: traces (frames, raters) of each recording, NaN where unrated

    Returns:
        1 for full agreement, 0 for agreement by chance; NaN if no frame has two raters or all ratings are equal
    """
    within, counts, sums, squares = 0.0, 0, 0.0, 0.0
    tables = [traces[np.isfinite(traces).sum(axis=1) > 1] for traces in ratings]
    origin = average_finite(np.concatenate([traces.ravel() for traces in tables]))
    for traces in tables:
        rated = np.isfinite(traces)
        raters = rated.sum(axis=1)
        values = np.where(rated, traces - origin, 0)
        own = np.where(rated, values - (values.sum(axis=1) / raters)[:, None], 0)
        within += float(((own**2).sum(axis=1) * raters / (raters - 1)).sum())
        counts, sums, squares = counts + int(raters.sum()), sums + values.sum(), squares + (values**2).sum()
    total = squares - sums**2 / max(counts, 1)
    return float(1 - within / counts * (counts - 1) / total) if total > 1e-12 * squares else float("nan")


def correlate_raters(traces: NDArray) -> NDArray[np.float64]:
    """Compute Pearson's correlation of each pair of raters over the frames that both have rated.

    Args:
        traces: shape (frames, raters)

    Returns:
        shape (raters, raters), symmetric; NaN on the diagonal and where a rater is constant over the shared frames
    """
    raters = traces.shape[1]
    correlation = np.full((raters, raters), np.nan)
    for i, j in combinations(range(raters), 2):
        pair = traces[:, [i, j]]
        pair = pair[np.isfinite(pair).all(axis=1)]
        if len(pair) and np.ptp(pair, axis=0).all():
            correlation[i, j] = correlation[j, i] = np.corrcoef(pair.T)[0, 1]
    return correlation


def estimate_ceiling(correlation: float, raters: int) -> float:
    """Estimate the highest CCC with the raters' mean that any system can be expected to reach.

    By the Spearman-Brown formula the mean of n raters who correlate by r has the reliability n r / (1 + (n - 1) r), and
    nothing correlates with it by more than the square root of that (Spearman's correction for attenuation). The CCC
    is not above the correlation. The model: each trace is a common signal plus an independent error. Different delays
    count as errors, which lowers the estimate; errors that raters share, which a system can learn, count as signal,
    which raises it.

    Sources: Spearman 1904 and 1910, Brown 1910; Lord and Novick, "Statistical theories of mental test scores", 1968.

    Args:
        correlation: mean Pearson correlation of two raters, r
        raters: their number, n

    Returns:
        from 0 to 1; NaN for a single rater

    Six raters who correlate by 0.4: 2.4 / 3 = 0.8, whose root is 0.894.

    >>> round(estimate_ceiling(0.4, 6), 3)
    0.894
    """
    if raters < 2 or not np.isfinite(correlation):
        return float("nan")
    shared = max(correlation, 0.0)
    return float(np.sqrt(raters * shared / (1 + (raters - 1) * shared)))


def average_finite(values: ArrayLike) -> float:
    """Return the mean of the finite values; NaN if there are none."""
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    return float(finite.mean()) if len(finite) else float("nan")
