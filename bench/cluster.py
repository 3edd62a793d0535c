#!/usr/bin/env python3
"""How long arrays take on a cluster: the wrappers of utils/ beside what the scheduler itself has for waiting.

    . DIR/env.sh && bench/cluster.py slurm          # after tests/cluster/slurm.sh start DIR
    . DIR/env.sh && bench/cluster.py gridengine     # after tests/cluster/gridengine.sh start DIR

Each array is submitted by utils/slurm.py or utils/queue.py and by `sbatch --wait` or `qsub -sync y` in turns, and the
wall time from the call to its return is taken. The latter two know less well how jobs ended: a cancelled one counts as
a success for qsub, and one that was cancelled before it ran for sbatch.
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
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 4, 50], help="sizes of arrays (default 1 4 50)")
    parser.add_argument("--sleep", default="0.2", help="seconds that a job takes (default 0.2)")
    parser.add_argument("--times", type=int, default=3, help="of which the median is taken (default 3)")
    parser.add_argument("scheduler", choices=WRAPPERS)
    return parser


def seconds(command: list[str], folder: str) -> float:
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
            pairs = [(seconds(ours, folder), seconds(theirs, folder)) for _ in range(args.times)]
            a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
            print(f"| {n} | {a:.1f} s | {b:.1f} s | {b / a:.1f} |", flush=True)


if __name__ == "__main__":
    main()
