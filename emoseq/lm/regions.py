"""Regions of equal class, and the statistics of labels that decoding needs (paper, Sec. 4.3).

`collapse` is B(l) of Eq. 8. Transitions and priors are estimated from the training labels; so are the hazards of region
durations, which go beyond the paper. The readers at the end take the files that stage 3 writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq import DataError
from emoseq.io.matrix import read_matrix
from emoseq.labels.kmeans import Labels
from emoseq.recipe.options import check_range, option


@dataclass(frozen=True)
class LmOptions:
    """Language models and transition matrices (conf/lm.conf)."""

    orders: tuple[int, ...] = option("n-gram orders, among which the dev set chooses")
    transition_smoothing: float = option("count added to each pair of classes", default=0.01)
    longest_duration: int = option("frames beyond which region durations are geometric", default=250)

    def __post_init__(self) -> None:
        check_range(self, "orders", low=1, high=5)
        check_range(self, "transition_smoothing", low=0, high=1e6, above=True)  # with 0, paths could be cut off
        check_range(self, "longest_duration", low=1, high=10**6)


def collapse(labels: ArrayLike) -> Labels:
    """Return B(l) of Eq. 8: equal neighbours merged into regions, shape (regions,).

    Two frames of class 0, three of 3, one of 2 and one of 3 are four regions:

    >>> collapse([0, 0, 3, 3, 3, 2, 3]).tolist()
    [0, 3, 2, 3]
    """
    sequence = np.asarray(labels, dtype=np.int32)
    return sequence[np.r_[True, sequence[1:] != sequence[:-1]]] if len(sequence) else sequence


def estimate_transitions(
    utterances: Sequence[ArrayLike], num_classes: int, *, smoothing: float = 0.01
) -> NDArray[np.float64]:
    """Return P(next class | class) with self-loops, rows the current class, shape (K, K) (paper, Eq. 9).

    Pairs across utterances are not counted; `smoothing` is added to the count of each cell.
    """
    counts = np.full((num_classes, num_classes), float(smoothing))
    for labels in utterances:
        sequence = np.asarray(labels)
        np.add.at(counts, (sequence[:-1], sequence[1:]), 1.0)
    return counts / counts.sum(axis=1, keepdims=True)


def estimate_priors(utterances: Sequence[ArrayLike], num_classes: int) -> NDArray[np.float64]:
    """Return P(class) from counts plus one, shape (K,) (paper, Sec. 4.2)."""
    counts = np.ones(num_classes)
    for labels in utterances:
        counts += np.bincount(np.asarray(labels), minlength=num_classes)
    return counts / counts.sum()


def estimate_hazards(utterances: Sequence[ArrayLike], num_classes: int, *, longest: int) -> NDArray[np.float64]:
    """Return hazards of the durations in training labels, constant within bins of age that grow with it.

    A region in the middle of an utterance counts with its end, the last region as one that did not end. The
    first region does not count, as its age is unknown. Each bin gets one more end, at the rate of the class.

    Args:
        utterances: labels, each of shape (frames,)
        num_classes: K
        longest: age in frames; all ages from there on share one bin, the geometric tail

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
    edges = _place_bin_edges(longest)
    ends, ages = np.add.reduceat(ended, edges, axis=1), np.add.reduceat(reached, edges, axis=1)
    smoothed = (ends + 1) / (ages + 1 / rate[:, None])
    return np.repeat(smoothed, np.diff([*edges, longest]), axis=1)


def _place_bin_edges(longest: int) -> list[int]:
    """Return the first age of each bin, counted from 0: 0 1 2 3 4 6 8 12 16 24 32 ..., two for each doubling."""
    edges = [0, 1, 2]
    while edges[-1] < longest:
        edges.append(edges[-1] * 3 // 2 if edges[-1] & (edges[-1] - 1) == 0 else edges[-1] * 4 // 3)
    return [edge for edge in edges if edge < longest]


def check_hazards(table: ArrayLike, num_classes: int) -> NDArray[np.float64]:
    """Return a table of hazards, shape (K, ages), after a check.

    Raises:
        ValueError: if it has another shape, or holds anything but probabilities, or a last hazard of 0
    """
    matrix = np.asarray(table, dtype=np.float64)
    if matrix.ndim != 2 or len(matrix) != num_classes or not matrix.shape[1]:
        raise ValueError(f"hazards of shape {matrix.shape} for {num_classes} classes")
    if not (matrix.min() >= 0 and matrix.max() <= 1 and matrix[:, -1].min() > 0):
        raise ValueError("hazards must be probabilities, and the last one of a class above 0")
    return matrix


def name_region(region: int) -> str:
    """Return the name of a region in region files and ARPA files."""
    return f"r{region}"


def name_stretch(utterance: str, index: int) -> str:
    """Return the id of a rated stretch in region files: that of its utterance, with a number from the second on.

    >>> name_stretch("dev_1", 0), name_stretch("dev_1", 1)
    ('dev_1', 'dev_1/2')
    """
    return f"{utterance}/{index + 1}" if index else utterance


def parse_regions(lines: Sequence[str], num_classes: int, name: str) -> dict[str, list[int]]:
    """Parse the regions of each utterance from `<utt> r0 r3 r2 ...` lines.

    Args:
        name: the file, for messages

    Raises:
        DataError: if a token is not one of r0 ... r<K-1>, or a region repeats its neighbour
    """
    tokens = {name_region(region): region for region in range(num_classes)}
    regions: dict[str, list[int]] = {}
    for line in lines:
        utterance, *words = line.split() or [""]
        where = f"{name}: {utterance or 'an empty line'}"
        if not words or utterance in regions:
            raise DataError(f"{where}: expected one `<utt> r0 r1 ...` line per utterance")
        unknown = [word for word in words if word not in tokens]
        if unknown:
            raise DataError(f"{where}: {unknown[0]} is not one of r0 to r{num_classes - 1}; is --num-classes right?")
        regions[utterance] = [tokens[word] for word in words]
        if any(a == b for a, b in pairwise(words)):
            raise DataError(f"{where}: a region repeats its neighbour; equal neighbours are one region")
    if not regions:
        raise DataError(f"{name}: holds no utterance")
    return regions


def read_transitions(path: Path) -> NDArray[np.float64]:
    """Read P(next class | class) of shape (K, K).

    Raises:
        DataError: if the file is missing, or its rows are not probabilities that sum to 1
    """
    matrix = read_matrix(path)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise DataError(f"{path}: a matrix of shape {matrix.shape}, not a square one")
    if not (matrix.min() >= 0 and abs(matrix.sum(axis=1) - 1).max() < 1e-3):
        raise DataError(f"{path}: rows must be probabilities that sum to 1; run stage 3 again")
    return matrix


def read_priors(path: Path, num_classes: int) -> NDArray[np.float64]:
    """Read P(class) of shape (K,).

    Raises:
        DataError: if the file is missing, or does not hold K probabilities that sum to 1
    """
    vector = read_matrix(path).ravel()
    if len(vector) != num_classes or not (vector.min() >= 0 and abs(vector.sum() - 1) < 1e-3):
        raise DataError(f"{path}: not {num_classes} probabilities that sum to 1")
    return vector


def read_hazards(path: Path, num_classes: int) -> NDArray[np.float64]:
    """Read hazards of region durations of shape (K, ages), as `estimate_hazards`.

    Raises:
        DataError: if the file is missing, or does not hold a row of probabilities for each class
    """
    try:
        return check_hazards(read_matrix(path), num_classes)
    except ValueError as error:
        raise DataError(f"{path}: {error}; run stage 3 again") from None
