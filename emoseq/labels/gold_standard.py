"""Gold standards from the traces of several raters; NaN where a rater has not rated a frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq.metrics import common_length, concordance, rmse
from emoseq.recipe.options import check_range, option

DECIMALS = 6  # of the published gold standard
NAMES = {
    "published": "the published one",
    "avec": "AVEC's from the ratings",
    "ewe": "EWE of the ratings",
    "mean": "the mean of the ratings",
    "median": "the median of the ratings",
}
GOLD_FROM = ("auto", "published", "mean", "median", "avec", "ewe")
LONGEST_SHIFT = 60.0  # seconds
MARGIN = 0.1  # of the ratings' range by which AVEC's gold standard may leave it: peaks that all raters share can


@dataclass(frozen=True)
class GoldOptions:
    """Source of the gold standard (conf/gold.conf)."""

    gold_from: str = option(
        "published: the gold standard of the corpus; mean, median: of the raters, frame by frame; avec: from the "
        "raters' traces as in AVEC 2016; ewe: by the evaluator weighted estimator; auto: published if there is one, "
        "else avec"
    )
    align_raters: float = option(
        "seconds by which each rater's trace may be shifted to agree best with the others; 0 shifts none", default=0.0
    )

    def __post_init__(self) -> None:
        check_range(self, "align_raters", low=0, high=LONGEST_SHIFT)
        if self.gold_from not in GOLD_FROM:
            raise ValueError(f"--gold-from={self.gold_from}: choose {', '.join(GOLD_FROM[:-1])} or {GOLD_FROM[-1]}")


def compare_raters(ratings: ArrayLike) -> NDArray[np.float64]:
    """Compute the CCC of each pair of raters over the frames that both have rated.

    Args:
        ratings: traces of shape (frames, raters)

    Returns:
        shape (raters, raters), symmetric; NaN on the diagonal and where two raters share no frame

    Raises:
        ValueError: as `check_traces`
    """
    traces = check_traces(ratings)
    raters = traces.shape[1]
    agreement = np.full((raters, raters), np.nan)
    for i, j in combinations(range(raters), 2):
        both = np.isfinite(traces[:, i]) & np.isfinite(traces[:, j])
        if both.any():
            agreement[i, j] = agreement[j, i] = concordance(traces[both, i], traces[both, j])
    return agreement


def weigh_raters(ratings: ArrayLike) -> NDArray[np.float64]:
    """Weigh each rater by the agreement with the others (AVEC 2016).

    Args:
        ratings: traces of shape (frames, raters)

    Returns:
        shape (raters,): mean CCC of each rater with every other one that shares a frame, over the shared frames; 0
        without such a rater

    Raises:
        ValueError: as `check_traces`
    """
    agreement = compare_raters(ratings)
    pairs = np.isfinite(agreement).sum(axis=1)
    return np.nansum(agreement, axis=1) / np.maximum(pairs, 1)


def compute_gold_standard(ratings: ArrayLike) -> NDArray[np.float64]:
    """Compute the gold standard of one recording as in AVEC 2016.

    Every trace is shifted to the same time mean: the mean of all raters' time means, weighted by `weigh_raters`. The
    gold standard is the plain mean of the shifted traces. Neither variance nor delay is normalised. Negative
    weights are kept. If the weights sum to 0, the means are not weighted.

    Where raters have not rated every frame, which AVEC's never do, a time mean is that of the rater's own frames, and
    each frame is the mean of those who have rated it. The trace of a single rater is returned as it is.

    Args:
        ratings: traces of shape (frames, raters)

    Returns:
        shape (frames,), rounded to 6 decimals; NaN where no rater has rated the frame

    Raises:
        ValueError: as `check_traces`
    """
    traces = _drop_absent(check_traces(ratings))
    if traces.shape[1] < 2:
        return average_raters(traces)
    weights = weigh_raters(traces)
    means = _mask(traces).mean(axis=0).filled(np.nan)
    total = weights.sum()
    offset = means @ weights / total if abs(total) > 1e-12 else means.mean()
    return np.round(average_raters(traces - means) + offset, DECIMALS)


def evaluator_weighted_estimator(ratings: ArrayLike) -> NDArray[np.float64]:
    """Evaluator weighted estimator of one recording.

    Each frame is the mean of the raters' values, weighted by r_k: Pearson's correlation, over the frames of rater k,
    of rater k with the plain mean of all raters, rater k included. (Some toolkits leave rater k out of that mean, or
    take pairwise correlations.) The traces are neither centred nor normalised. Where the source is silent: constant
    raters and negative correlations have weight 0, and a frame whose raters all have weight 0 is their plain mean.

    Source: Grimm and Kroschel, "Evaluation of natural emotions using self assessment manikins", ASRU 2005.

    Args:
        ratings: traces of shape (frames, raters)

    Returns:
        shape (frames,), not rounded; NaN where no rater has rated the frame

    Raises:
        ValueError: as `check_traces`
    """
    traces = _drop_absent(check_traces(ratings))
    mean = average_raters(traces)
    if traces.shape[1] < 2:
        return mean
    rated = np.isfinite(traces)
    centred = np.where(rated, traces - _mask(traces).mean(axis=0).filled(np.nan), 0)
    # Row k is the course of the mean over the frames of rater k. Any level of `course` will do beside `centred`.
    courses = np.stack([np.where(own, mean - mean[own].mean(), 0) for own in rated.T])
    course = np.nan_to_num(mean - np.nanmean(mean))
    spread = np.sqrt((centred**2).sum(axis=0) * (courses**2).sum(axis=1))
    weights = np.maximum(np.divide(course @ centred, spread, out=np.zeros_like(spread), where=spread > 1e-12), 0)
    totals = (rated * weights).sum(axis=1)
    weighted = np.where(rated, traces, 0) @ weights
    return np.divide(weighted, totals, out=mean, where=totals > 0)


def average_raters(ratings: ArrayLike) -> NDArray[np.float64]:
    """Average the raters frame by frame.

    Args:
        ratings: traces of shape (frames, raters), NaN where unrated

    Returns:
        shape (frames,); NaN where no rater has rated the frame
    """
    return np.ma.filled(_mask(ratings).mean(axis=1), np.nan)


def take_median(ratings: ArrayLike) -> NDArray[np.float64]:
    """Take the median of the raters frame by frame; arguments and result as `average_raters`."""
    return np.ma.filled(np.ma.median(_mask(ratings), axis=1), np.nan)


METHODS: dict[str, Callable[[ArrayLike], NDArray[np.float64]]] = {
    "mean": average_raters,
    "median": take_median,
    "avec": compute_gold_standard,
    "ewe": evaluator_weighted_estimator,
}


def check_traces(ratings: ArrayLike) -> NDArray[np.float64]:
    """Return traces of shape (frames, raters) in double precision.

    Raises:
        ValueError: if there is no rater or no frame, or a value is infinite
    """
    traces = np.asarray(ratings, dtype=np.float64)
    if traces.ndim != 2 or not traces.size:
        raise ValueError(f"ratings must be (frames, raters) with a rater and a frame or more, got {traces.shape}")
    if np.isinf(traces).any():
        raise ValueError("ratings hold infinite values")
    return traces


def _mask(traces: ArrayLike) -> np.ma.MaskedArray:
    """Mask the frames that a rater has not rated; numpy's own functions for NaN warn where nobody has."""
    return np.ma.masked_invalid(np.asarray(traces, dtype=np.float64))


