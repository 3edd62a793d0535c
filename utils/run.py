#!/usr/bin/env python3
"""Run a command, or an array of commands, on this machine; the output goes to a log.

Usage: utils/run.py [options] [JOB=1:N | JOB=n] [options] LOG COMMAND [ARGUMENT]...

  utils/run.py exp/log/sort.log sort -o out in
  utils/run.py JOB=1:4 exp/log/train.JOB.log steps/train.py exp/train.jobs JOB data

JOB may be any identifier. It is replaced by the job number in the log's name and the arguments, unless it is next to a
letter or digit. Otherwise arguments reach the command unchanged, except that an argument which is exactly | > >> < 2>
2>> 2>&1 && || or ; acts as in bash, with pipefail.

Options (each takes one argument):
  --max-jobs-run N   jobs that run at once (default: one per core, or per GPU with --gpu)
  --num-threads N    threads of a job, set in OMP_NUM_THREADS and similar variables (default 1)
  --gpu N            GPUs of a job, set in CUDA_VISIBLE_DEVICES (default 0, which hides none)
  --mem, --time, --config   accepted and ignored; they are for clusters
"""

import sys

import _recipe  # noqa: F401

from jobarray.local import run_here
from jobarray.wrapper import run_wrapper


def main(argv: list[str] | None = None) -> int:
    return run_wrapper("run.py", str(__doc__), run_here, sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
