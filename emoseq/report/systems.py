"""Experiments of a run, and the systems whose series each of them reports."""

from __future__ import annotations

from pathlib import Path

from emoseq import DataError
from emoseq.baselines.options import BASELINES, BaselineJob
from emoseq.baselines.smoothing import SMOOTHERS
from emoseq.model.experiment import DECODED_SERIES, HMM_SERIES, RAW_SERIES, TrainJob, name_smoothed
from emoseq.recipe.job_list import read_jobs


def list_experiments(exp: Path) -> list[Path]:
    """Return the folder of a run and the experiments in it whose labels were fitted on other sets."""
    return [exp, *(jobs.parent for jobs in sorted(exp.glob("fit_on_*/train.jobs")))]


def list_reported_systems(exp: Path) -> list[str]:
    """Name the series that an experiment reports, in the order of the paper's Table 2.

    Raises:
        DataError: if the experiment lists no models
    """
    raw = list_raw_systems(exp)
    names = [name for system in raw for name in (system, *(name_smoothed(system, kind) for kind in SMOOTHERS))]
    return names + [HMM_SERIES, DECODED_SERIES] * (RAW_SERIES["cls"] in raw)


def list_raw_systems(exp: Path) -> list[str]:
    """Name the raw series of an experiment, neither smoothed nor decoded.

    Its lists of jobs decide, not the files that an earlier run may have left.

    Raises:
        DataError: if the experiment lists no models
    """
    jobs = exp / "baselines.jobs"
    baselines = {job.system for job in read_jobs(jobs, BaselineJob)} if jobs.exists() else set()
    trained = {job.system for job in read_all_jobs(exp)}
    names = [name for system, name in BASELINES.items() if system in baselines]
    return names + [name for system, name in RAW_SERIES.items() if system in trained]


def read_all_jobs(exp: Path) -> list[TrainJob]:
    """Return all models of an experiment, those at the chosen setting last.

    Raises:
        DataError: if it lists none
    """
    files = [exp / "train.jobs", *(path for path in [exp / "chosen.jobs"] if path.exists() and path.stat().st_size)]
    jobs = [job for file in files for job in read_jobs(file, TrainJob)]
    if not jobs:
        raise DataError(f"{files[0]}: lists no model; run stage 4 again")
    return jobs
