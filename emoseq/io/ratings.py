"""Individual ratings of a data directory: traces and rater names."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from numpy.typing import NDArray

from emoseq import DataError
from emoseq.io.archive import Scp
from emoseq.io.datadir import read_table


class Ratings(NamedTuple):
    """Traces (frames, raters) and the names of their columns, by utterance; NaN where a rater has no rating."""

    traces: dict[str, NDArray]
    raters: dict[str, tuple[str, ...]]


def read_ratings(data_dir: Path, dimension: str) -> Ratings:
    """Read ratings.<dimension>.scp and raters.<dimension>, a table `<utt> <rater> <rater> ...`.

    Without that table the raters of each utterance are R1, R2, ... Without ratings the result is empty.

    Raises:
        DataError: if a file is malformed, a matrix is not frames x raters, or the table does not name each column once
    """
    path, table = data_dir / f"ratings.{dimension}.scp", data_dir / f"raters.{dimension}"
    traces = dict(Scp(path)) if path.exists() else {}
    names = {utt: tuple(line.split()) for utt, line in read_table(table).items()} if table.exists() else {}
    raters = {}
    for utt, ratings in traces.items():
        if ratings.ndim != 2 or not ratings.size:
            raise DataError(f"{path}: {utt}: shape {ratings.shape}, not frames x raters; prepare the data again")
        raters[utt] = names.get(utt, () if names else tuple(f"R{i + 1}" for i in range(ratings.shape[1])))
        if len(set(raters[utt])) != ratings.shape[1]:
            raise DataError(
                f"{table}: {utt}: {len(set(raters[utt]))} different names, but {path.name} has {ratings.shape[1]} "
                "columns; name each rater once"
            )
    return Ratings(traces, raters)
