"""Confidence intervals and paired tests of CCC: bootstrap and permutation over utterances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq.metrics import check_pair, compute_concordance, sum_moments
from emoseq.recipe.options import check_range, option


@dataclass(frozen=True)
class Score:
    """One Table 2 entry with its 95 % interval.

    `ccc` and `rmse` are computed over the concatenated utterances. `mean_ccc` is the unweighted mean of the
    utterances' own CCC. `ccc_low` and `ccc_high` bound the 95 % bootstrap interval of `ccc`.
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
    """Bootstrap of the confidence intervals (conf/score.conf)."""

    bootstrap_samples: int = option("resamples of the utterances for the 95 % intervals")
    bootstrap_seed: int = option("seed of the resampling", default=0)

    def __post_init__(self) -> None:
        check_range(self, "bootstrap_samples", low=1, high=10**6)
        check_range(self, "bootstrap_seed", low=0, high=2**63 - 1)


@dataclass(frozen=True)
class Difference:
    """CCC of one system less that of another on the same utterances, concatenated.

    `low` and `high` bound its 95 % bootstrap interval. `p` is the p value of the two-sided paired permutation test:
    the share of random swaps of the two systems, utterance by utterance, that give a difference as large.
    """

    ccc: float
    low: float
    high: float
    p: float


def score_with_interval(
    predictions: Sequence[ArrayLike], golds: Sequence[ArrayLike], *, options: ScoreOptions
) -> Score:
    """Score concatenated utterances, with a percentile bootstrap over utterances.

    Args:
        predictions: one series of shape (frames,) per utterance
        golds: gold standards of the same utterances
        options: bootstrap

    Raises:
        ValueError: if there is no utterance, their numbers differ, or as `emoseq.metrics.check_pair`
    """
    moments, squared_error = _sum_moments(predictions, golds)
    low, high = np.quantile(compute_concordance(moments[_resample(len(moments), options)].sum(axis=1)), [0.025, 0.975])
    total = moments.sum(axis=0)
    return Score(
        ccc=float(compute_concordance(total)),
        ccc_low=float(low),
        ccc_high=float(high),
        rmse=float(np.sqrt(squared_error / total[0])),
        mean_ccc=float(np.mean(compute_concordance(moments))),
        frames=int(total[0]),
        utterances=len(moments),
    )


def compare_series(
    predictions: Sequence[ArrayLike], others: Sequence[ArrayLike], golds: Sequence[ArrayLike], *, options: ScoreOptions
) -> Difference:
    """Return the CCC difference with bootstrap interval and permutation test.

    The test tries all 2^n swaps of n utterances if they are at most `options.bootstrap_samples`, else as many random
    ones.

    Args:
        predictions: one series of shape (frames,) per utterance
        others: series of the other system
        golds: gold standards of the same utterances
        options: bootstrap

    Raises:
        ValueError: as `score_with_interval`
    """
    pair = np.stack([_sum_moments(series, golds)[0] for series in (predictions, others)])
    utterances = pair.shape[1]

    def subtract(moments: NDArray) -> NDArray:
        first, second = compute_concordance(moments.sum(axis=-2))
        return first - second

    observed = subtract(pair)
    low, high = np.quantile(subtract(pair[:, _resample(utterances, options)]), [0.025, 0.975])
    if 2.0**utterances <= options.bootstrap_samples:
        swaps = (np.arange(2**utterances)[:, None] >> np.arange(utterances)) % 2 == 1
    else:
        random = np.random.default_rng(options.bootstrap_seed)
        swaps = np.r_[[[False] * utterances], random.random((options.bootstrap_samples - 1, utterances)) < 0.5]
    swapped = np.where(swaps[None, :, :, None], pair[::-1, None], pair[:, None])
    p = np.mean(np.abs(subtract(swapped)) >= abs(observed) - 1e-12)
    return Difference(float(observed), float(low), float(high), float(p))


def _sum_moments(predictions: Sequence[ArrayLike], golds: Sequence[ArrayLike]) -> tuple[NDArray, float]:
    """Return the moments of each utterance, shape (utterances, 6), and the squared error over all."""
    if not predictions or len(predictions) != len(golds):
        raise ValueError(f"{len(predictions)} predictions for {len(golds)} gold standards")
    pairs = [check_pair(p, g) for p, g in zip(predictions, golds, strict=True)]
    origin = np.mean([y.mean() for _, y in pairs])
    moments = np.stack([sum_moments(x, y, origin) for x, y in pairs])
    return moments, sum(float(np.sum((x - y) ** 2)) for x, y in pairs)


def _resample(utterances: int, options: ScoreOptions) -> NDArray[np.int64]:
    """Draw utterances with replacement; indices of shape (bootstrap samples, utterances)."""
    random = np.random.default_rng(options.bootstrap_seed)
    return random.integers(utterances, size=(options.bootstrap_samples, utterances))
