"""The series that a run reports, scored and compared with one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from emoseq import DIMENSIONS, DataError
from emoseq.baselines.options import BASELINES, BaselineJob
from emoseq.baselines.smoothing import SMOOTHERS
from emoseq.io.archive import Scp, read_text
from emoseq.metrics import pair_series
from emoseq.model.experiment import DECODED_SERIES, HMM_SERIES, RAW_SERIES, TrainJob, name_smoothed
from emoseq.recipe.job_list import read_jobs
from emoseq.report.intervals import ScoreOptions, compare_series, score_with_interval

RESULTS_COLUMNS = (
    "system", "dimension", "set", "fit_on", "ccc", "ccc_low", "ccc_high", "rmse", "mean_ccc", "frames", "utterances"
)  # fmt: skip


@dataclass(frozen=True)
class Reported:
    """One system's series on one set, and the sets that its labels and language models were fitted on."""

    system: str
    dimension: str
    set: str
    fit_on: str
    path: Path


def list_experiments(exp: Path) -> list[Path]:
    """A run's folder, and those in it that hold the same with labels fitted on other sets."""
    return [exp, *(jobs.parent for jobs in sorted(exp.glob("fit_on_*/train.jobs")))]


def list_reported_systems(exp: Path) -> list[str]:
    """Names of the series that an experiment reports, in the order of the paper's Table 2.

    Raises:
        DataError: if it lists no models
    """
    raw = list_raw_systems(exp)
    names = [name for system in raw for name in (system, *(name_smoothed(system, kind) for kind in SMOOTHERS))]
    return names + [HMM_SERIES, DECODED_SERIES] * (RAW_SERIES["cls"] in raw)


def list_raw_systems(exp: Path) -> list[str]:
    """Names of the series of an experiment that are neither smoothed nor decoded: what its lists of jobs name, whatever
    else an earlier run has left.

    Raises:
        DataError: if it lists no models
    """
    jobs = exp / "baselines.jobs"
    baselines = {job.system for job in read_jobs(jobs, BaselineJob)} if jobs.exists() else set()
    trained = {job.system for job in read_all_jobs(exp)}
    names = [name for system, name in BASELINES.items() if system in baselines]
    return names + [name for system, name in RAW_SERIES.items() if system in trained]


def read_all_jobs(exp: Path) -> list[TrainJob]:
    """All models of an experiment, those at the chosen setting last.

    Raises:
        DataError: if it lists none
    """
    files = [exp / "train.jobs", *(path for path in [exp / "chosen.jobs"] if path.exists() and path.stat().st_size)]
    jobs = [job for file in files for job in read_jobs(file, TrainJob)]
    if not jobs:
        raise DataError(f"{files[0]}: lists no model; run stage 4 again")
    return jobs


def list_reported_series(exp: Path, sets: Iterable[str]) -> list[Reported]:
    """All series of a run over these sets, those of its further experiments last.

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
        for dimension in DIMENSIONS
        for name in sets
    ]


Gold = Mapping[tuple[str, str], Path]  # scp file by dimension and set


def score_all(series: Sequence[Reported], gold: Gold, options: ScoreOptions) -> pd.DataFrame:
    """The score of each series, in RESULTS_COLUMNS.

    Raises:
        DataError: if a series is missing or does not fit the gold standard
    """
    rows = []
    for one in series:
        predictions, golds = _paired(one, gold)
        rows.append(_key(one) | asdict(score_with_interval(predictions, golds, options=options)))
    return pd.DataFrame(rows)


def compare_all(series: Sequence[Reported], gold: Gold, options: ScoreOptions) -> pd.DataFrame:
    """CCC of CLS-Decoded, or without it of the first system, less that of each other system; and of each system of a
    further experiment, that of the same system in the first one less its own.

    Columns `minuend,minuend_fit_on` and those of the system that is subtracted, `system,fit_on`, then
    `dimension,set,ccc,low,high,p`; see `emoseq.report.intervals.Difference`.

    Raises:
        DataError: as `score_all`
    """
    fit_on = series[0].fit_on
    first = {(one.system, one.dimension, one.set): one for one in series if one.fit_on == fit_on}
    reference = DECODED_SERIES if any(one.system == DECODED_SERIES for one in series) else series[0].system
    rows = []
    for one in series:
        minuend = first[reference if one.fit_on == fit_on else one.system, one.dimension, one.set]
        if minuend is not one:
            predictions, golds = _paired(minuend, gold)
            others, _ = _paired(one, gold)
            gain = compare_series(predictions, others, golds, options=options)
            rows.append({"minuend": minuend.system, "minuend_fit_on": fit_on} | _key(one) | asdict(gain))
    return pd.DataFrame(rows)


def _key(one: Reported) -> dict[str, str]:
    return {"system": one.system, "dimension": one.dimension, "set": one.set, "fit_on": one.fit_on}


def _paired(one: Reported, gold: Gold) -> tuple[list, list]:
    try:
        return pair_series(Scp(one.path), Scp(gold[one.dimension, one.set]))
    except ValueError as error:
        raise DataError(f"{one.path}: {error}") from None
