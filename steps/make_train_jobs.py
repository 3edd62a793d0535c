#!/usr/bin/env python3
"""List the models to train, one line each: dimension, system, layers, L2, seed, folder.

Example:
  steps/make_train_jobs.py --layers 3,4 --seeds 1,2,3 exp data
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq.model.experiment import ExperimentOptions, plan_jobs
from emoseq.model.schedule import TrainOptions
from emoseq.recipe.corpus import read_dimensions
from emoseq.recipe.job_list import write_jobs
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.step import run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "train", plans=True)
    parser.add_options(ExperimentOptions)
    parser.ignore_options(TrainOptions)
    parser.add_argument("exp_dir", type=Path, help="folder of the run, such as exp")
    parser.add_argument("data_dir", type=Path, help="folder of train/ and dev/, with the file dimensions")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    jobs = plan_jobs(make_options(ExperimentOptions, args), read_dimensions(args.data_dir), args.exp_dir)
    log(write_jobs(args.exp_dir / "train.jobs", jobs, dry_run=args.dry_run))
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
