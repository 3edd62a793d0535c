"""Concordance, error and confidence intervals of time series against their gold standard."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

TRIM = 2  # frames by which two series of one utterance may differ in length


def concordance(prediction: ArrayLike, gold: ArrayLike) -> float:
    """Concordance correlation coefficient with population moments (paper, Eq. 5).

    Args:
        prediction: series of shape (frames,)
        gold: series of shape (frames,)

    Returns:
        CCC in [-1, 1]; 0 where either series is constant, since a constant says nothing

    Raises:
        ValueError: if the series are empty, differ in length, or hold NaN or infinity

    >>> round(concordance([0, 1, 2], [0, 1, 1]), 10)
    0.6666666667
    """
    x, y = check_pair(prediction, gold)
    return float(compute_concordance(sum_moments(x, y, y.mean())))


def rmse(prediction: ArrayLike, gold: ArrayLike) -> float:
    """Root mean squared error of two series of shape (frames,).

    Raises:
        ValueError: as `concordance`

    >>> rmse([0.0, 0.0], [3.0, 4.0])
    3.5355339059327378
    """
    x, y = check_pair(prediction, gold)
    return float(np.sqrt(np.mean((x - y) ** 2)))


def common_length(first: int, second: int, utterance: str, names: tuple[str, str]) -> int:
    """Frames that two series of one utterance share; up to 2 are trimmed from the end of the longer one.

    Raises:
        ValueError: if they differ by more, with the utterance and both lengths
    """
    if abs(first - second) > TRIM:
        raise ValueError(
            f"{utterance}: {names[0]} has {first} frames and {names[1]} {second}; they may differ by {TRIM} at most"
        )
    return min(first, second)


def pair_series(series: Mapping[str, NDArray], gold: Mapping[str, NDArray]) -> tuple[list[NDArray], list[NDArray]]:
    """Predictions and gold standards of the utterances of `gold`, cut to one length each.

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


def ccc_and_rmse(series: Mapping[str, NDArray], gold: Mapping[str, NDArray]) -> tuple[float, float]:
    """CCC and RMSE over the concatenated utterances of `gold`.

    Raises:
        ValueError: as `pair_series` and `concordance`
    """
    predicted, true = map(np.concatenate, pair_series(series, gold))
    return concordance(predicted, true), rmse(predicted, true)


def check_pair(prediction: ArrayLike, gold: ArrayLike) -> tuple[NDArray, NDArray]:
    x = np.asarray(prediction, dtype=np.float64)
    y = np.asarray(gold, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or not len(x):
        raise ValueError(f"series must be vectors of one length, got {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("series hold NaN or infinite values")
    return x, y


def sum_moments(x: NDArray, y: NDArray, origin: np.floating) -> NDArray:
    """Sums from which the CCC of any union of utterances follows: n, x, y, xx, yy, xy.

    Counted from a common origin near the data, which moves no CCC and keeps the digits of series
    far from zero.
    """
    x, y = x - origin, y - origin
    return np.array([len(x), x.sum(), y.sum(), x @ x, y @ y, x @ y])


def compute_concordance(moments: NDArray) -> NDArray:
    """CCC from sums of shape (..., 6)."""
    n, x, y, xx, yy, xy = np.moveaxis(moments, -1, 0)
    x, y = x / n, y / n
    variance_x, variance_y, covariance = xx / n - x * x, yy / n - y * y, xy / n - x * y
    spread = variance_x + variance_y + (x - y) ** 2
    # A constant leaves a variance of rounding errors only, whose ratio would be noise.
    constant = np.minimum(variance_x, variance_y) <= 1e-12 * np.maximum(1e-300, (xx + yy) / n)
    return np.where(constant, 0.0, 2 * covariance / np.where(constant, 1.0, spread))
