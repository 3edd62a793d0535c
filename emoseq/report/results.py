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
    """Series of one system on one set, and the sets that its labels and language models were fitted on."""

    system: str
    dimension: str
    set: str
    fit_on: str
    path: Path


def list_reported_series(exp: Path, dimensions: Iterable[str], sets: Iterable[str]) -> list[Reported]:
    """List all series of a run over these dimensions and sets, those of its further experiments last.

    Raises:
        DataError: as `list_reported_systems`
    """
    return [
        Reported(
            system,
            dimension,
            name,
            read_text(folder / dimension / "labels" / "fit_on").strip(),
            folder / dimension / f"predict_{name}" / f"{system}.scp",
        )
        for folder in list_experiments(exp)
        for system in list_reported_systems(folder)
        for dimension in dimensions
        for name in sets
    ]


Gold = Mapping[tuple[str, str], Path]  # scp file by dimension and set


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


def find_constant(series: Sequence[Reported], gold: Gold) -> list[Reported]:
    """Return the series that have one value in all scored frames, so that their CCC is 0 whatever that value is.

    Raises:
        DataError: as `score_all`
    """
    return [entry for entry in series if np.ptp(np.concatenate(_pair_with_gold(entry, gold)[0])) == 0]


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
    try:
        return pair_series(Scp(entry.path), Scp(gold[entry.dimension, entry.set]))
    except ValueError as error:
        raise DataError(f"{entry.path}: {error}") from None
