#!/usr/bin/env python3
"""Choose layers and L2 of each system by the dev CCC of its seed-averaged raw series.

Writes, for each dimension, selection.<system>.csv with every setting's dev CCC, selected.<system>
with the folders of the chosen models, and the chosen models' averaged series of each set.

Example:
  steps/select_models.py exp/train.jobs data dev test
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.io.archive import Scp, read_text, write_scp
from emoseq.io.files import write_text
from emoseq.labels.kmeans import average_models
from emoseq.metrics import ccc_and_rmse
from emoseq.model.experiment import CONFS, RAW_SERIES, TrainJob, group_by_setting
from emoseq.recipe.job_list import read_jobs
from emoseq.recipe.options import Parser, format_number
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step
from emoseq.recipe.trial import Trial, choose_best


def get_parser() -> Parser:
    parser = Parser(__doc__, plans=True)
    parser.add_argument("jobs_file", type=Path, help="list of jobs, such as exp/train.jobs")
    parser.add_argument("data_dir", type=Path, help="folder of dev/")
    parser.add_argument("sets", nargs="+", help="such as dev test")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    jobs = read_jobs(args.jobs_file, TrainJob)
    if not jobs and not args.dry_run:
        raise DataError(f"{args.jobs_file}: lists no model; run stage 4 again")
    for (dimension, system), candidates in group_by_setting(jobs).items():
        select(dimension, system, candidates, args.data_dir, args.sets, dry_run=args.dry_run)
    return 0


def select(
    dimension: str,
    system: str,
    candidates: dict[tuple[int, float], list[TrainJob]],
    data: Path,
    sets: list[str],
    *,
    dry_run: bool,
) -> None:
    """Choose among the settings of one system and dimension and average the models of the chosen one."""
    jobs = [job for of_setting in candidates.values() for job in of_setting]
    folder = jobs[0].folder.parent
    stems = [folder / f"predict_{name}" / RAW_SERIES[system] for name in sets]
    gold = data / "dev" / f"{dimension}.scp"
    confs = [job.folder / "conf" / f"{name}.conf" for job in jobs for name in CONFS]
    stamp = Stamp(
        __file__,
        system,
        folder,
        inputs=[gold, *confs, *(job.folder / f"predict_{name}.scp" for job in jobs for name in sets)],
        outputs=[
            folder / f"selection.{system}.csv",
            folder / f"selected.{system}",
            *(stem.with_suffix(".scp") for stem in stems),
        ],
        options=sets,
    )

    def average(seeds: list[TrainJob], name: str) -> dict[str, NDArray]:
        return average_models([Scp(job.folder / f"predict_{name}.scp") for job in seeds])

    def work() -> str:
        check_confs(jobs)
        trials = [
            Trial(setting, *ccc_and_rmse(average(seeds, "dev"), Scp(gold))) for setting, seeds in candidates.items()
        ]
        best = choose_best(trials)
        layers, l2 = best.setting
        rows = [f"{t.setting[0]},{format_number(t.setting[1])},{t.score:.6f},{t.rmse:.6f}\n" for t in trials]
        write_text(folder / f"selection.{system}.csv", "layers,l2,ccc,rmse\n" + "".join(rows))
        write_text(folder / f"selected.{system}", "".join(f"{job.folder}\n" for job in candidates[best.setting]))
        for name, stem in zip(sets, stems, strict=True):
            stem.parent.mkdir(exist_ok=True)
            write_scp(stem, average(candidates[best.setting], name))
        return f"{layers} layers, L2 {format_number(l2)}, dev CCC {best.score:.4f}"

    bring_up_to_date(stamp, f"{folder}: {RAW_SERIES[system]}", work, dry_run=dry_run)


def check_confs(jobs: list[TrainJob]) -> None:
    """Check that all models were trained with the same settings but for those in which they are compared.

    Raises:
        DataError: for the first conf file that differs from that of the first model
    """
    for job in jobs[1:]:
        for name in CONFS:
            first, other = (each.folder / "conf" / f"{name}.conf" for each in (jobs[0], job))
            if read_text(other) != read_text(first):
                raise DataError(f"{other} differs from {first}: models of one system must share it; run stage 4 again")


if __name__ == "__main__":
    sys.exit(run_step(main))
