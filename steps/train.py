#!/usr/bin/env python3
"""Train one model of a file of jobs: final.pt, epochs.csv and conf/ in the model's folder.

The labels and priors of its dimension are those in labels/ and lm/ beside that folder.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.archive import Scp, read_centers, read_matrix, read_text, write_text
from emoseq.conf import Parser, log, options_from, run_step, write_conf
from emoseq.features import read_features
from emoseq.grid import GridOptions, ModelOptions, TrainJob, pick_job, short
from emoseq.metrics import common_length
from emoseq.schedule import TrainOptions
from emoseq.stamp import Stamp


def get_parser() -> Parser:
    parser = Parser(__doc__, "train", "model")
    for options in (GridOptions, TrainOptions, ModelOptions):
        parser.add_options(options)
    parser.add_argument("jobs_file", type=Path)
    parser.add_argument("job", type=int, help="line of the file, from 1")
    parser.add_argument("data_dir", type=Path, help="folder of train/ and dev/")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    job = pick_job(read_text(args.jobs_file), str(args.jobs_file), args.job)
    model_options, options = options_from(ModelOptions, args), options_from(TrainOptions, args)
    labels, lm, data = job.folder.parent / "labels", job.folder.parent / "lm", args.data_dir
    tasks = list(read_centers(labels / "centers"))
    stamp = Stamp(
        __file__,
        "model",
        job.folder,
        inputs=[
            *(data / name / file for name in ("train", "dev") for file in ("feats.scp", "cmvn.scp")),
            data / "train" / "fbank.conf",
            data / "dev" / f"{job.dimension}.scp",
            labels / "centers",
            *(labels / f"train.{task}.scp" for task in tasks),
            *(lm / f"{task}.priors" for task in tasks),
        ],
        outputs=[job.folder / "final.pt", job.folder / "epochs.csv"],
        options=(job.system, job.layers, job.l2, job.seed, model_options, options),
    )
    if stamp.is_current():
        log(f"{job.folder}: up to date")
        return 0
    (job.folder / "conf").mkdir(parents=True, exist_ok=True)
    write_conf(job.folder / "conf" / "model.conf", model_options)
    write_conf(job.folder / "conf" / "train.conf", options)
    shutil.copyfile(data / "train" / "fbank.conf", job.folder / "conf" / "fbank.conf")
    train_job(job, model_options, options, data, labels, lm)
    stamp.write()
    return 0


def train_job(
    job: TrainJob, model_options: ModelOptions, options: TrainOptions, data: Path, labels: Path, lm: Path
) -> None:
    from emoseq.model import save_model
    from emoseq.training import Example, train

    centers = read_centers(labels / "centers")
    priors = [read_matrix(lm / f"{task}.priors")[0] for task in centers]
    targets = {task: Scp(labels / f"train.{task}.scp") for task in centers}
    gold = Scp(data / "dev" / f"{job.dimension}.scp")

    def example(utt: str, features, name: str) -> Example:
        paths = [targets[task][utt] for task in centers] if name == "train" else []
        series = gold[utt] if name == "dev" else paths[0]
        try:
            frames = common_length(len(features), len(series), utt, ("the features", f"its {job.dimension}"))
        except ValueError as error:
            raise DataError(f"{data / name}: {error}; run stages 1 and 2 again") from None
        return Example(features[:frames], [path[:frames] for path in paths], series[:frames])

    train_set, dev_set = (
        [example(utt, features, name) for utt, features in read_features(data / name).items()]
        for name in ("train", "dev")
    )
    table = ["epoch,learning_rate,loss,dev_ccc,best\n"]
    for epoch, best in train(
        train_set,
        dev_set,
        centers=list(centers.values()),
        priors=priors,
        layers=job.layers,
        l2=job.l2,
        seed=job.seed,
        model_options=model_options,
        options=options,
    ):
        rate = short(epoch.learning_rate)
        table.append(f"{epoch.epoch},{rate},{epoch.loss:.6f},{epoch.dev_ccc:.6f},{int(epoch.best)}\n")
        log(f"{job.folder}: epoch {epoch.epoch} rate {rate} loss {epoch.loss:.4f} dev CCC {epoch.dev_ccc:.4f}"
            + " (best)" * epoch.best)  # fmt: skip
        model = best
    write_text(job.folder / "epochs.csv", "".join(table))
    save_model(job.folder / "final.pt", model)


if __name__ == "__main__":
    sys.exit(run_step(main))
