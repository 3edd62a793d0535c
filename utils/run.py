#!/usr/bin/env python3
"""Run a command, or an array of commands, on this machine with its output in a log.

Usage: utils/run.py [options] [JOB=1:N | JOB=n] [options] LOG COMMAND [ARGUMENT]...

  utils/run.py exp/log/sort.log sort -o out in
  utils/run.py JOB=1:4 exp/log/train.JOB.log steps/train.py --jobs exp/train.jobs JOB

JOB may be any identifier; its number stands for it in the log's name and in every argument where no
letter or digit touches it. Arguments reach the command as they are. One that is nothing but
| > >> < 2> 2>> 2>&1 && || or ; acts as in bash, with pipefail.

Options (each takes one argument):
  --max-jobs-run N   jobs at once (default: one for each core, or for each GPU with --gpu)
  --num-threads N    threads of a job: OMP_NUM_THREADS and its like (default 1)
  --gpu N            GPUs of a job, where this machine has any (default 0, which hides none)
  --mem, --time, --config   for clusters; accepted here
"""

import sys

import _recipe  # noqa: F401

from jobarray.local import run_here
from jobarray.wrapper import run_wrapper


def main(argv: list[str] | None = None) -> int:
    return run_wrapper("run.py", str(__doc__), run_here, sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
