#!/usr/bin/env python3
"""Divide the recordings of all sets into N folds of speakers and write DATA_DIR/fold_<i>/{train,dev,test} for N runs.

In run i, fold i is the test set, the next fold the dev set and the rest train. No speaker is in two folds; the table
DATA_DIR/folds has the fold of each. The new scp files point to the existing features and ratings; no data is copied.

Example:
  steps/make_folds.py 5 data
"""

from __future__ import annotations

import shutil
import sys
from collections import defaultdict
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import SETS
from emoseq.io.datadir import list_contents, subset, write_table
from emoseq.recipe.corpus import list_sets, read_dimensions, write_dimensions
from emoseq.recipe.folds import FoldOptions, choose_set, divide_recordings, list_folds
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "folds", plans=True)
    parser.add_options(FoldOptions)
    parser.add_argument("folds", type=int, metavar="N", help="number of folds, at least 3")
    parser.add_argument("data_dir", type=Path, help="folder of train/, dev/ and test/ with features")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options, data, count = make_options(FoldOptions, args), args.data_dir, args.folds
    division = divide_recordings(data, count, options.seed)
    dimensions, sources = read_dimensions(data), [data / name for name in list_sets(data)]
    made_later = [f"{dim}.scp" for dim in dimensions]  # a run on a fold makes its gold standard itself
    folders = list_folds(data, count)
    stamp = Stamp(
        __file__,
        "folds",
        data,
        inputs=[path for source in sources for path in list_contents(source, without=made_later)],
        outputs=[
            data / "folds",
            *(path for folder in folders for path in [folder / "dimensions", *list_files(folder)]),
        ],
        options=(options, count, dimensions),
    )

    def work() -> str:
        for tested, folder in enumerate(folders, 1):
            utterances = defaultdict(list)
            for utt, speaker in division.speakers.items():
                utterances[choose_set(division.folds[speaker], tested, count)].append(utt)
            for name in SETS:
                subset(sources, utterances[name], folder / name, without=made_later)
            write_dimensions(folder, dimensions, dry_run=False)
        for path in data.glob("fold_[0-9]*"):  # of an earlier draw of more folds
            if path.name.removeprefix("fold_").isdigit() and path not in folders:
                shutil.rmtree(path)
        write_table(data / "folds", {speaker: str(fold) for speaker, fold in division.folds.items()})
        if division.unrated:
            log(f"{data}: left out of all folds for lack of ratings: {' '.join(division.unrated)}")
        for i, folder in enumerate(folders, 1):
            names = [speaker for speaker, fold in sorted(division.folds.items()) if fold == i]
            minutes = sum(division.seconds[name] for name in names) / 60
            log(f"{folder}: test set of {minutes:.1f} min: {' '.join(names)}")
        return f"{len(division.speakers)} recordings of {len(division.folds)} speakers in {count} folds"

    bring_up_to_date(stamp, f"{data}/folds", work, dry_run=args.dry_run)
    return 0


def list_files(folder: Path) -> list[Path]:
    """List the files of a fold that every run needs."""
    return [folder / name / file for name in SETS for file in ("wav.scp", "utt2spk", "feats.scp", "cmvn.scp")]


if __name__ == "__main__":
    sys.exit(run_step(main))
