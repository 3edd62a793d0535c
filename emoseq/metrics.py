"""Concordance, error and confidence intervals of time series against their gold standard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq.recipe.options import option

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
    x, y = _pair(prediction, gold)
    return float(_concordance(_moments(x, y, y.mean())))


def rmse(prediction: ArrayLike, gold: ArrayLike) -> float:
    """Root mean squared error of two series of shape (frames,).

    Raises:
        ValueError: as `concordance`

    >>> rmse([0.0, 0.0], [3.0, 4.0])
    3.5355339059327378
    """
    x, y = _pair(prediction, gold)
    return float(np.sqrt(np.mean((x - y) ** 2)))


@dataclass(frozen=True)
class Score:
    """What Table 2 of the paper says of one system on one set, and how sure that is.

    `ccc` and `rmse` are over the concatenated utterances, `mean_ccc` is the unweighted mean of the
    utterances' own CCC, `ccc_low` and `ccc_high` bound the 95 % bootstrap interval of `ccc`.
    """

    ccc: float
    ccc_low: float
    ccc_high: float
    rmse: float
    mean_ccc: float
    frames: int
    utterances: int


@dataclass(frozen=True)
class ScoreOptions:
    """How sure scores are (conf/score.conf)."""

    bootstrap_samples: int = option("resamples of the utterances for the 95 % intervals")
    bootstrap_seed: int = option("seed of the resampling", default=0)

    def __post_init__(self) -> None:
        if self.bootstrap_samples < 1:
            raise ValueError(f"--bootstrap-samples={self.bootstrap_samples}: 1 or more")


@dataclass(frozen=True)
class Difference:
    """CCC of one system less that of another on the same utterances, concatenated.

    `low` and `high` bound its 95 % bootstrap interval. `p` is that of the paired permutation test: how often
    a difference as large comes about, in either direction, if in each utterance the two are swapped by chance.
    """

    ccc: float
    low: float
    high: float
    p: float


def score(predictions: Sequence[ArrayLike], golds: Sequence[ArrayLike], *, options: ScoreOptions) -> Score:
    """Score utterances together, with a percentile bootstrap over utterances.

    Args:
        predictions: one series of shape (frames,) per utterance
        golds: the gold standard of the same utterances
        options: of the bootstrap

    Raises:
        ValueError: if there is no utterance, or as `concordance`
    """
    moments, squared_error = _all_moments(predictions, golds)
    low, high = np.quantile(_concordance(moments[_resampled(len(moments), options)].sum(axis=1)), [0.025, 0.975])
    total = moments.sum(axis=0)
    return Score(
        ccc=float(_concordance(total)),
        ccc_low=float(low),
        ccc_high=float(high),
        rmse=float(np.sqrt(squared_error / total[0])),
        mean_ccc=float(np.mean(_concordance(moments))),
        frames=int(total[0]),
        utterances=len(moments),
    )


def difference(
    predictions: Sequence[ArrayLike], others: Sequence[ArrayLike], golds: Sequence[ArrayLike], *, options: ScoreOptions
) -> Difference:
    """How much better the first system is than the second one, and whether chance would do.

    All 2^n ways to swap n utterances are tried up to `options.bootstrap_samples`, beyond that as many random ones.

    Args:
        predictions: one series of shape (frames,) per utterance
        others: those of the other system
        golds: the gold standard of the same utterances
        options: of the bootstrap

    Raises:
        ValueError: as `score`
    """
    pair = np.stack([_all_moments(series, golds)[0] for series in (predictions, others)])
    utterances = pair.shape[1]

    def gain(moments: NDArray) -> NDArray:
        first, second = _concordance(moments.sum(axis=-2))
        return first - second

    observed = gain(pair)
    low, high = np.quantile(gain(pair[:, _resampled(utterances, options)]), [0.025, 0.975])
    if 2.0**utterances <= options.bootstrap_samples:
        swaps = (np.arange(2**utterances)[:, None] >> np.arange(utterances)) % 2 == 1
    else:
        random = np.random.default_rng(options.bootstrap_seed)
        swaps = np.r_[[[False] * utterances], random.random((options.bootstrap_samples - 1, utterances)) < 0.5]
    swapped = np.where(swaps[None, :, :, None], pair[::-1, None], pair[:, None])
    p = np.mean(np.abs(gain(swapped)) >= abs(observed) - 1e-12)
    return Difference(float(observed), float(low), float(high), float(p))


def _all_moments(predictions: Sequence[ArrayLike], golds: Sequence[ArrayLike]) -> tuple[NDArray, float]:
    """Moments of each utterance, shape (utterances, 6), and the squared error of all."""
    if not predictions or len(predictions) != len(golds):
        raise ValueError(f"{len(predictions)} predictions for {len(golds)} gold standards")
    pairs = [_pair(p, g) for p, g in zip(predictions, golds, strict=True)]
    origin = np.mean([y.mean() for _, y in pairs])
    moments = np.stack([_moments(x, y, origin) for x, y in pairs])
    return moments, sum(float(np.sum((x - y) ** 2)) for x, y in pairs)


def _resampled(utterances: int, options: ScoreOptions) -> NDArray[np.int64]:
    random = np.random.default_rng(options.bootstrap_seed)
    return random.integers(utterances, size=(options.bootstrap_samples, utterances))


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


def paired(series: Mapping[str, NDArray], gold: Mapping[str, NDArray]) -> tuple[list[NDArray], list[NDArray]]:
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
        ValueError: as `paired` and `concordance`
    """
    predicted, true = map(np.concatenate, paired(series, gold))
    return concordance(predicted, true), rmse(predicted, true)


def _pair(prediction: ArrayLike, gold: ArrayLike) -> tuple[NDArray, NDArray]:
    x = np.asarray(prediction, dtype=np.float64)
    y = np.asarray(gold, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or not len(x):
        raise ValueError(f"series must be vectors of one length, got {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("series hold NaN or infinite values")
    return x, y


def _moments(x: NDArray, y: NDArray, origin: np.floating) -> NDArray:
    """Sums from which the CCC of any union of utterances follows: n, x, y, xx, yy, xy.

    Counted from a common origin near the data, which moves no CCC and keeps the digits of series
    far from zero.
    """
    x, y = x - origin, y - origin
    return np.array([len(x), x.sum(), y.sum(), x @ x, y @ y, x @ y])


def _concordance(moments: NDArray) -> NDArray:
    """CCC from sums of shape (..., 6)."""
    n, x, y, xx, yy, xy = np.moveaxis(moments, -1, 0)
    x, y = x / n, y / n
    variance_x, variance_y, covariance = xx / n - x * x, yy / n - y * y, xy / n - x * y
    spread = variance_x + variance_y + (x - y) ** 2
    # A constant leaves a variance of rounding errors only, whose ratio would be noise.
    constant = np.minimum(variance_x, variance_y) <= 1e-12 * np.maximum(1e-300, (xx + yy) / n)
    return np.where(constant, 0.0, 2 * covariance / np.where(constant, 1.0, spread))
