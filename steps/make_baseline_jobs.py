#!/usr/bin/env python3
"""List the baselines to train, one line each: dimension, system, folder. The file may be empty.

With DATA_DIR it is an error if descriptors of eGeMAPS are needed and can neither be computed nor are there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import SETS
from emoseq.archive import write_text
from emoseq.baselines import USE_EGEMAPS, BaselineOptions, plan_baselines
from emoseq.conf import Parser, log, options_from, run_step
from emoseq.egemaps import require_opensmile


def get_parser() -> Parser:
    parser = Parser(__doc__, "baselines")
    parser.add_options(BaselineOptions)
    parser.add_argument("exp_dir", type=Path)
    parser.add_argument("data_dir", type=Path, nargs="?", help="folder of train/, dev/ and test/")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options = options_from(BaselineOptions, args)
    data = args.data_dir
    extracted = data is not None and all((data / name / "egemaps.scp").exists() for name in SETS)
    if USE_EGEMAPS & set(options.baselines) and not extracted:
        require_opensmile()
    jobs = plan_baselines(options.baselines, args.exp_dir)
    args.exp_dir.mkdir(parents=True, exist_ok=True)
    write_text(args.exp_dir / "baselines.jobs", "".join(job.line() for job in jobs))
    if jobs:
        log(f"{args.exp_dir}/baselines.jobs: {len(jobs)} baselines")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
