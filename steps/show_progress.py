#!/usr/bin/env python3
"""Show how far training is: models done, epochs of those under way, time left. Reads the jobs' logs.

While models are trained, run.sh runs it with --follow. It then exits when every model is done or has failed, or when
its parent has exited. A terminal shows one updating line; a log gets one line per finished model.

Example:
  steps/show_progress.py exp/train.jobs exp/log/train.JOB.log
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import _recipe  # noqa: F401

from emoseq.model.experiment import TrainJob
from emoseq.recipe.job_list import read_jobs
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser
from emoseq.recipe.progress import estimate_seconds_left, find_start, format_progress, read_state
from emoseq.recipe.step import run_step
from jobarray.command_line import substitute

PAUSE = 2.0  # seconds between two looks at the logs


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("--follow", action="store_true", help="go on until every model is done or has failed")
    parser.add_argument("jobs_file", type=Path, help="list of jobs, such as exp/train.jobs")
    parser.add_argument("log", help="log of a job, JOB standing for its number")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    layers = [job.layers for job in read_jobs(args.jobs_file, TrainJob)]
    logs = [Path(substitute(args.log, "JOB", number)) for number in range(1, len(layers) + 1)]
    last_done = -1
    while True:
        states = [read_state(path.read_text(errors="replace") if path.exists() else "") for path in logs]
        done = sum(state.done for state in states)
        line = format_progress(states, estimate_seconds_left(layers, states, time.time() - find_start(states)))
        if not args.follow:
            log(line)
            return 0
        if sys.stderr.isatty():
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        elif done > last_done >= 0:
            log(line)
        last_done = done
        if all(state.done or state.failed for state in states):
            if sys.stderr.isatty():
                print(file=sys.stderr)
            return 0
        time.sleep(PAUSE)


if __name__ == "__main__":
    sys.exit(run_step(main))
