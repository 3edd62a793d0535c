#!/usr/bin/env python3
"""Gold standard of a data directory: the published one, or from the raters' traces.

Writes <dimension>.scp beside feats.scp and logs how far the gold standard is from the others that could have
been chosen. A set with neither source gets no gold standard: it is predicted but not scored. In the test set, single
recordings may lack one as well.

Example:
  steps/make_gold_standard.py --gold-from ewe data/train
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError, MissingInputError
from emoseq.io.archive import Scp, write_scp
from emoseq.io.datadir import read_table
from emoseq.labels.gold_standard import GoldOptions, describe_distances, make_candidates, trim_to_features
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
    if not (args.data_dir / "wav.scp").exists():
        raise MissingInputError(f"{args.data_dir / 'wav.scp'} does not exist; run stage 0 first")
    dimensions = read_dimensions(args.data_dir.absolute().parent)
    sources = {dimension: choose_source(args.data_dir, dimension, options.gold_from) for dimension in dimensions}
    frames = args.data_dir / "utt2num_frames"
    for dimension, chosen in sources.items():
        target = args.data_dir / f"{dimension}.scp"
        if chosen is None:
            if not args.dry_run:
                target.unlink(missing_ok=True)
            log(f"{args.data_dir}: no {dimension} ratings; predicted but not scored")
            continue
        published, ratings = (args.data_dir / f"{kind}.{dimension}.scp" for kind in ("published", "ratings"))
        stamp = Stamp(
            __file__,
            dimension,
            args.data_dir,
            inputs=[frames, published, ratings],
            outputs=[target],
            options=chosen,
        )
        work = partial(make, target, published, ratings, chosen, frames)
        bring_up_to_date(stamp, f"{target}", work, dry_run=args.dry_run)
    return 0


def make(target: Path, published: Path, ratings: Path, chosen: str, frames: Path) -> str:
    """Write the chosen gold standard; return how far it is from the others."""
    series = make_candidates(
        dict(Scp(published)) if published.exists() else {}, dict(Scp(ratings)) if ratings.exists() else {}, chosen
    )
    lengths = {utt: int(count) for utt, count in read_table(frames).items()}
    missing = [utt for utt in lengths if utt not in series[chosen]]
    if missing and target.parent.name != "test":
        raise DataError(f"{target}: {missing[0]} has features but no ratings; run stage 0 again")
    if missing:
        log(f"{target}: no gold standard of {' '.join(missing)}; predicted but not scored")
    try:
        trimmed, notes = trim_to_features(series[chosen], lengths)
    except ValueError as error:
        raise DataError(f"{target}: {error}") from None
    for note in notes:
        log(f"{target}: {note}")
    write_scp(target.with_suffix(""), trimmed)
    return describe_distances(series, chosen)


def choose_source(folder: Path, dimension: str, wanted: str) -> str | None:
    """Choose the gold standard of a data directory; None if it has neither a published one nor ratings."""
    kinds = [kind for kind in ("published", "ratings") if (folder / f"{kind}.{dimension}.scp").exists()]
    if not kinds:
        return None
    chosen = kinds[0] if wanted == "auto" else wanted
    needed = "ratings" if chosen == "ewe" else chosen
    if needed not in kinds:
        raise DataError(
            f"{folder / needed}.{dimension}.scp does not exist, but --gold-from={wanted} needs it; "
            f"prepare a package that has it or use --gold-from=auto"
        )
    return chosen


if __name__ == "__main__":
    sys.exit(run_step(main))
