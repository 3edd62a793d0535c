#!/usr/bin/env python3
"""Gold standard of a data directory: the published one, or from the raters' traces.

Writes <dimension>.scp beside feats.scp, NaN where nobody has rated, for each dimension of the corpus. Logs how far the
gold standard is from the others that could have been chosen, how well the raters agree, and how each rater was shifted.
A set with neither source gets no gold standard: it is predicted but not scored. In the test set, single recordings may
lack one as well.

Example:
  steps/make_gold_standard.py --gold-from ewe data/train
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import _recipe  # noqa: F401
import numpy as np

from emoseq import DataError, MissingInputError
from emoseq.io.archive import Scp, write_scp
from emoseq.io.datadir import read_frame_shift, read_table
from emoseq.io.ratings import read_ratings
from emoseq.labels.alignment import align_recordings, describe_shifts
from emoseq.labels.gold_standard import (
    METHODS,
    GoldOptions,
    describe_distances,
    make_candidates,
    trim_to_features,
)
from emoseq.labels.rating_checks import check_ratings, describe_agreement
from emoseq.recipe.corpus import read_dimensions
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "gold", plans=True)
    parser.add_options(GoldOptions)
    parser.add_argument("data_dir", type=Path, help="data directory, such as data/train")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options = make_options(GoldOptions, args)
    data = args.data_dir
    if not (data / "wav.scp").exists():
        raise MissingInputError(f"{data / 'wav.scp'} does not exist; run stage 0 first")
    sources = {dim: choose_source(data, dim, options.gold_from) for dim in read_dimensions(data.absolute().parent)}
    for dimension, chosen in sources.items():
        target = data / f"{dimension}.scp"
        if chosen is None:
            if not args.dry_run:
                target.unlink(missing_ok=True)
            log(f"{data}: no {dimension} ratings; predicted but not scored")
            continue
        labels = (f"published.{dimension}.scp", f"ratings.{dimension}.scp", f"raters.{dimension}")
        stamp = Stamp(
            __file__,
            dimension,
            data,
            inputs=[data / name for name in ("utt2num_frames", "frame_shift", *labels)],
            outputs=[target],
            options=(chosen, options.align_raters),
        )
        work = partial(make, target, chosen, options.align_raters)
        bring_up_to_date(stamp, f"{target}", work, dry_run=args.dry_run)
    return 0


def make(target: Path, chosen: str, longest_shift: float) -> str:
    """Write the chosen gold standard and log what it was made from; return how far it is from the others."""
    data, dimension = target.parent, target.stem
    published = data / f"published.{dimension}.scp"
    ratings = read_ratings(data, dimension)
    frame_shift = read_frame_shift(data)
    lengths = {utt: int(count) for utt, count in read_table(data / "utt2num_frames").items()}
    try:
        longest = longest_shift if chosen in METHODS else 0.0
        traces, shifts = align_recordings(ratings.traces, longest, frame_shift)
        series = make_candidates(dict(Scp(published)) if published.exists() else {}, traces, chosen)
        trimmed, notes = trim_to_features(series[chosen], lengths)
    except ValueError as error:
        raise DataError(f"{target}: {error}") from None
    missing = [utt for utt in lengths if utt not in series[chosen]]
    if missing and data.name != "test":
        raise DataError(f"{target}: {missing[0]} has features but no ratings; run stage 0 again")
    if missing:
        log(f"{target}: no gold standard of {' '.join(missing)}; predicted but not scored")
    for note in notes + [f"{utt}: {describe_shifts(ratings.raters[utt], shifts[utt], frame_shift)}" for utt in shifts]:
        log(f"{target}: {note}")
    if ratings.traces:
        checked = check_ratings(ratings.traces, ratings.raters, frame_shift)
        problems = f"; findings: {len(checked.findings)}, see utils/check_ratings.py {data}"
        log(f"{target}: {describe_agreement(checked)}{problems if checked.findings else ''}")
    unrated = frame_shift * sum(int(np.isnan(gold).sum()) for gold in trimmed.values())
    write_scp(target.with_suffix(""), trimmed)
    return f"{describe_distances(series, chosen)}; {unrated:.1f} s unrated"


def choose_source(folder: Path, dimension: str, wanted: str) -> str | None:
    """Choose the gold standard of a data directory; None if it has neither a published one nor ratings."""
    kinds = [kind for kind in ("published", "ratings") if (folder / f"{kind}.{dimension}.scp").exists()]
    if not kinds:
        return None
    chosen = wanted if wanted != "auto" else "published" if "published" in kinds else "avec"
    needed = "ratings" if chosen in METHODS else chosen
    if needed not in kinds:
        raise DataError(
            f"{folder / needed}.{dimension}.scp does not exist, but --gold-from={wanted} needs it; "
            f"prepare a package that has it or use --gold-from=auto"
        )
    return chosen


if __name__ == "__main__":
    sys.exit(run_step(main))
