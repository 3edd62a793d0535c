"""Series that a run reports: their list, scores and comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emoseq import DataError
from emoseq.io.archive import Scp, read_text
from emoseq.metrics import pair_series
from emoseq.model.experiment import DECODED_SERIES
from emoseq.report.intervals import ScoreOptions, compare_series, score_with_interval
from emoseq.report.systems import list_experiments, list_reported_systems

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Reported:
    """Series of one system on one set, and the sets that its labels and language models were fitted on.

    Of a cross-validation there is an scp file for each fold, otherwise one.
    """

    system: str
    dimension: str
    set: str
    fit_on: str
    paths: tuple[Path, ...]


def list_reported_series(exps: Sequence[Path], dimensions: Iterable[str], sets: Iterable[str]) -> list[Reported]:
    """List all series of a run over these dimensions and sets, those of its further experiments last.

    Args:
        exps: folder of the run; of a cross-validation those of its folds, which have the same systems
        dimensions: such as arousal, valence
        sets: such as dev, test

    Raises:
        DataError: as `list_reported_systems`
    """
    return [
        Reported(
            system,
            dimension,
            name,
            read_text(folder / dimension / "labels" / "fit_on").strip(),
            tuple(exp / folder.relative_to(exps[0]) / dimension / f"predict_{name}" / f"{system}.scp" for exp in exps),
        )
        for folder in list_experiments(exps[0])
        for system in list_reported_systems(folder)
        for dimension in dimensions
        for name in sets
    ]


Gold = Mapping[tuple[str, str], tuple[Path, ...]]  # scp files, as in `Reported`, by dimension and set


def score_all(series: Sequence[Reported], gold: Gold, options: ScoreOptions) -> pd.DataFrame:
    """Score each series; columns `emoseq.report.tables.RESULTS_COLUMNS`.

    Raises:
        DataError: if a series is missing or does not fit the gold standard
    """
    import pandas as pd  # half a second

    rows = []
    for entry in series:
        predictions, golds = _pair_with_gold(entry, gold)
        rows.append(_make_key(entry) | asdict(score_with_interval(predictions, golds, options=options)))
    return pd.DataFrame(rows)


def find_constant(series: Sequence[Reported], gold: Gold) -> list[Path]:
    """Return the series that have one value in all scored frames, so that their CCC is 0 whatever that value is.

    Raises:
        DataError: as `score_all`
    """
    return [
        path
        for entry in series
        for path, reference in zip(entry.paths, gold[entry.dimension, entry.set], strict=True)
        if np.ptp(np.concatenate(_pair(path, reference)[0])) == 0
    ]


def compare_all(series: Sequence[Reported], gold: Gold, options: ScoreOptions) -> pd.DataFrame:
    """Compare every series with a reference: CCC of the reference less CCC of the series.

    In the first experiment the reference is CLS-Decoded, or the first system if nothing is decoded. For a further
    experiment it is the same system of the first one.

    Columns: `minuend,minuend_fit_on` is the reference, `system,dimension,set,fit_on` the series, and `ccc,low,high,p`
    the `emoseq.report.intervals.Difference`.

    Raises:
        DataError: as `score_all`
    """
    import pandas as pd  # half a second

    fit_on = series[0].fit_on
    first = {(entry.system, entry.dimension, entry.set): entry for entry in series if entry.fit_on == fit_on}
    reference = DECODED_SERIES if any(entry.system == DECODED_SERIES for entry in series) else series[0].system
    rows = []
    for entry in series:
        minuend = first[reference if entry.fit_on == fit_on else entry.system, entry.dimension, entry.set]
        if minuend is not entry:
            predictions, golds = _pair_with_gold(minuend, gold)
            others, _ = _pair_with_gold(entry, gold)
            gain = compare_series(predictions, others, golds, options=options)
            rows.append({"minuend": minuend.system, "minuend_fit_on": fit_on} | _make_key(entry) | asdict(gain))
    return pd.DataFrame(rows)


def _make_key(entry: Reported) -> dict[str, str]:
    return {"system": entry.system, "dimension": entry.dimension, "set": entry.set, "fit_on": entry.fit_on}


def _pair_with_gold(entry: Reported, gold: Gold) -> tuple[list, list]:
    """Return predictions and gold standards of all recordings, those of one fold after those of another."""
    pairs = [_pair(*files) for files in zip(entry.paths, gold[entry.dimension, entry.set], strict=True)]
    return [x for predictions, _ in pairs for x in predictions], [y for _, golds in pairs for y in golds]


def _pair(path: Path, reference: Path) -> tuple[list, list]:
    try:
        return pair_series(Scp(path), Scp(reference))
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
