#!/usr/bin/env python3
"""Run a command, or an array of commands, on Grid Engine; the output goes to a log.

Usage: utils/queue.py [options] [JOB=1:N | JOB=n] [options] LOG COMMAND [ARGUMENT]...

  utils/queue.py --mem 4G --time 2:00:00 exp/log/sort.log sort -o out in
  utils/queue.py --max-jobs-run 20 JOB=1:108 exp/log/train.JOB.log steps/train.py exp/train.jobs JOB data

The command line is that of utils/run.py. The jobs are submitted as one array; the wrapper returns when all have
ended, and Ctrl-C cancels them. Jobs start in the current folder, which all hosts must see, and source path.sh if it is
there.

Options (each takes one argument):
  --config FILE      translation of the options for your site (default conf/queue.conf, which explains the format)
  --mem M, --time T, --num-threads N, --gpu N   resources of a job; FILE may define further options --NAME VALUE
  --max-jobs-run N   jobs that run at once
  -x VALUE           an option of qsub, such as -q g.q, passed on unchanged
"""

import sys

import _recipe  # noqa: F401

from jobarray.cluster import run_on
from jobarray.grid_engine import GridEngine
from jobarray.wrapper import run_wrapper


def main(argv: list[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    return run_wrapper(GridEngine.program, str(__doc__), run_on(GridEngine()), words, known=None)


if __name__ == "__main__":
    sys.exit(main())
