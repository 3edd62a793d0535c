#!/usr/bin/env python3
"""Train one of the systems that the paper compares with, and predict sets with it.

Trains on train, chooses on dev. Leaves model.npz, choices.csv (every dev score that was compared) and conf/ in the
job's folder, and the series in predict_<set>/<Row>.scp beside it.

Example:
  steps/train_baseline.py exp/baselines.jobs 1 data dev test
"""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.baselines.options import (
    BASELINES,
    USE_EGEMAPS,
    USE_LOG_MEL,
    BaselineJob,
    BaselineOptions,
    BradyOptions,
    PovolnyOptions,
    ValstarOptions,
)
from emoseq.io.archive import Scp, read_text, write_scp
from emoseq.io.datadir import read_frame_shift
from emoseq.io.files import write_text
from emoseq.recipe.job_list import parse_numbers, pick_jobs
from emoseq.recipe.options import Parser, format_conf, make_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, plan_without_input, run_step

OPTIONS: dict[str, type] = {"valstar": ValstarOptions, "povolny": PovolnyOptions, "brady": BradyOptions}


def get_parser() -> Parser:
    parser = Parser(__doc__, "baselines", *OPTIONS, plans=True)
    for options in (BaselineOptions, *OPTIONS.values()):
        parser.add_options(options)
    parser.add_argument("jobs_file", type=Path, help="list of jobs, such as exp/baselines.jobs")
    parser.add_argument("job", type=parse_numbers, help="line of the file, from 1, or lines such as 1:8")
    parser.add_argument("data_dir", type=Path, help="folder of train/, dev/ and the sets to predict")
    parser.add_argument("sets", nargs="+", help="sets to predict, such as dev test")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    for job in pick_jobs(args.jobs_file, BaselineJob, args.job):
        with plan_without_input(f"{job.folder}", dry_run=args.dry_run):
            train_and_predict(job, args)
    return 0


def train_and_predict(job: BaselineJob, args: Namespace) -> None:
    """Train one baseline and predict the sets, unless that is up to date."""
    shared = replace(make_options(BaselineOptions, args), baselines=())  # which others there are plays no part
    options: Any = make_options(OPTIONS[job.system], args)
    data, folder = args.data_dir, job.folder
    features = ["egemaps.scp"] * (job.system in USE_EGEMAPS) + ["feats.scp", "cmvn.scp"] * (job.system in USE_LOG_MEL)
    gold = {name: data / name / f"{job.dimension}.scp" for name in ("train", "dev")}
    classes = {name: folder.parent / "labels" / f"{name}.K10.scp" for name in gold if job.system == "povolny"}
    series = {name: folder.parent / f"predict_{name}" / BASELINES[job.system] for name in args.sets}
    stamp = Stamp(
        __file__,
        "baseline",
        folder,
        inputs=[
            *(data / name / file for name in dict.fromkeys([*gold, *args.sets]) for file in features),
            *gold.values(),
            data / "train" / "frame_shift",
            *classes.values(),
        ],
        outputs=[
            *(folder / name for name in ("model.npz", "choices.csv")),
            *(stem.with_name(f"{stem.name}.scp") for stem in series.values()),
        ],
        options=(job.system, shared, options),
    )

    def work() -> str:
        for path in classes.values():
            if not path.exists():
                raise DataError(f"{path} does not exist; povolny needs 10 among --num-classes of conf/labels.conf")

        from emoseq.baselines.options import format_choices
        from emoseq.baselines.recording import read_recordings
        from emoseq.baselines.regression import Sets
        from emoseq.baselines.system import load_baseline, save_baseline, train_baseline
        from emoseq.metrics import ccc_and_rmse

        train, dev = (read_recordings(data / name, job.system) for name in gold)
        train_ratings, dev_ratings = (dict(Scp(path)) for path in gold.values())
        recordings = Sets(train, train_ratings, dev, dev_ratings, read_frame_shift(data / "train"))
        train_classes, dev_classes = (dict(Scp(classes[name])) if classes else {} for name in gold)
        try:
            baseline, choices = train_baseline(recordings, shared, options, classes=(train_classes, dev_classes))
        except ValueError as error:
            raise DataError(f"{data}: {job.dimension}: {error}; run stages 1 and 2 again") from None
        (folder / "conf").mkdir(parents=True, exist_ok=True)
        write_text(folder / "conf" / "baselines.conf", format_conf(shared))
        write_text(folder / "conf" / f"{job.system}.conf", format_conf(options))
        for name in ("egemaps.conf", "fbank.conf"):
            if (data / "train" / name).exists():
                write_text(folder / "conf" / name, read_text(data / "train" / name))
        write_text(folder / "choices.csv", format_choices(choices))
        save_baseline(folder / "model.npz", baseline)
        baseline = load_baseline(folder / "model.npz", job.system)  # so that what is reported is what was written
        dev_series = {utt: baseline(recording) for utt, recording in dev.items()}
        for name, stem in series.items():
            stem.parent.mkdir(parents=True, exist_ok=True)
            predicted = {} if name == "dev" else read_recordings(data / name, job.system)
            write_scp(stem, {utt: baseline(recording) for utt, recording in predicted.items()} or dev_series)
        return f"dev CCC {ccc_and_rmse(dev_series, dev_ratings)[0]:.4f}"

    bring_up_to_date(stamp, f"{folder}", work, dry_run=args.dry_run)


if __name__ == "__main__":
    sys.exit(run_step(main))
