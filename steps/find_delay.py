#!/usr/bin/env python3
"""Find the delay of the raters in each dimension: EXP_DIR/<dim>/delay.csv, from which training takes it.

With --delay=auto a linear probe is fitted on train and judged on dev for each delay that is tried; a number of seconds
is taken as it is. The columns are seconds, dev_ccc and chosen (1 or 0).

Example:
  steps/find_delay.py --delay=auto data exp
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.features.fbank import read_features
from emoseq.io.archive import Scp
from emoseq.io.datadir import read_frame_shift
from emoseq.io.files import write_text
from emoseq.model.delay import format_delays
from emoseq.model.delay_probe import probe_delays
from emoseq.model.experiment import ExperimentOptions
from emoseq.model.schedule import AUTO, TrainOptions
from emoseq.recipe.corpus import read_dimensions
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step
from emoseq.recipe.trial import Trial, choose_best

SETS = ("train", "dev")


def get_parser() -> Parser:
    parser = Parser(__doc__, "train", plans=True)
    parser.add_options(TrainOptions)
    parser.ignore_options(ExperimentOptions)
    parser.add_argument("data_dir", type=Path, help="folder of train/ and dev/, with the file dimensions")
    parser.add_argument("exp_dir", type=Path, help="folder of the run, such as exp")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options, data = make_options(TrainOptions, args), args.data_dir
    for dimension in read_dimensions(data):
        folder = args.exp_dir / dimension
        gold = [data / name / f"{dimension}.scp" for name in SETS]
        searched = [*gold, *(data / name / file for name in SETS for file in ("feats.scp", "cmvn.scp"))]
        shift = data / "dev" / "frame_shift"
        stamp = Stamp(
            __file__,
            "delay",
            folder,
            inputs=[shift, *(searched if options.delay == AUTO else [])],
            outputs=[folder / "delay.csv"],
            options=options.delay,
        )

        def work(folder: Path = folder, gold: list[Path] = gold) -> str:
            frame_shift = read_frame_shift(data / "dev")
            if options.delay == AUTO:
                features = [read_features(data / name) for name in SETS]
                try:
                    trials = probe_delays(features, [dict(Scp(path)) for path in gold], frame_shift)
                except ValueError as error:
                    raise DataError(f"{data}: {folder.name}: {error}; run stages 1 and 2 again") from None
            else:
                trials = [Trial(round(float(options.delay) / frame_shift), math.nan)]
            folder.mkdir(parents=True, exist_ok=True)
            write_text(folder / "delay.csv", format_delays(trials, frame_shift))
            best = choose_best(trials)
            score = "" if math.isnan(best.score) else f", dev CCC {best.score:.3f} of the linear probe"
            return f"raters {best.setting * frame_shift:g} s late{score}"

        bring_up_to_date(stamp, f"{folder / 'delay.csv'}", work, dry_run=args.dry_run)
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