def _drop_absent(traces: NDArray) -> NDArray:
    """Drop the raters who have not rated any frame."""
    return np.compress(np.isfinite(traces).any(axis=0), traces, axis=1)


def make_candidates(
    published: Mapping[str, NDArray], ratings: Mapping[str, NDArray], chosen: str
) -> dict[str, Mapping[str, NDArray]]:
    """Make the chosen gold standard and those that it is compared with, by key of NAMES and utterance.

    Args:
        published: series (frames,) by utterance, empty if there are none
        ratings: traces (frames, raters) by utterance, empty if there are none
        chosen: key of NAMES; apart from the published one and AVEC's, only the chosen one is computed

    Raises:
        ValueError: as `check_traces`, or if the chosen gold standard lies outside the range of the ratings
    """
    series: dict[str, Mapping[str, NDArray]] = {"published": published} if published else {}
    if ratings:
        for utt, traces in ratings.items():
            try:
                check_traces(traces)
            except ValueError as error:
                raise ValueError(f"{utt}: {error}") from None
        for name in dict.fromkeys(["avec", *[chosen] * (chosen in METHODS)]):
            series[name] = {utt: METHODS[name](traces) for utt, traces in ratings.items()}
        if chosen in METHODS:
            for utt, gold in series[chosen].items():
                _check_range(utt, gold, ratings[utt])
    return series


def _check_range(utterance: str, gold: NDArray, ratings: NDArray) -> None:
    """Raise a ValueError if a gold standard leaves the range of the ratings that it was made from.

    AVEC's does where raters hardly agree: their weights sum to nearly 0, and the offset is divided by that sum.
    """
    lows, highs = zip(*(_find_range(values) for values in (gold, ratings)), strict=True)
    margin = MARGIN * (highs[1] - lows[1]) + 10.0**-DECIMALS
    if lows[0] < lows[1] - margin or highs[0] > highs[1] + margin:
        raise ValueError(
            f"{utterance}: the gold standard runs from {lows[0]:.3g} to {highs[0]:.3g}, but the ratings from "
            f"{lows[1]:.3g} to {highs[1]:.3g}: the raters hardly agree or share few frames; use --gold-from=mean"
        )


def _find_range(values: NDArray) -> tuple[float, float]:
    """Return the lowest and the highest value; 0 and 0 if all are NaN."""
    rated = values[np.isfinite(values)]
    return (float(rated.min()), float(rated.max())) if len(rated) else (0.0, 0.0)


def describe_distances(series: Mapping[str, Mapping[str, NDArray]], chosen: str) -> str:
    """Describe the distance of the chosen gold standard from each other one, over the frames that both have."""
    distances = []
    for name, others in series.items():
        if name != chosen:
            ours, theirs = pair_frames(series[chosen], others)
            if len(ours):
                distances.append(f"CCC {concordance(ours, theirs):.4f} RMSE {rmse(ours, theirs):.4f} to {NAMES[name]}")
    return f"gold standard: {NAMES[chosen]}; " + ("; ".join(distances) or "no other to compare with")


def pair_frames(first: Mapping[str, NDArray], second: Mapping[str, NDArray]) -> tuple[NDArray, NDArray]:
    """Concatenate the frames for which both of two sets of series have a value, up to the end of the shorter series."""
    pairs = [np.empty((0, 2))]
    for utt in first:
        if utt in second:
            length = min(len(first[utt]), len(second[utt]))
            pairs.append(np.stack([first[utt][:length], second[utt][:length]], axis=1))
    frames = np.concatenate(pairs)
    ours, theirs = frames[np.isfinite(frames).all(axis=1)].T
    return ours, theirs


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
