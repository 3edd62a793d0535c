"""Outputs and settings of earlier stages, checked before a run goes on from a later one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from emoseq import SETS, DataError
from emoseq.io.archive import read_text
from emoseq.model.experiment import CONFS, TrainJob
from emoseq.recipe.corpus import list_sets, read_dimensions
from emoseq.recipe.job_list import read_jobs
from emoseq.report.systems import list_reported_systems


def check_models(exp: Path, texts: Mapping[str, str]) -> None:
    """Check that the models of a run were trained with its settings, before later stages go on with them.

    Args:
        exp: folder of the run
        texts: conf files of the settings by concern

    Raises:
        DataError: for the first model that was trained with others
    """
    for job in read_jobs(exp / "train.jobs", TrainJob):
        for concern in CONFS:
            file = job.folder / "conf" / f"{concern}.conf"
            for line in read_text(file).splitlines():
                if line not in texts[concern].splitlines():
                    raise DataError(f"{job.folder} was trained with {line}, which differs now: run --stage 4 first")


def check_earlier_stages(stage: int, data: Path, exp: Path) -> None:
    """Check that the stages before `stage` have left what it reads.

    Raises:
        DataError: for the first file that is missing, with the stage that writes it
    """
    sets = list_sets(data) if (data / "train" / "wav.scp").exists() and (data / "dev" / "wav.scp").exists() else SETS
    written = [[data / "dimensions", *(data / name / "wav.scp" for name in sets)]]
    dimensions = read_dimensions(data) if (data / "dimensions").exists() else ()
    written += [
        [data / name / "feats.scp" for name in sets],
        [exp / dim / "labels" / "centers" for dim in dimensions],
        [exp / dim / "lm" / ".make_lm.lm.json" for dim in dimensions],
        [exp / "train.jobs"],
    ]
    written[2] += [data / name / f"{dim}.scp" for name in ("train", "dev") for dim in dimensions]
    if stage > 4 and (exp / "train.jobs").exists():
        jobs = read_jobs(exp / "train.jobs", TrainJob)
        written[4] += [job.folder / "final.pt" for job in jobs]
        written += [
            [job.folder / f"predict_{name}.scp" for job in jobs for name in sets[1:]],
            [
                exp / dim / f"predict_{name}" / f"{system}.scp"
                for dim in dimensions
                for name in sets[1:]
                for system in list_reported_systems(exp)
            ],
        ]
        written[6] += [exp / job.dimension / f"selected.{job.system}" for job in jobs]
        written[6] += [exp / job.dimension / "decode_dev" / "best.conf" for job in jobs if job.system == "cls"]
        written += [[exp / "results.csv"]]
    for earlier, paths in enumerate(written[:stage]):
        for path in paths:
            if not path.exists():
                raise DataError(f"{path} is missing, which stage {earlier} writes: run --stage {earlier} first")
