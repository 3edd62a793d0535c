#!/usr/bin/env python3
"""Train one or more models from a jobs file: final.pt, epochs.csv and conf/ in each model's folder.

A classifier's labels and priors are those in labels/ and lm/ beside its folder; a regressor is trained
on the gold standard. Targets are advanced by the delay in delay.csv beside the folder.

Example:
  steps/train.py exp/train.jobs 1 data
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.features.fbank import read_features
from emoseq.io.archive import Scp, read_text
from emoseq.io.datadir import read_frame_shift
from emoseq.io.files import name_write_errors, write_text
from emoseq.io.matrix import read_matrix
from emoseq.labels.kmeans import read_centers
from emoseq.model.delay import read_delay
from emoseq.model.experiment import CONFS, ExperimentOptions, ModelOptions, TrainJob
from emoseq.model.schedule import TrainOptions
from emoseq.recipe.job_list import parse_numbers, pick_jobs
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, format_conf, make_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, plan_without_input, run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "train", "model", plans=True)
    parser.ignore_options(ExperimentOptions)
    for options in (TrainOptions, ModelOptions):
        parser.add_options(options)
    parser.add_argument("jobs_file", type=Path, help="list of jobs, such as exp/train.jobs")
    parser.add_argument("job", type=parse_numbers, help="line of the file, from 1, or lines such as 1:8")
    parser.add_argument("data_dir", type=Path, help="folder of train/ and dev/")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    model_options, options = make_options(ModelOptions, args), make_options(TrainOptions, args)
    for job in pick_jobs(args.jobs_file, TrainJob, args.job):
        with plan_without_input(f"{job.folder}", dry_run=args.dry_run):
            train_model(job, model_options, options, args.data_dir, dry_run=args.dry_run)
    return 0


def train_model(
    job: TrainJob, model_options: ModelOptions, options: TrainOptions, data: Path, *, dry_run: bool
) -> None:
    """Train one model unless it is up to date."""
    labels, lm = job.folder.parent / "labels", job.folder.parent / "lm"
    tasks = read_centers(labels / "centers") if job.is_classifier else {}
    confs = [job.folder / "conf" / f"{name}.conf" for name in CONFS]
    train_gold = data / "train" / f"{job.dimension}.scp"
    delay_file = job.folder.parent / "delay.csv"
    stamp = Stamp(
        __file__,
        "model",
        job.folder,
        inputs=[
            *(data / name / file for name in ("train", "dev") for file in ("feats.scp", "cmvn.scp")),
            data / "train" / "fbank.conf",
            data / "train" / "frame_shift",
            delay_file,
            data / "dev" / f"{job.dimension}.scp",
            *([labels / "centers"] if tasks else [train_gold]),
            *(labels / f"train.{task}.scp" for task in tasks),
            *(lm / f"{task}.priors" for task in tasks),
        ],
        outputs=[job.folder / "final.pt", job.folder / "epochs.csv", *confs],
        options=(job.system, job.layers, job.l2, job.seed, model_options, options),
    )

    def work() -> str:
        for name in ("conf", "log"):
            (job.folder / name).mkdir(parents=True, exist_ok=True)
        log(f"{job.folder}: {options.max_epochs} epochs at most")
        texts = (format_conf(options), format_conf(model_options), read_text(data / "train" / "fbank.conf"))

        from emoseq.model.blstm import save_model
        from emoseq.model.training import format_epochs, make_examples, train

        targets = [Scp(labels / f"train.{task}.scp") for task in tasks]
        gold = Scp(data / "dev" / f"{job.dimension}.scp")
        try:
            train_set = make_examples(
                read_features(data / "train"), labels=targets, gold=None if tasks else Scp(train_gold)
            )
            dev_set = make_examples(read_features(data / "dev"), gold=gold)
        except ValueError as error:
            raise DataError(f"{data}: {job.dimension}: {error}; run stages 1 and 2 again") from None
        training = train(
            train_set,
            dev_set,
            system=job.system,
            centers=list(tasks.values()),
            priors=[read_matrix(lm / f"{task}.priors")[0] for task in tasks],
            layers=job.layers,
            l2=job.l2,
            seed=job.seed,
            delay=round(read_delay(delay_file) / read_frame_shift(data / "train")),
            model_options=model_options,
            options=options,
        )
        epochs = []
        epoch_log = job.folder / "log" / "train.log"
        with name_write_errors(epoch_log), open(epoch_log, "w", buffering=1) as lines:
            try:
                for epoch, best in training:
                    log(f"{job.folder}: {epoch}")
                    print(time.strftime("%Y-%m-%d %H:%M:%S"), epoch, file=lines)
                    epochs.append(epoch)
                    model = best
            except ValueError as error:
                raise DataError(f"{job.folder}: {error}") from None
        # Only now: until the new model is there, the old one must be seen with its own settings.
        for conf, text in zip(confs, texts, strict=True):
            write_text(conf, text)
        write_text(job.folder / "epochs.csv", format_epochs(epochs))
        save_model(job.folder / "final.pt", model)
        return f"trained in {len(epochs)} epochs"

    bring_up_to_date(stamp, f"{job.folder}", work, dry_run=dry_run)


if __name__ == "__main__":
    sys.exit(run_step(main))
