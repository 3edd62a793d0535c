"""The small text files that stage 2 and 3 leave: cluster means, transition matrices, priors, hazards."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.graph import Scoring, StateGraph, state_graph
from emoseq.io.archive import brief, read, read_text
from emoseq.io.files import write_text
from emoseq.labels import check_hazards
from emoseq.ngram import LazyTable
from emoseq.recipe.options import Parser, boolean, options_from


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
    try:
        return check_hazards(read_matrix(path), num_classes)
    except ValueError as error:
        raise DataError(f"{path}: {error}; run stage 3 again") from None


def decoding_files(folder: Path, orders: Iterable[int]) -> list[Path]:
    """The files of a dimension's folder that decoding reads."""
    centers = folder / "labels" / "centers"
    kinds = ["trans", "hazards", *(f"{order}gram.arpa" for order in orders)]
    return [centers, *(folder / "lm" / f"{key}.{kind}" for key in read_centers(centers) for kind in kinds)]


def add_model_arguments(parser: Parser) -> None:
    """What every decoder of one resolution takes: weights, a prior, transitions, language model and posteriors."""
    parser.add_options(Scoring)
    parser.add_argument("--initial-prior", type=Path, metavar="FILE", help="P(first class), such as K10.priors")
    parser.add_argument("--renormalize-lm", type=boolean, default=False, help="spend the mass of <unk> and r r")
    parser.add_argument("trans_file", type=Path)
    parser.add_argument("arpa_file", type=Path)
    parser.add_argument("posteriors_rspec", metavar="POSTERIORS_RSPEC")


def read_model(args: Any) -> tuple[NDArray[np.float64], LazyTable, Scoring, NDArray[np.float64] | None]:
    """Transitions, language model, scoring and initial prior that `add_model_arguments` asked for.

    Raises:
        DataError: if an option cannot be, a file is missing or malformed, or the files disagree
    """
    scoring = options_from(Scoring, args)
    transitions = read_transitions(args.trans_file)
    initial = read_priors(args.initial_prior, len(transitions)) if args.initial_prior else None
    return transitions, LazyTable(args.arpa_file, len(transitions), renormalize=args.renormalize_lm), scoring, initial


def read_graph(args: Any) -> tuple[StateGraph, Scoring]:
    """The states and moves that `add_model_arguments` asked for.

    Raises:
        DataError: as `read_model`, or if the states are too many
    """
    transitions, lm, scoring, initial = read_model(args)
    try:
        return state_graph(transitions, lm.full(), scoring, initial=initial), scoring
    except ValueError as error:
        raise DataError(f"{args.arpa_file}: {error}") from None
