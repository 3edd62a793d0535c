"""Files of the RECOLA packages: ratings in CSV and gold standards in ARFF, read and written."""

from __future__ import annotations

from pathlib import Path

import arff
import numpy as np
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.io.audio import read_duration
from emoseq.labels.gold_standard import DECIMALS
from emoseq.metrics import TRIM

RATERS = 6
RATING_SHIFT = 0.04  # seconds between ratings


def read_ratings(path: Path) -> NDArray[np.float32]:
    """Read the raters' traces of a CSV file, shape (frames, raters), without the row at time 0.

    Raises:
        DataError: if a rater, a row or a value is missing
    """
    import pandas as pd  # half a second, and only where ratings are read

    try:
        table = pd.read_csv(path, sep=";", skipinitialspace=True)
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path}: not a table separated by semicolons ({' '.join(str(error).split())})") from None
    names = [str(name).strip() for name in table.columns]
    if names[0] != "time" or len(names) != 1 + RATERS:
        raise DataError(
            f"{path}: the header names {len(names) - 1} raters, {RATERS} are expected; "
            "copy the complete file from the package"
        )
    values = table.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    for row, column in np.argwhere(~np.isfinite(values))[:1]:
        raise DataError(f"{path}:{row + 2}: no number under {names[column]}; copy the file from the package again")
    return _drop_row_at_zero(values[:, 0], values[:, 1:], path)


def read_raters(path: Path) -> tuple[str, ...]:
    """Read the names of the raters from the header of a CSV file that `read_ratings` accepts."""
    with open(path, encoding="utf-8") as stream:
        header = stream.readline()
    return tuple("_".join(name.split()) for name in header.split(";")[1:])


def read_gold_standard(path: Path) -> NDArray[np.float32]:
    """Read the gold standard of an ARFF file, shape (frames,), without the row at time 0.

    Raises:
        DataError: if the file is not such an ARFF file, is about another recording, or lacks a row or a value
    """
    try:
        with open(path, encoding="utf-8") as stream:
            content = arff.load(stream)
        if len(content["attributes"]) != 3:
            raise ValueError("the attributes must be Instance_name, frameTime and GoldStandard")
        rows = content["data"]
        instances = {row[0] for row in rows}
        values = np.array([row[1:3] for row in rows], dtype=np.float64)
    except (arff.ArffException, ValueError, IndexError) as error:
        raise DataError(f"{path}: not a gold standard in ARFF ({' '.join(str(error).split())[:120]})") from None
    if instances - {path.stem}:
        raise DataError(f"{path}: is about {min(instances - {path.stem})}, not {path.stem}; rename or replace it")
    for row, _ in np.argwhere(~np.isfinite(values))[:1]:
        raise DataError(f"{path}: data row {row + 1} holds no number; copy the file from the package again")
    return _drop_row_at_zero(values[:, 0], values[:, 1], path)


def format_arff(utterance: str, series: NDArray, dimension: str) -> str:
    """Format a series (frames,) as AVEC formats a gold standard, with the row at time 0.

    `read_gold_standard` reads the text.
    """
    rows = "".join(f"{utterance},{time:g},{value:.6f}\n" for time, value in _list_rows(series))
    return (
        f"@relation PREDICTION_{dimension.upper()}\n\n@attribute Instance_name string\n@attribute frameTime numeric\n"
        f"@attribute GoldStandard numeric\n\n@data\n{rows}"
    )


def format_csv(series: NDArray) -> str:
    """Format a series (frames,) as rows `time;prediction` like AVEC's ratings, with the row at time 0."""
    return "time;prediction\n" + "".join(f"{time:.2f};{value:.6f}\n" for time, value in _list_rows(series))


def _list_rows(series: NDArray) -> list[tuple[float, float]]:
    """List time and value of each row; the first value is repeated at 0 s."""
    values = np.round(np.r_[series[:1], series].astype(np.float64), DECIMALS) + 0.0  # turns -0.000000 into 0.000000
    return [(frame * RATING_SHIFT, value) for frame, value in enumerate(values)]


def check_length(labels: NDArray, recording: Path, path: Path) -> None:
    """Check the number of rows after time 0 against the length of the recording.

    Raises:
        DataError: if they differ by more than the two frames that later stages trim
    """
    expected = round(read_duration(recording) / RATING_SHIFT)
    if abs(len(labels) - expected) > TRIM:
        raise DataError(
            f"{path}: {len(labels)} rows after time 0, but {recording.name} has {expected} frames of "
            f"{RATING_SHIFT:g} s; copy both from the package again"
        )


def _drop_row_at_zero(times: NDArray, values: NDArray, path: Path) -> NDArray[np.float32]:
    """Return the values after time 0, shape (frames, ...).

    Raises:
        DataError: if there are no rows, or they are not 40 ms apart from 0 s or 0.04 s on
    """
    if not len(times):
        raise DataError(f"{path}: holds no rows; copy the file from the package again")
    rows = np.round(times / RATING_SHIFT)
    wrong = (np.abs(times - rows * RATING_SHIFT) > 1e-3) | (rows != rows[0] + np.arange(len(rows))) | (rows[0] > 1)
    for row in np.flatnonzero(wrong)[:1]:
        raise DataError(
            f"{path}: data row {row + 1} is at {times[row]:g} s; rows must follow each other every {RATING_SHIFT:g} s"
        )
    return values[rows > 0].astype(np.float32)
