"""Measures of the paper's observations: clipping, moderation, erratic labels, two stages (Secs. 4.1 to 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq.labels.kmeans import quantise, reconstruct, split_at_gaps
from emoseq.metrics import concordance, rmse


@dataclass(frozen=True)
class Clipping:
    """Ratings beyond the outermost cluster means, which no class can express (paper, Sec. 4.1).

    `below` and `above` are shares of all frames. `mean_excess` and `max_excess` are the distances of those frames
    to the means, in units of the rating; 0 if there are none.
    """

    below: float
    above: float
    mean_excess: float
    max_excess: float


def measure_clipping(ratings: ArrayLike, centers: ArrayLike) -> Clipping:
    """Measure how ascending cluster means of shape (K,) clip ratings of shape (frames,)."""
    values, means = np.asarray(ratings, dtype=np.float64), np.asarray(centers, dtype=np.float64)
    below, above = means[0] - values, values - means[-1]
    excess = np.maximum(below, above)
    excess = excess[excess > 0]
    return Clipping(
        float((below > 0).mean()),
        float((above > 0).mean()),
        float(excess.mean()) if len(excess) else 0.0,
        float(excess.max()) if len(excess) else 0.0,
    )


def compute_spread_ratio(series: ArrayLike, gold: ArrayLike) -> float:
    """Return the standard deviation of a series over that of its gold standard: below 1 if it is moderated (Sec. 4.2).

    Args:
        series: utterances concatenated, shape (frames,)
        gold: gold standard of the same frames, shape (frames,)

    Returns:
        the ratio, or NaN if the gold standard is constant
    """
    deviation = float(np.std(np.asarray(gold, dtype=np.float64)))
    return float(np.std(np.asarray(series, dtype=np.float64))) / deviation if deviation else float("nan")


def count_transitions_per_minute(utterances: Sequence[ArrayLike], frame_shift: float) -> float:
    """Count changes of class per minute (Sec. 4.3) in labels of shape (frames,), gaps excepted; NaN without labels."""
    labels = [stretch for utterance in utterances for stretch in split_at_gaps(utterance)]
    changes = sum(int(np.count_nonzero(sequence[1:] != sequence[:-1])) for sequence in labels)
    minutes = sum(map(len, labels)) * frame_shift / 60
    return changes / minutes if minutes else float("nan")


@dataclass(frozen=True)
class Stages:
    """Best dev CCC of one training, after the first stage and after both (Sec. 4.2); epochs count from 1."""

    best_epoch: int
    one_stage: float
    two_stages: float
    in_second_stage: bool


def compare_stages(dev_ccc: ArrayLike, first_stage_epochs: int) -> Stages:
    """Compare one stage with two, from the dev CCC after each epoch, shape (epochs,)."""
    values = np.asarray(dev_ccc, dtype=np.float64)
    best = int(values.argmax())
    return Stages(best + 1, float(values[:first_stage_epochs].max()), float(values[best]), best >= first_stage_epochs)


def compute_mean_step(dev_ccc: ArrayLike) -> float:
    """Return the mean absolute change of the dev CCC from epoch to epoch; NaN for fewer than two epochs."""
    changes = np.abs(np.diff(np.asarray(dev_ccc, dtype=np.float64)))
    return float(changes.mean()) if len(changes) else float("nan")


def compute_deviation(values: ArrayLike) -> float:
    """Return the standard deviation of a sample, with n - 1; NaN for fewer than two values."""
    sample = np.asarray(values, dtype=np.float64)
    return float(sample.std(ddof=1)) if len(sample) > 1 else float("nan")


def compute_correlation(x: ArrayLike, y: ArrayLike) -> float:
    """Return Pearson's correlation; NaN for fewer than three pairs or if either is constant."""
    pair: NDArray[np.float64] = np.stack([np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)])
    if pair.shape[1] < 3 or not (np.ptp(pair, axis=1) > 0).all():
        return float("nan")
    return float(np.corrcoef(*pair)[0, 1])


def score_reconstruction(ratings: ArrayLike, centers: ArrayLike) -> tuple[float, float]:
    """Return CCC and RMSE of ratings (frames,) rebuilt from the nearest cluster means (K,) (paper, Table 1)."""
    rebuilt = reconstruct(quantise(ratings, centers), centers)
    return concordance(rebuilt, ratings), rmse(rebuilt, ratings)
