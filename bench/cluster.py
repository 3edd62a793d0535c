#!/usr/bin/env python3
"""Compare the wall time of arrays through the wrappers with that of the scheduler's own commands that wait.

    . DIR/env.sh && bench/cluster.py slurm          # after tests/cluster/slurm.sh start DIR
    . DIR/env.sh && bench/cluster.py gridengine     # after tests/cluster/gridengine.sh start DIR

Each array is submitted alternately by utils/slurm.py or utils/queue.py and by `sbatch --wait` or `qsub -sync y`; the
time from the call to its return counts. The latter two report failures less reliably: for qsub a cancelled job is a
success, for sbatch a job that was cancelled before it ran.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

WRAPPERS = {"slurm": "utils/slurm.py", "gridengine": "utils/queue.py"}
OWN = {
    "slurm": "sbatch --wait --array=1-{n} --output=/dev/null {script}",
    "gridengine": "qsub -sync y -t 1-{n} -cwd -S /bin/bash -j y -o /dev/null {script}",
}


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 4, 50], help="jobs in an array (default 1 4 50)")
    parser.add_argument("--sleep", default="0.2", help="duration of a job in seconds (default 0.2)")
    parser.add_argument("--times", type=int, default=3, help="repetitions, of which the median is printed (default 3)")
    parser.add_argument("scheduler", choices=WRAPPERS)
    return parser


def measure(command: list[str], folder: str) -> float:
    """Return the wall time of a command in seconds."""
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    args = get_parser().parse_args()
    name = OWN[args.scheduler].split(" -t")[0].split(" --array")[0]
    print(f"| jobs of {args.sleep} s | {WRAPPERS[args.scheduler]} | {name} | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=".") as folder:
        script = Path(folder).resolve() / "job.sh"
        script.write_text(f"#!/bin/bash\nsleep {args.sleep}\n")
        for n in args.jobs:
            ours = [str(ROOT / WRAPPERS[args.scheduler]), f"JOB=1:{n}", "x.JOB.log", "sleep", args.sleep]
            theirs = OWN[args.scheduler].format(n=n, script=script).split()
            pairs = [(measure(ours, folder), measure(theirs, folder)) for _ in range(args.times)]
            a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
            print(f"| {n} | {a:.1f} s | {b:.1f} s | {b / a:.1f} |", flush=True)


if __name__ == "__main__":
    main()
