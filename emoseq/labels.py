"""Continuous ratings as classes: discretisation, collapsed regions, transitions and priors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq.recipe.options import option

Labels = NDArray[np.int32]
FIT_ON = ("train+dev", "train")


@dataclass(frozen=True)
class LabelOptions:
    """How ratings become classes (conf/labels.conf)."""

    num_classes: tuple[int, ...] = option("resolutions, one task each")
    fit_on: str = option("sets whose gold standard k-means and the language model see: train+dev or train")

    def __post_init__(self) -> None:
        if self.fit_on not in FIT_ON:
            raise ValueError(f"--fit-on={self.fit_on}: choose {' or '.join(FIT_ON)}")
        if not self.num_classes or min(self.num_classes) < 2 or len(set(self.num_classes)) < len(self.num_classes):
            raise ValueError(f"--num-classes={self.num_classes}: distinct numbers of 2 and above")


@dataclass(frozen=True)
class LmOptions:
    """Language models and transition matrices (conf/lm.conf)."""

    orders: tuple[int, ...] = option("n-gram orders, among which the dev set chooses")
    transition_smoothing: float = option("count added to each pair of classes", default=0.01)
    longest_duration: int = option("frames beyond which region durations are geometric", default=250)

    def __post_init__(self) -> None:
        if self.transition_smoothing <= 0:
            raise ValueError(f"--transition-smoothing={self.transition_smoothing}: above 0, or paths are cut off")
        if self.longest_duration < 1:
            raise ValueError(f"--longest-duration={self.longest_duration}: at least one frame")
        if not self.orders or not set(self.orders) <= set(range(1, 6)):
            raise ValueError(f"--orders={self.orders}: from 1 to 5")


def cluster(values: ArrayLike, num_classes: int) -> NDArray[np.float64]:
    """K-means on the rating axis (paper, Sec. 4.1): the best of ten starts from a fixed seed.

    Args:
        values: pooled gold standard, shape (frames,)
        num_classes: K

    Returns:
        cluster means in ascending order, shape (K,)

    Raises:
        ValueError: if there are fewer than K distinct values
    """
    from sklearn.cluster import KMeans  # a second to import, and only this function needs it

    points, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    if len(points) < num_classes:
        raise ValueError(f"only {len(points)} distinct values for {num_classes} classes")
    kmeans = KMeans(num_classes, n_init=10, random_state=0).fit(points[:, None], sample_weight=counts)
    return np.sort(kmeans.cluster_centers_[:, 0])


def quantise(series: ArrayLike, centers: ArrayLike) -> Labels:
    """Class of each frame: the nearest cluster mean, the lower one of two equally near.

    Args:
        series: shape (frames,)
        centers: ascending, shape (K,)
    """
    means = np.asarray(centers, dtype=np.float64)
    boundaries = (means[1:] + means[:-1]) / 2
    return np.searchsorted(boundaries, np.asarray(series, dtype=np.float64)).astype(np.int32)


def reconstruct(labels: ArrayLike, centers: ArrayLike) -> NDArray[np.float32]:
    """Series that replaces each label by its cluster mean, shape (frames,).

    Raises:
        ValueError: if a label is not a class of `centers`
    """
    index = np.asarray(labels)
    means = np.asarray(centers)
    if index.size and (index.min() < 0 or index.max() >= len(means)):
        raise ValueError(f"labels {index.min()} to {index.max()}, but {len(means)} cluster means")
    return means[index].astype(np.float32)


def average(series: Sequence[NDArray]) -> NDArray[np.float32]:
    """Unweighted mean of series of one length, summed in double precision."""
    return np.mean(np.stack(series).astype(np.float64), axis=0).astype(np.float32)


def collapse(labels: ArrayLike) -> Labels:
    """B(l) of the paper (Sec. 4.3): equal neighbours merged into regions.

    >>> collapse([0, 0, 3, 3, 3, 2, 3]).tolist()
    [0, 3, 2, 3]
    """
    sequence = np.asarray(labels, dtype=np.int32)
    return sequence[np.r_[True, sequence[1:] != sequence[:-1]]] if len(sequence) else sequence


def transitions(utterances: Sequence[ArrayLike], num_classes: int, *, smoothing: float = 0.01) -> NDArray[np.float64]:
    """P(next class | class) with self-loops, rows the current class, shape (K, K) (paper, Eq. 9).

    Pairs across utterances are not counted; `smoothing` is added to each cell's count.
    """
    counts = np.full((num_classes, num_classes), float(smoothing))
    for labels in utterances:
        sequence = np.asarray(labels)
        np.add.at(counts, (sequence[:-1], sequence[1:]), 1.0)
    return counts / counts.sum(axis=1, keepdims=True)


def priors(utterances: Sequence[ArrayLike], num_classes: int) -> NDArray[np.float64]:
    """P(class) from counts plus one, shape (K,) (paper, Sec. 4.2)."""
    counts = np.ones(num_classes)
    for labels in utterances:
        counts += np.bincount(np.asarray(labels), minlength=num_classes)
    return counts / counts.sum()


def hazards(utterances: Sequence[ArrayLike], num_classes: int, *, longest: int) -> NDArray[np.float64]:
    """Hazards of the durations in training labels, constant within bins of age that grow with it.

    Of a region in the middle of an utterance the end counts, of the last one that it did not end; the
    first one tells nothing, as its age is unknown. Each bin gets one more end, at the class's own rate.

    Args:
        utterances: labels, each of shape (frames,)
        num_classes: K
        longest: age in frames from which on all share one bin, the geometric tail

    Returns:
        probabilities that a region ends at an age of 1, 2, ... `longest` frames, shape (K, longest)
    """
    ended, reached = np.zeros((num_classes, longest)), np.zeros((num_classes, longest))
    for labels in utterances:
        sequence = np.asarray(labels)
        begins = [*(np.flatnonzero(np.diff(sequence)) + 1), len(sequence)]
        for begin, end in pairwise(begins):
            label, length, cut = sequence[begin], end - begin, end == len(sequence)
            ages = np.minimum(np.arange(length - cut), longest - 1)
            np.add.at(reached[label], ages, 1)
            if not cut:
                ended[label, min(length, longest) - 1] += 1
    everywhere = (1 + ended.sum()) / (2 + reached.sum())
    rate = (1 + ended.sum(axis=1)) / (1 / everywhere + reached.sum(axis=1))
    edges = _bin_edges(longest)
    ends, ages = np.add.reduceat(ended, edges, axis=1), np.add.reduceat(reached, edges, axis=1)
    smoothed = (ends + 1) / (ages + 1 / rate[:, None])
    return np.repeat(smoothed, np.diff([*edges, longest]), axis=1)


def check_hazards(table: ArrayLike, num_classes: int) -> NDArray[np.float64]:
    """A table of hazards that durations can be computed of, shape (K, ages).

    Raises:
        ValueError: if it is none
    """
    matrix = np.asarray(table, dtype=np.float64)
    if matrix.ndim != 2 or len(matrix) != num_classes or not matrix.shape[1]:
        raise ValueError(f"hazards of shape {matrix.shape} for {num_classes} classes")
    if not (matrix.min() >= 0 and matrix.max() <= 1 and matrix[:, -1].min() > 0):
        raise ValueError("hazards must be probabilities, and the last one of a class above 0")
    return matrix


def _bin_edges(longest: int) -> list[int]:
    """First age of each bin, counted from 0: 0 1 2 3 4 6 8 12 16 24 32 ..., two for each doubling."""
    edges = [0, 1, 2]
    while edges[-1] < longest:
        edges.append(edges[-1] * 3 // 2 if edges[-1] & (edges[-1] - 1) == 0 else edges[-1] * 4 // 3)
    return [edge for edge in edges if edge < longest]
