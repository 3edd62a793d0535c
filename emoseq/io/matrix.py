"""Read and write matrices in Kaldi's text form, without a key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.io.archive import read_text, shorten_error
from emoseq.io.files import write_text


def read_matrix(path: Path) -> NDArray[np.float64]:
    """Read a text matrix without a key, ` [ a b\\n c d ]`.

    Returns:
        shape (rows, columns)

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
        raise DataError(f"{path}: not a matrix in Kaldi's text form ({shorten_error(error)})") from None


def write_matrix(path: Path, matrix: NDArray) -> None:
    """Write a matrix, or a vector as one row, in the form that `read_matrix` reads."""
    rows = "\n".join("  " + " ".join(f"{value:.9g}" for value in row) for row in np.atleast_2d(matrix))
    write_text(path, f" [\n{rows} ]\n")
