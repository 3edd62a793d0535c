#!/usr/bin/env python3
"""List the models to train, one line each: dimension, system, layers, L2, seed, folder."""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq.io.files import write_text
from emoseq.model.experiment import ExperimentOptions, plan_jobs
from emoseq.model.schedule import TrainOptions
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.step import log, run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "train")
    parser.add_options(ExperimentOptions)
    parser.add_options(TrainOptions)
    parser.add_argument("exp_dir", type=Path)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    jobs = plan_jobs(make_options(ExperimentOptions, args), args.exp_dir)
    write_text(args.exp_dir / "train.jobs", "".join(job.line() for job in jobs))
    log(f"{args.exp_dir}/train.jobs: {len(jobs)} models")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
