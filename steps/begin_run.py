#!/usr/bin/env python3
"""Begin a run: check all options, keep them in EXP_DIR/conf, and check what earlier stages have left.

Every option of every conf file is read as the steps read it, --conf DIR over conf/, and written to EXP_DIR/conf, which
the run uses from here on: editing conf/ during the run affects only the next run.

Example:
  steps/begin_run.py --conf conf.deep --stage 4 data exp.deep
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.baselines.options import BaselineOptions, BradyOptions, PovolnyOptions, ValstarOptions
from emoseq.baselines.smoothing import SmoothOptions
from emoseq.decode.options import SweepOptions
from emoseq.features.egemaps import EgemapsOptions
from emoseq.features.fbank import FbankOptions
from emoseq.io.files import write_text
from emoseq.labels.gold_standard import GoldOptions
from emoseq.labels.kmeans import LabelOptions
from emoseq.labels.resampling import ResamplingOptions
from emoseq.labels.traces import TraceOptions
from emoseq.lm.regions import LmOptions
from emoseq.model.experiment import ExperimentOptions, ModelOptions
from emoseq.model.schedule import TrainOptions
from emoseq.recipe.folds import FoldOptions, check_count, check_folds
from emoseq.recipe.options import FROZEN, Parser, format_conf, list_conf_folders, make_options
from emoseq.recipe.step import run_step
from emoseq.report.earlier_stages import check_earlier_stages, check_models
from emoseq.report.intervals import ScoreOptions

OPTIONS: dict[str, tuple[type, ...]] = {
    "baselines": (BaselineOptions,),
    "brady": (BradyOptions,),
    "decode": (SweepOptions,),
    "egemaps": (EgemapsOptions,),
    "fbank": (FbankOptions,),
    "folds": (FoldOptions,),
    "gold": (GoldOptions,),
    "labels": (LabelOptions,),
    "lm": (LmOptions,),
    "model": (ModelOptions,),
    "povolny": (PovolnyOptions,),
    "score": (ScoreOptions,),
    "smooth": (SmoothOptions,),
    "train": (ExperimentOptions, TrainOptions),
    "traces": (TraceOptions, ResamplingOptions),
    "valstar": (ValstarOptions,),
}


def get_parser() -> Parser:
    parser = Parser(__doc__, plans=True)
    parser.add_argument("--stage", type=int, default=0, help="first stage of the run (default 0)")
    parser.add_argument("--folds", type=int, default=0, metavar="N", help="number of folds of a cross-validation")
    parser.add_argument("data_dir", type=Path, help="folder of train/, dev/ and test/")
    parser.add_argument("exp_dir", type=Path, help="folder of the run")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    texts: dict[str, str] = {}
    settings: dict[type, Any] = {}
    for concern, kinds in OPTIONS.items():
        parser = Parser(None, concern, plans=True)
        for kind in kinds:
            parser.add_options(kind)
        options = parser.parse_args(["--conf", args.conf] if args.conf else [])
        try:
            settings |= {kind: make_options(kind, options) for kind in kinds}
        except DataError as error:
            raise DataError(f"{concern}.conf: {error}") from None
        texts[concern] = "".join(format_conf(settings[kind]) for kind in kinds)
    # The embedded corpus has options of its own, which its step checks at once.
    files = [folder / "corpus.conf" for folder in list_conf_folders(args.conf)]
    texts["corpus"] = "".join(f"{file.read_text()}\n" for file in files if file.is_file())
    if args.folds:
        check_count(args.folds)
    if args.folds and args.stage > 2:
        check_folds(args.data_dir, args.folds, settings[FoldOptions].seed)
    # The runs on the folds check the stages from 2 on.
    check_earlier_stages(min(args.stage, 2) if args.folds else args.stage, args.data_dir, args.exp_dir)
    if args.stage > 4 and not args.folds:
        check_models(args.exp_dir, texts)
    if not args.dry_run:
        (args.exp_dir / "conf").mkdir(parents=True, exist_ok=True)
        for concern, text in texts.items():
            file = args.exp_dir / "conf" / f"{concern}.conf"
            if not file.is_file() or file.read_text() != text:
                write_text(file, text)
        if not (args.exp_dir / "conf" / FROZEN).exists():
            (args.exp_dir / "conf" / FROZEN).touch()
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
