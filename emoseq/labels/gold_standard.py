"""Gold standards from the traces of several raters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq.metrics import common_length, concordance, rmse
from emoseq.recipe.options import option

DECIMALS = 6  # of the published gold standard
NAMES = {"published": "the published one", "ratings": "AVEC's from the ratings", "ewe": "EWE of the ratings"}
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


def make_candidates(
    published: Mapping[str, NDArray], ratings: Mapping[str, NDArray], chosen: str
) -> dict[str, Mapping[str, NDArray]]:
    """Make the chosen gold standard and those that it is compared with, by key of NAMES and utterance.

    Args:
        published: series (frames,) by utterance, empty if there are none
        ratings: traces (frames, raters) by utterance, empty if there are none
        chosen: key of NAMES; the evaluator weighted estimator is computed only if it is chosen

    Raises:
        ValueError: as `compute_gold_standard`
    """
    series: dict[str, Mapping[str, NDArray]] = {"published": published} if published else {}
    if ratings:
        series["ratings"] = {utt: compute_gold_standard(traces) for utt, traces in ratings.items()}
        if chosen == "ewe":
            series["ewe"] = {utt: evaluator_weighted_estimator(traces) for utt, traces in ratings.items()}
    return series


def describe_distances(series: Mapping[str, Mapping[str, NDArray]], chosen: str) -> str:
    """Describe the distance of the chosen gold standard from each other one, over the recordings that both have."""
    distances = []
    ours = series[chosen]
    for name, others in series.items():
        lengths = {utt: min(len(ours[utt]), len(others[utt])) for utt in ours if utt in others and name != chosen}
        if lengths:
            here, there = (np.concatenate([table[utt][:n] for utt, n in lengths.items()]) for table in (ours, others))
            distances.append(f"CCC {concordance(here, there):.4f} RMSE {rmse(here, there):.4f} to {NAMES[name]}")
    return f"gold standard: {NAMES[chosen]}; " + ("; ".join(distances) or "no other to compare with")


def trim_to_features(
    gold: Mapping[str, NDArray], lengths: Mapping[str, int]
) -> tuple[dict[str, NDArray[np.float32]], list[str]]:
    """Cut each series to the number of frames that it shares with the features.

    Args:
        gold: series (frames,) by utterance
        lengths: frames of the features by utterance; utterances without a gold standard are left out

    Returns:
        the series, and a note on each utterance that has lost frames

    Raises:
        ValueError: as `emoseq.metrics.common_length`
    """
    trimmed, notes = {}, []
    for utt, length in lengths.items():
        if utt in gold:
            shared = common_length(len(gold[utt]), length, utt, ("the gold standard", "the features"))
            if shared != max(len(gold[utt]), length):
                notes.append(f"{utt}: {len(gold[utt])} ratings and {length} features, the end of the longer is trimmed")
            trimmed[utt] = gold[utt][:shared].astype(np.float32)
    return trimmed, notes
