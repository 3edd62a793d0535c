#!/usr/bin/env python3
"""Run a command, or an array of commands, on Slurm with its output in a log.

Usage: utils/slurm.py [options] [JOB=1:N | JOB=n] [options] LOG COMMAND [ARGUMENT]...

  utils/slurm.py --mem 4G --time 2:00:00 exp/log/sort.log sort -o out in
  utils/slurm.py --max-jobs-run 20 JOB=1:108 exp/log/train.JOB.log steps/train.py exp/train.jobs JOB data

The same line as that of utils/run.py. It returns when all jobs have ended; Ctrl-C cancels them. The jobs are one
array and start in the current folder, where path.sh is sourced if there is one; all hosts must see that folder.

Options (each takes one argument):
  --config FILE      what options become (default conf/slurm.conf, which says how)
  --mem M, --time T, --num-threads N, --gpu N   what a job is to have; any other NAME that the file has
  --max-jobs-run N   jobs at once
  -x VALUE           an option of sbatch (-p gpu, say), passed on as it is
"""

import sys

import _recipe  # noqa: F401

from jobarray.cluster import run_on
from jobarray.slurm import Slurm
from jobarray.wrapper import run_wrapper


def main(argv: list[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    return run_wrapper(Slurm.program, str(__doc__), run_on(Slurm()), words, known=None)


if __name__ == "__main__":
    sys.exit(main())
