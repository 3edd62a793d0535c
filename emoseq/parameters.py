"""The small text files that stage 2 and 3 leave: cluster means, transition matrices, priors, hazards."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.archive import brief, read, read_text, write_text
from emoseq.graph import Scoring, StateGraph, state_graph
from emoseq.ngram import tabulate


def read_matrix(path: Path) -> NDArray[np.float64]:
    """Kaldi's text matrix without a key, ` [ a b\\n c d ]`.

    Raises:
        DataError: if the file is missing or is not such a matrix
    """
    text = read_text(path).strip()
    rows = [row.split() for row in text.removeprefix("[").removesuffix("]").strip().split("\n")]
    try:
        if not (text.startswith("[") and text.endswith("]")):
            raise ValueError("no [ ] around it")
        return np.array(rows, dtype=np.float64)
    except ValueError as error:
        raise DataError(f"{path}: not a matrix in Kaldi's text form ({brief(error)})") from None


def write_matrix(path: Path, matrix: NDArray) -> None:
    """Write a vector or matrix in the form that `read_matrix` reads."""
    rows = "\n".join("  " + " ".join(f"{value:.9g}" for value in row) for row in np.atleast_2d(matrix))
    write_text(path, f" [\n{rows} ]\n")


def read_centers(path: Path) -> dict[str, NDArray]:
    """Cluster means by `K4`, `K6`, ..., each ascending of shape (K,), in the order of the file.

    Raises:
        DataError: if the file is missing, malformed or not ascending
    """
    centers = dict(read(f"ark,t:{path}"))
    for key, means in centers.items():
        if means.ndim != 1 or key != f"K{len(means)}" or (np.diff(means) <= 0).any():
            raise DataError(f"{path}: {key} is not a vector of as many ascending cluster means")
    return centers


def read_centers_of(path: Path, key: str) -> NDArray:
    """Cluster means of one resolution, such as `K4`, shape (K,).

    Raises:
        DataError: as `read_centers`, or if it is not there
    """
    centers = read_centers(path)
    if key not in centers:
        raise DataError(f"{path}: there is no {key}; it has {', '.join(centers)}")
    return centers[key]


def read_transitions(path: Path) -> NDArray[np.float64]:
    """P(next class | class) of shape (K, K).

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
    """P(class) of shape (K,).

    Raises:
        DataError: if the file is missing, or does not hold K probabilities that sum to 1
    """
    vector = read_matrix(path).ravel()
    if len(vector) != num_classes or not (vector.min() >= 0 and abs(vector.sum() - 1) < 1e-3):
        raise DataError(f"{path}: not {num_classes} probabilities that sum to 1")
    return vector


def read_hazards(path: Path, num_classes: int) -> NDArray[np.float64]:
    """Hazards of region durations of shape (K, ages), as `emoseq.labels.hazards`.

    Raises:
        DataError: if the file is missing, or does not hold a row of probabilities for each class
    """
    matrix = read_matrix(path)
    if len(matrix) != num_classes or not (matrix.min() >= 0 and matrix.max() <= 1 and matrix[:, -1].min() > 0):
        raise DataError(f"{path}: not {num_classes} rows of probabilities that end above 0; run stage 3 again")
    return matrix


def decoding_files(folder: Path, orders: Iterable[int]) -> list[Path]:
    """The files of a dimension's folder that decoding reads."""
    centers = folder / "labels" / "centers"
    kinds = ["trans", "hazards", *(f"{order}gram.arpa" for order in orders)]
    return [centers, *(folder / "lm" / f"{key}.{kind}" for key in read_centers(centers) for kind in kinds)]


def read_graph(trans_file: Path, arpa_file: Path, scoring: Scoring) -> StateGraph:
    """The states and moves of a transition matrix and a language model.

    Raises:
        DataError: if a file is missing or malformed, the files disagree, or the states are too many
    """
    transitions = read_transitions(trans_file)
    try:
        return state_graph(transitions, tabulate(arpa_file, len(transitions)), scoring)
    except ValueError as error:
        raise DataError(f"{arpa_file}: {error}") from None
