#!/usr/bin/env python3
"""Choose the n-gram order and the language model weight of one dimension on the dev set.

Every (order, weight) is shared by all tasks and models and scored by the fully averaged decoded
series. Writes decode_dev/sweep.csv and decode_dev/best.conf.
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.archive import Scp, read_centers, read_text, write_text
from emoseq.conf import Parser, log, options_from, run_step
from emoseq.grid import SweepOptions
from emoseq.labels import LmOptions
from emoseq.stamp import Stamp


def get_parser() -> Parser:
    parser = Parser(__doc__, "decode", "lm")
    parser.add_options(SweepOptions)
    parser.add_options(LmOptions)
    parser.add_argument("gold", type=Path, help="gold standard of the dev set, an scp file")
    parser.add_argument("dimension_dir", type=Path, help="such as exp/arousal")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    weights, orders = options_from(SweepOptions, args).lm_weights, options_from(LmOptions, args).orders
    folder = args.dimension_dir
    models = [Path(line) for line in read_text(folder / "selected.cls").splitlines()]
    tasks = list(read_centers(folder / "labels" / "centers"))
    target = folder / "decode_dev"
    stamp = Stamp(
        __file__,
        "sweep",
        target,
        inputs=[
            args.gold,
            folder / "labels" / "centers",
            *(
                folder / "lm" / f"{key}.{kind}"
                for key in tasks
                for kind in ("trans", *(f"{n}gram.arpa" for n in orders))
            ),
            *(model / f"posteriors_dev.{key}.scp" for model in models for key in tasks),
        ],
        outputs=[target / "sweep.csv", target / "best.conf"],
        options=(weights, orders),
    )
    if stamp.is_current():
        log(f"{target}: up to date")
        return 0
    target.mkdir(exist_ok=True)

    from emoseq.tuning import best_trial, read_posteriors, read_tasks, sweep

    try:
        posteriors = [read_posteriors(model, "dev", tasks) for model in models]
        trials = sweep(posteriors, read_tasks(folder, orders), Scp(args.gold), weights)
    except ValueError as error:
        raise DataError(f"{folder}: {error}") from None
    rows = [f"{trial.order},{trial.weight:g},{trial.ccc:.6f},{trial.rmse:.6f}\n" for trial in trials]
    best = best_trial(trials)
    write_text(target / "sweep.csv", "order,weight,ccc,rmse\n" + "".join(rows))
    write_text(target / "best.conf", f"--order={best.order}\n--lm-weight={best.weight:g}\n")
    stamp.write()
    log(f"{folder}: {len(trials)} settings; order {best.order}, weight {best.weight:g}, dev CCC {best.ccc:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
