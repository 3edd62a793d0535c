"""From the traces of several raters to one gold standard."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq.metrics import concordance

DECIMALS = 6  # of a published gold standard


def rater_weights(ratings: ArrayLike) -> NDArray[np.float64]:
    """How far each rater agrees with the others (AVEC 2016).

    Args:
        ratings: traces of shape (frames, raters), at least two raters

    Returns:
        shape (raters,): mean CCC of each rater with every other one

    Raises:
        ValueError: if there are fewer than two raters, no frames, or values that are not finite
    """
    traces = np.asarray(ratings, dtype=np.float64)
    if traces.ndim != 2 or traces.shape[1] < 2:
        raise ValueError(f"ratings must be (frames, raters) with two raters or more, got {traces.shape}")
    raters = traces.shape[1]
    agreement = np.zeros((raters, raters))
    for i, j in combinations(range(raters), 2):
        agreement[i, j] = agreement[j, i] = concordance(traces[:, i], traces[:, j])
    return agreement.sum(axis=1) / (raters - 1)


def gold_standard(ratings: ArrayLike) -> NDArray[np.float64]:
    """Gold standard of one recording as AVEC 2016 computes it.

    Every trace is centred on one offset, the mean of the raters' time means weighted by
    `rater_weights`; the gold standard is the plain mean of the centred traces. Neither variance nor
    delay is normalised and negative weights stand. Raters that do not agree at all (weights that
    sum to 0) get the plain mean of means.

    Args:
        ratings: traces of shape (frames, raters)

    Returns:
        shape (frames,), rounded to 6 decimals

    Raises:
        ValueError: as `rater_weights`
    """
    traces = np.asarray(ratings, dtype=np.float64)
    weights = rater_weights(traces)
    means = traces.mean(axis=0)
    total = weights.sum()
    offset = means @ weights / total if abs(total) > 1e-12 else means.mean()
    return np.round((traces - means).mean(axis=1) + offset, DECIMALS)
