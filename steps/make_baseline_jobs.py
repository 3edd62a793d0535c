#!/usr/bin/env python3
"""List the baselines to train, one line each: dimension, system, folder. The file may be empty.

Those that need descriptors of eGeMAPS are left out, and it is said, where openSMILE is not installed and
DATA_DIR has no egemaps.scp.
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import SETS
from emoseq.baselines.options import USE_EGEMAPS, BaselineOptions, plan_baselines
from emoseq.features.egemaps import advise_installation, is_installed
from emoseq.io.files import write_text
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.step import log, run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "baselines")
    parser.add_options(BaselineOptions)
    parser.add_argument("exp_dir", type=Path)
    parser.add_argument("data_dir", type=Path, nargs="?", help="folder of train/, dev/ and test/")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options = make_options(BaselineOptions, args)
    data = args.data_dir
    extracted = data is not None and all((data / name / "egemaps.scp").exists() for name in SETS)
    systems = [name for name in options.baselines if name not in USE_EGEMAPS or extracted or is_installed()]
    if left_out := [name for name in options.baselines if name not in systems]:
        log(f"{advise_installation()}; {' and '.join(left_out)} are left out")
    jobs = plan_baselines(systems, args.exp_dir)
    args.exp_dir.mkdir(parents=True, exist_ok=True)
    write_text(args.exp_dir / "baselines.jobs", "".join(job.line() for job in jobs))
    if jobs:
        log(f"{args.exp_dir}/baselines.jobs: {len(jobs)} baselines")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
