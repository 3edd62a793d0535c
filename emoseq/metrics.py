"""CCC (paper, Eq. 5) and RMSE of time series against their gold standard, and the pairing of the two by utterance.

A frame that nobody has rated is NaN in the gold standard, and plays no part.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

TRIM = 2  # frames by which two series of one utterance may differ in length


def concordance(prediction: ArrayLike, gold: ArrayLike) -> float:
    """Concordance correlation coefficient with population moments (paper, Eq. 5).

    `2 * covariance / (variance of prediction + variance of gold + squared difference of their means)`

    Args:
        prediction: series of shape (frames,)
        gold: series of shape (frames,)

    Returns:
        CCC in [-1, 1]; 0 if either series is constant

    Raises:
        ValueError: if the series are empty, differ in length, or hold NaN or infinity

    A prediction that is right but for a constant offset: the means are 2 and 3, both variances and the covariance are
    (1 + 0 + 1) / 3 = 2/3, so the CCC is (2 * 2/3) / (2/3 + 2/3 + (2 - 3)^2) = 4/7 = 0.5714. Pearson's correlation is 1.

    >>> round(concordance([1, 2, 3], [2, 3, 4]), 4)
    0.5714
    """
    x, y = check_pair(prediction, gold)
    return float(compute_concordance(sum_moments(x, y, y.mean())))


def rmse(prediction: ArrayLike, gold: ArrayLike) -> float:
    """Root mean squared error of two series of shape (frames,).

    Raises:
        ValueError: as `concordance`

    The errors are 1 and 7: sqrt((1 + 49) / 2) = 5.

    >>> rmse([0, 0], [1, 7])
    5.0
    """
    x, y = check_pair(prediction, gold)
    return float(np.sqrt(np.mean((x - y) ** 2)))


def common_length(first: int, second: int, utterance: str, names: tuple[str, str]) -> int:
    """Return the number of frames that two series share; up to 2 may be trimmed from the end of the longer one.

    Args:
        first, second: lengths in frames
        utterance: id, for the message
        names: what the two series are, for the message

    Raises:
        ValueError: if they differ by more, with the utterance and both lengths
    """
    if abs(first - second) > TRIM:
        raise ValueError(
            f"{utterance}: {names[0]} has {first} frames and {names[1]} {second}; they may differ by {TRIM} at most"
        )
    return min(first, second)


def align_series(series: Mapping[str, NDArray], gold: Mapping[str, NDArray]) -> tuple[list[NDArray], list[NDArray]]:
    """Pair each gold standard with its prediction, and trim both to the same length.

    Args:
        series: predictions by utterance; further utterances are ignored
        gold: gold standards by utterance, of shape (frames,)

    Returns:
        predictions and gold standards, in the order of `gold`

    Raises:
        ValueError: if an utterance has no prediction, or as `common_length`
    """
    missing = sorted(set(gold) - set(series))
    if missing or not gold:
        raise ValueError(f"{missing[0]} has no prediction" if missing else "there is no utterance to score")
    lengths = {
        utt: common_length(len(series[utt]), len(gold[utt]), utt, ("the prediction", "the gold standard"))
        for utt in gold
    }
    return [series[utt][:n] for utt, n in lengths.items()], [gold[utt][:n] for utt, n in lengths.items()]


def pair_series(series: Mapping[str, NDArray], gold: Mapping[str, NDArray]) -> tuple[list[NDArray], list[NDArray]]:
    """Pair the rated frames of each gold standard with those of its prediction.

    Args:
        series, gold: as `align_series`

    Returns:
        predictions and gold standards, in the order of `gold`, without utterances that nobody has rated

    Raises:
        ValueError: as `align_series`, or if no frame is rated
    """
    pairs = [
        (values[~np.isnan(true)], true[~np.isnan(true)])
        for values, true in zip(*align_series(series, gold), strict=True)
    ]
    pairs = [pair for pair in pairs if len(pair[1])]
    if not pairs:
        raise ValueError("no frame has a gold standard")
    return [values for values, _ in pairs], [true for _, true in pairs]


def ccc_and_rmse(series: Mapping[str, NDArray], gold: Mapping[str, NDArray]) -> tuple[float, float]:
    """CCC and RMSE over the concatenated utterances of `gold`.

    Raises:
        ValueError: as `pair_series` and `concordance`
    """
    predicted, true = map(np.concatenate, pair_series(series, gold))
    return concordance(predicted, true), rmse(predicted, true)


def check_pair(prediction: ArrayLike, gold: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return two series of shape (frames,) in double precision.

    Raises:
        ValueError: as `concordance`
    """
    x = np.asarray(prediction, dtype=np.float64)
    y = np.asarray(gold, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or not len(x):
        raise ValueError(f"series must be vectors of one length, got {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("series hold NaN or infinite values")
    return x, y


def sum_moments(x: NDArray, y: NDArray, origin: np.floating) -> NDArray:
    """Sum up a pair of series as n, x, y, xx, yy, xy; the sums of several pairs add up to those of their union.

    Args:
        x, y: series of shape (frames,)
        origin: a value near the data that is subtracted from both. It leaves the CCC as it is, and keeps the digits of
            series far from zero.

    Returns:
        shape (6,)
    """
    x, y = x - origin, y - origin
    return np.array([len(x), x.sum(), y.sum(), x @ x, y @ y, x @ y])


def compute_concordance(moments: NDArray) -> NDArray:
    """Return the CCC for sums of shape (..., 6), as `sum_moments` returns them."""
    n, x, y, xx, yy, xy = np.moveaxis(moments, -1, 0)
    x, y = x / n, y / n
    variance_x, variance_y, covariance = xx / n - x * x, yy / n - y * y, xy / n - x * y
    spread = variance_x + variance_y + (x - y) ** 2
    # The variance of a constant is rounding error, and a ratio of such errors would be noise.
    constant = np.minimum(variance_x, variance_y) <= 1e-12 * np.maximum(1e-300, (xx + yy) / n)
    return np.where(constant, 0.0, 2 * covariance / np.where(constant, 1.0, spread))
