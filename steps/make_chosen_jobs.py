#!/usr/bin/env python3
"""List what is trained only at the layers and L2 that steps/select_models.py chose for the classifier.

Writes EXP_DIR/chosen.jobs, which lists the models with further losses (it may be empty). For each value of
--chosen-fit-on other than the run's own --fit-on, also writes EXP_DIR/fit_on_<sets>/train.jobs, the jobs of a separate
experiment.

Example:
  steps/make_chosen_jobs.py --chosen-systems cls-ce exp
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.io.archive import read_text
from emoseq.labels.kmeans import FIT_ON
from emoseq.model.experiment import ExperimentOptions, TrainJob, plan_chosen_jobs
from emoseq.model.schedule import TrainOptions
from emoseq.recipe.job_list import read_jobs, write_jobs
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.step import run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "train", plans=True)
    parser.add_options(ExperimentOptions)
    parser.ignore_options(TrainOptions)
    parser.add_argument("exp_dir", type=Path, help="folder of the run, such as exp")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options, exp = make_options(ExperimentOptions, args), args.exp_dir
    chosen, fitted = {}, set()
    for selected in sorted(exp.glob("*/selected.cls")) if options.chosen_systems or options.chosen_fit_on else []:
        folder = selected.parent
        models = set(read_text(selected).splitlines())
        settings = {
            (job.layers, job.l2) for job in read_jobs(exp / "train.jobs", TrainJob) if str(job.folder) in models
        }
        if len(settings) != 1:
            raise DataError(f"{selected}: not models of one setting in {exp}/train.jobs; run stage 6 again")
        chosen[folder.name] = settings.pop()
        fitted.add(read_text(folder / "labels" / "fit_on").strip())
    if args.dry_run and (options.chosen_systems or options.chosen_fit_on) and not chosen:
        # Any setting will do to list what would be trained.
        jobs = read_jobs(exp / "train.jobs", TrainJob)
        chosen = {job.dimension: (job.layers, job.l2) for job in jobs if job.system == "cls"}
        log(f"{exp}: layers and L2 have yet to be chosen; the models are listed with some of conf/train.conf")
    further = plan_chosen_jobs(options.chosen_systems, chosen, options.seeds, exp)
    log(write_jobs(exp / "chosen.jobs", further, dry_run=args.dry_run))
    for sets in FIT_ON:
        path = exp / f"fit_on_{sets}" / "train.jobs"
        if sets in options.chosen_fit_on and sets not in fitted and chosen:
            fitted_jobs = plan_chosen_jobs(["cls"], chosen, options.seeds, path.parent)
            log(write_jobs(path, fitted_jobs, dry_run=args.dry_run))
        elif not args.dry_run:
            path.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
