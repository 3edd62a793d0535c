#!/usr/bin/env python3
"""Time training: seconds per epoch by depth, one job alone and two at once, and hours of the paper's experiment.

    bench/training.py data exp            # of a run whose stages 0 to 3 are done; about five minutes at 27 x 300 s

The reference is torch.nn.LSTM of the same depth, forward and backward over one utterance; times the number of
training utterances it is a lower bound of an epoch. Each job is a process of its own with one thread. The
experiment is the paper's 3 systems x 2 dimensions x 2 L2 weights x 3 seeds for each depth, all 40 epochs:

    hours = sum over depths of 36 * (start + 40 * seconds per epoch, two at once) / 2 / 3600
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "utils")]
import _recipe  # noqa: E402, F401

MODELS_A_DEPTH = 36
MAX_EPOCHS = 40


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, nargs="+", default=[3, 4, 5])
    parser.add_argument("--epochs", type=int, default=2, help="of each job; the first one is not timed")
    parser.add_argument("--job", type=int, metavar="LAYERS", help=argparse.SUPPRESS)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("exp_dir", type=Path)
    return parser


def main() -> None:
    args = get_parser().parse_args()
    if args.job:
        print(*measure(args.job, args.epochs, args.data_dir, args.exp_dir))
        return
    print("| layers | torch.nn.LSTM s | s an epoch, alone | of that torch.nn.LSTM | two at once | gain of two jobs |")
    print("|---|---|---|---|---|---|")
    seconds = 0.0
    for layers in args.layers:
        command = [sys.executable, __file__, "--job", layers, "--epochs", args.epochs, args.data_dir, args.exp_dir]
        [(_, alone, utterances, lstm)] = run(command, 1)
        pair = run(command, 2)
        start, epoch = (sum(job[i] for job in pair) / 2 for i in (0, 1))
        seconds += MODELS_A_DEPTH * (start + MAX_EPOCHS * epoch) / 2
        share = utterances * lstm / alone
        print(
            f"| {layers} | {lstm:.3f} | {alone:.2f} | {share:.0%} | {epoch:.2f} | {2 * alone / epoch:.2f} |", flush=True
        )
    models = MODELS_A_DEPTH * len(args.layers)
    print(f"\n{models} models of {MAX_EPOCHS} epochs, two at once: {seconds / 3600:.2f} hours")


def run(command: list, jobs: int) -> list[list[float]]:
    """Run jobs at once; return for each: seconds to start, seconds per epoch, training utterances, seconds of LSTM."""
    processes = [subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE) for _ in range(jobs)]
    outputs = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        sys.exit("a job failed, see above")
    return [[float(number) for number in output.split()] for output in outputs]


def measure(layers: int, epochs: int, data_dir: Path, exp_dir: Path) -> tuple[float, float, int, float]:
    """Time one job; return seconds to start, seconds per epoch, training utterances and seconds of LSTM."""
    began = time.perf_counter()
    import torch

    from emoseq.features.fbank import read_features
    from emoseq.io.archive import Scp
    from emoseq.io.matrix import read_matrix
    from emoseq.labels.kmeans import read_centers
    from emoseq.model.experiment import ModelOptions
    from emoseq.model.schedule import TrainOptions
    from emoseq.model.training import make_examples, train

    labels, lm = exp_dir / "arousal" / "labels", exp_dir / "arousal" / "lm"
    tasks = read_centers(labels / "centers")
    targets = [Scp(labels / f"train.{task}.scp") for task in tasks]
    train_set = make_examples(read_features(data_dir / "train"), labels=targets)
    dev_set = make_examples(read_features(data_dir / "dev"), gold=Scp(data_dir / "dev" / "arousal.scp"))
    training = train(
        train_set,
        dev_set,
        system="cls",
        centers=list(tasks.values()),
        priors=[read_matrix(lm / f"{task}.priors")[0] for task in tasks],
        layers=layers,
        l2=0.0,
        seed=1,
        model_options=ModelOptions(),
        options=TrainOptions(),
    )
    start = time.perf_counter() - began
    next(training)
    began = time.perf_counter()
    done = sum(1 for _ in islice(training, epochs - 1))
    epoch = (time.perf_counter() - began) / done

    features = torch.from_numpy(train_set[0].features)
    lstm = torch.nn.LSTM(features.shape[1], ModelOptions().hidden_size, layers, bidirectional=True)
    times = []
    for _ in range(4):
        began = time.perf_counter()
        lstm(features)[0].sum().backward()
        times.append(time.perf_counter() - began)
    return start, epoch, len(train_set), min(times)


if __name__ == "__main__":
    main()
