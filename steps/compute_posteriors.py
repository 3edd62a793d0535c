#!/usr/bin/env python3
"""Forward pass of one model of a file of jobs over sets of a data directory.

Writes predict_<set>.scp, the model's raw time series, and for a classifier posteriors_<set>.K<k>.scp,
prior-scaled and renormalised, in the model's folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq.features.fbank import read_features
from emoseq.io.archive import read_text, write_scp
from emoseq.labels.kmeans import read_centers
from emoseq.model.experiment import pick_job
from emoseq.recipe.options import Parser
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import log, run_step


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("jobs_file", type=Path)
    parser.add_argument("job", type=int, help="line of the file, from 1")
    parser.add_argument("data_dir", type=Path, help="folder of the sets")
    parser.add_argument("sets", nargs="+", help="such as dev test")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    job = pick_job(read_text(args.jobs_file), str(args.jobs_file), args.job)
    folder = job.folder
    tasks = list(read_centers(folder.parent / "labels" / "centers")) if job.is_classifier else []
    for name in args.sets:
        data = args.data_dir / name
        stems = [folder / f"posteriors_{name}.{task}" for task in tasks] + [folder / f"predict_{name}"]
        stamp = Stamp(
            __file__,
            name,
            folder,
            inputs=[folder / "final.pt", data / "feats.scp", data / "cmvn.scp"],
            outputs=[stem.with_name(f"{stem.name}.scp") for stem in stems],
            options=tasks,
        )
        if stamp.is_current():
            log(f"{folder}: {name}: up to date")
            continue
        from emoseq.model.blstm import load_model

        model = load_model(folder / "final.pt")
        predictions = {utt: model.predict(features) for utt, features in read_features(data).items()}
        for i, stem in enumerate(stems[:-1]):
            write_scp(stem, {utt: prediction.posteriors[i] for utt, prediction in predictions.items()})
        write_scp(stems[-1], {utt: prediction.series for utt, prediction in predictions.items()})
        stamp.write()
        log(f"{folder}: {name}: predicted {len(predictions)} utterances")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
