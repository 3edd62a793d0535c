"""Discretise ratings by k-means, and reconstruct series from labels (paper, Sec. 4.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq import DataError
from emoseq.io.archive import read
from emoseq.recipe.options import check_range, option

Labels = NDArray[np.int32]
FIT_ON = ("train+dev", "train")
MAX_CLASSES = 254  # the decoders store a class in a byte
UNRATED = -1  # label of a frame that nobody has rated


def read_centers(path: Path) -> dict[str, NDArray]:
    """Read the cluster means of all resolutions.

    Returns:
        ascending means of shape (K,) by `K4`, `K6`, ..., in the order of the file

    Raises:
        DataError: if the file is missing, malformed or not ascending
    """
    centers = dict(read(f"ark,t:{path}"))
    for key, means in centers.items():
        if means.ndim != 1 or key != f"K{len(means)}" or not (np.isfinite(means).all() and (np.diff(means) > 0).all()):
            raise DataError(
                f"{path}: {key} is not a vector of ascending cluster means, as many as its name says; run stage 2 again"
            )
    return centers


def read_resolution_centers(path: Path, key: str) -> NDArray:
    """Read the cluster means of one resolution, such as `K4`.

    Returns:
        shape (K,)

    Raises:
        DataError: as `read_centers`, or if the file lacks the resolution
    """
    centers = read_centers(path)
    if key not in centers:
        raise DataError(f"{path}: there is no {key}; it has {', '.join(centers)}")
    return centers[key]


@dataclass(frozen=True)
class LabelOptions:
    """Options of the discretisation (conf/labels.conf).

    Raises:
        ValueError: if a value is out of range, or a number of classes comes twice
    """

    num_classes: tuple[int, ...] = option("resolutions, one task each")
    fit_on: str = option("sets on which k-means and the language model are estimated: train+dev or train")

    def __post_init__(self) -> None:
        if self.fit_on not in FIT_ON:
            raise ValueError(f"--fit-on={self.fit_on}: choose {' or '.join(FIT_ON)}")
        check_range(self, "num_classes", low=2, high=MAX_CLASSES)
        if len(set(self.num_classes)) < len(self.num_classes):
            raise ValueError(f"--num-classes={','.join(map(str, self.num_classes))}: distinct numbers are needed")


def pool_ratings(*gold: Mapping[str, NDArray]) -> NDArray:
    """Concatenate the rated frames of gold standards (frames,), NaN where unrated, by utterance."""
    values = np.concatenate([series for by_utterance in gold for series in by_utterance.values()])
    return values[~np.isnan(values)]


def cluster(values: ArrayLike, num_classes: int) -> NDArray[np.float64]:
    """Cluster ratings by k-means (paper, Sec. 4.1): the best of ten starts from a fixed seed.

    Args:
        values: pooled gold standard, shape (frames,), as `pool_ratings` returns it
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
    """Assign each frame to the nearest cluster mean, the lower one of two equally near.

    Args:
        series: shape (frames,)
        centers: ascending, shape (K,)

    Returns:
        classes 0 to K - 1, shape (frames,), and UNRATED where the series is NaN

    >>> quantise([0.1, np.nan, 0.9], [0.0, 1.0]).tolist()
    [0, -1, 1]
    """
    means, values = np.asarray(centers, dtype=np.float64), np.asarray(series, dtype=np.float64)
    boundaries = (means[1:] + means[:-1]) / 2
    return np.where(np.isnan(values), UNRATED, np.searchsorted(boundaries, values)).astype(np.int32)


def split_at_gaps(labels: ArrayLike) -> list[Labels]:
    """Split labels of shape (frames,) into their rated stretches, none of which holds UNRATED.

    A gap is no transition, and a region does not continue across it: statistics of sequences take each stretch for an
    utterance of its own.

    >>> [stretch.tolist() for stretch in split_at_gaps([-1, 3, 3, -1, 2])]
    [[3, 3], [2]]
    """
    sequence = np.asarray(labels, dtype=np.int32)
    edges = np.flatnonzero(np.diff(np.r_[False, sequence != UNRATED, False]))
    return [sequence[begin:end] for begin, end in zip(edges[::2], edges[1::2], strict=True)]


def reconstruct(labels: ArrayLike, centers: ArrayLike) -> NDArray[np.float32]:
    """Replace each label by its cluster mean.

    Args:
        labels: shape (frames,)
        centers: shape (K,)

    Returns:
        shape (frames,); NaN where a label is UNRATED

    Raises:
        ValueError: if a label is neither a class of `centers` nor UNRATED
    """
    index = np.asarray(labels)
    means = np.asarray(centers)
    if index.size and (index.min() < UNRATED or index.max() >= len(means)):
        raise ValueError(f"labels {index.min()} to {index.max()}, but {len(means)} cluster means")
    return np.where(index == UNRATED, np.nan, means[index]).astype(np.float32)


def average(series: Sequence[NDArray]) -> NDArray[np.float32]:
    """Average series of equal length without weights, summed in double precision."""
    return np.mean(np.stack(series).astype(np.float64), axis=0).astype(np.float32)


def average_models(series: Sequence[Mapping[str, NDArray]]) -> dict[str, NDArray]:
    """Return the mean over models of the series of each utterance."""
    return {utt: average([model[utt] for model in series]) for utt in series[0]}
