#!/usr/bin/env python3
"""List the baselines to train, one line each: dimension, system, folder. The file may be empty.

Baselines that need eGeMAPS are skipped with a message if openSMILE is not installed and a set of DATA_DIR has no
egemaps.scp.

Example:
  steps/make_baseline_jobs.py --baselines valstar,brady exp data
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq.baselines.options import USE_EGEMAPS, BaselineOptions, plan_baselines
from emoseq.features.egemaps import advise_installation, is_installed
from emoseq.recipe.corpus import list_sets, read_dimensions
from emoseq.recipe.job_list import write_jobs
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.step import run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "baselines", plans=True)
    parser.add_options(BaselineOptions)
    parser.add_argument("exp_dir", type=Path, help="folder of the run, such as exp")
    parser.add_argument("data_dir", type=Path, help="folder of train/ and dev/, with the file dimensions")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options = make_options(BaselineOptions, args)
    data = args.data_dir
    sets = list_sets(data)
    extracted = bool(sets) and all((data / name / "egemaps.scp").exists() for name in sets)
    systems = [name for name in options.baselines if name not in USE_EGEMAPS or extracted or is_installed()]
    if left_out := [name for name in options.baselines if name not in systems]:
        log(f"{advise_installation()}; {' and '.join(left_out)} are left out")
    jobs = plan_baselines(systems, read_dimensions(data), args.exp_dir)
    log(write_jobs(args.exp_dir / "baselines.jobs", jobs, dry_run=args.dry_run))
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
