"""Gold standards from the traces of several raters."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq.metrics import concordance
from emoseq.recipe.options import option

DECIMALS = 6  # of the published gold standard
GOLD_FROM = ("auto", "published", "ratings", "ewe")


@dataclass(frozen=True)
class GoldOptions:
    """Source of the gold standard (conf/gold.conf)."""

    gold_from: str = option(
        "published: the gold standard of the corpus; ratings: from the raters' traces as in AVEC 2016; ewe: from the "
        "traces by the evaluator weighted estimator; auto: published if there is one, else ratings"
    )

    def __post_init__(self) -> None:
        if self.gold_from not in GOLD_FROM:
            raise ValueError(f"--gold-from={self.gold_from}: choose {', '.join(GOLD_FROM[:-1])} or {GOLD_FROM[-1]}")


def weigh_raters(ratings: ArrayLike) -> NDArray[np.float64]:
    """Weigh each rater by the agreement with the others (AVEC 2016).

    Args:
        ratings: traces of shape (frames, raters), at least two raters

    Returns:
        shape (raters,): mean CCC of each rater with every other one

    Raises:
        ValueError: if there are fewer than two raters, no frames, or values that are not finite
    """
    traces = _check_traces(ratings)
    raters = traces.shape[1]
    agreement = np.zeros((raters, raters))
    for i, j in combinations(range(raters), 2):
        agreement[i, j] = agreement[j, i] = concordance(traces[:, i], traces[:, j])
    return agreement.sum(axis=1) / (raters - 1)


def compute_gold_standard(ratings: ArrayLike) -> NDArray[np.float64]:
    """Compute the gold standard of one recording as in AVEC 2016.

    Every trace is shifted to the same time mean: the mean of all raters' time means, weighted by `weigh_raters`. The
    gold standard is the plain mean of the shifted traces. Neither variance nor delay is normalised. Negative
    weights are kept. If the weights sum to 0, the means are not weighted.

    Args:
        ratings: traces of shape (frames, raters)

    Returns:
        shape (frames,), rounded to 6 decimals

    Raises:
        ValueError: as `weigh_raters`
    """
    traces = np.asarray(ratings, dtype=np.float64)
    weights = weigh_raters(traces)
    means = traces.mean(axis=0)
    total = weights.sum()
    offset = means @ weights / total if abs(total) > 1e-12 else means.mean()
    return np.round((traces - means).mean(axis=1) + offset, DECIMALS)


def evaluator_weighted_estimator(ratings: ArrayLike) -> NDArray[np.float64]:
    """Evaluator weighted estimator of one recording.

    Each frame is the mean of the raters' values, weighted by r_k: Pearson's correlation, over the recording, of rater k
    with the plain mean of all raters, rater k included. (Some toolkits leave rater k out of that mean, or take pairwise
    correlations.) The traces are neither centred nor normalised. Where the source is silent: constant raters and
    negative correlations have weight 0, and if all weights are 0, the result is the plain mean.

    Source: Grimm and Kroschel, "Evaluation of natural emotions using self assessment manikins", ASRU 2005.

    Args:
        ratings: traces of shape (frames, raters)

    Returns:
        shape (frames,), not rounded

    Raises:
        ValueError: if there are fewer than two raters, no frames, or values that are not finite
    """
    traces = _check_traces(ratings)
    mean = traces.mean(axis=1)
    centred, course = traces - traces.mean(axis=0), mean - mean.mean()
    spread = np.sqrt((centred**2).sum(axis=0) * (course**2).sum())
    weights = np.maximum(np.divide(course @ centred, spread, out=np.zeros_like(spread), where=spread > 1e-12), 0)
    return traces @ weights / weights.sum() if weights.any() else mean


def _check_traces(ratings: ArrayLike) -> NDArray[np.float64]:
    """Return the traces in double precision; raise ValueError if they are not finite or not of two raters or more."""
    traces = np.asarray(ratings, dtype=np.float64)
    if traces.ndim != 2 or traces.shape[1] < 2 or not len(traces):
        raise ValueError(f"ratings must be (frames, raters) with two raters and a frame or more, got {traces.shape}")
    if not np.isfinite(traces).all():
        raise ValueError("ratings hold NaN or infinite values")
    return traces
