"""Continuous ratings as classes: discretisation, collapsed regions, transitions and priors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq.conf import option

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

    def __post_init__(self) -> None:
        if self.transition_smoothing <= 0:
            raise ValueError(f"--transition-smoothing={self.transition_smoothing}: above 0, or paths are cut off")
        if not set(self.orders) <= set(range(2, 6)):
            raise ValueError(f"--orders={self.orders}: from 2 to 5, kenlm reads no unigrams")


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
