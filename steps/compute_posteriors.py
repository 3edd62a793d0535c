#!/usr/bin/env python3
"""Compute the posteriors of one or more models from a jobs file on sets of a data directory.

Writes predict_<set>.scp, the model's raw time series, and for a classifier posteriors_<set>.K<k>.scp,
prior-scaled and renormalised, in each model's folder. A regressor has the series only.

Example:
  steps/compute_posteriors.py exp/train.jobs 1 data dev test
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq.features.fbank import read_features
from emoseq.io.archive import write_scp
from emoseq.labels.kmeans import read_centers
from emoseq.model.experiment import TrainJob
from emoseq.recipe.job_list import parse_numbers, pick_jobs
from emoseq.recipe.options import Parser
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, plan_without_input, run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, plans=True)
    parser.add_argument("jobs_file", type=Path, help="list of jobs, such as exp/train.jobs")
    parser.add_argument("job", type=parse_numbers, help="line of the file, from 1, or lines such as 1:8")
    parser.add_argument("data_dir", type=Path, help="folder of the sets")
    parser.add_argument("sets", nargs="+", help="such as dev test")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    for job in pick_jobs(args.jobs_file, TrainJob, args.job):
        with plan_without_input(f"{job.folder}", dry_run=args.dry_run):
            tasks = list(read_centers(job.folder.parent / "labels" / "centers")) if job.is_classifier else []
            for name in args.sets:
                predict_set(job.folder, tasks, name, args.data_dir / name, dry_run=args.dry_run)
    return 0


def predict_set(folder: Path, tasks: list[str], name: str, data: Path, *, dry_run: bool) -> None:
    """Compute posteriors and series of one set by the model in `folder`."""
    stems = [folder / f"posteriors_{name}.{task}" for task in tasks] + [folder / f"predict_{name}"]
    stamp = Stamp(
        __file__,
        name,
        folder,
        inputs=[folder / "final.pt", data / "feats.scp", data / "cmvn.scp"],
        outputs=[stem.with_name(f"{stem.name}.scp") for stem in stems],
        options=tasks,
    )

    def work() -> str:
        from emoseq.model.blstm import load_model

        model = load_model(folder / "final.pt")
        predictions = {utt: model.predict(features) for utt, features in read_features(data).items()}
        for i, stem in enumerate(stems[:-1]):
            write_scp(stem, {utt: prediction.posteriors[i] for utt, prediction in predictions.items()})
        write_scp(stems[-1], {utt: prediction.series for utt, prediction in predictions.items()})
        return f"predicted {len(predictions)} utterances"

    bring_up_to_date(stamp, f"{folder}: {name}", work, dry_run=dry_run)


if __name__ == "__main__":
    sys.exit(run_step(main))
