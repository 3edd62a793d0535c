#!/usr/bin/env python3
"""Gold standard of a data directory: the published one, or from the raters' traces as AVEC 2016 does.

Writes <dimension>.scp beside feats.scp. Where both are there, says how far apart they are. A set
that has neither is left without gold standard; it is predicted but cannot be scored.
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DIMENSIONS, DataError
from emoseq.archive import Scp, write_scp
from emoseq.conf import Parser, log, run_step
from emoseq.datadir import read_table
from emoseq.stamp import Stamp


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("data_dir", type=Path)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    frames = args.data_dir / "utt2num_frames"
    for dimension in DIMENSIONS:
        published = args.data_dir / f"published.{dimension}.scp"
        ratings = args.data_dir / f"ratings.{dimension}.scp"
        target = args.data_dir / f"{dimension}.scp"
        if not (published.exists() or ratings.exists()):
            target.unlink(missing_ok=True)
            log(f"{args.data_dir}: no {dimension} ratings; predicted but not scored")
            continue
        stamp = Stamp(
            __file__,
            dimension,
            args.data_dir,
            inputs=[frames, published, ratings],
            outputs=[target],
            options=None,
        )
        if stamp.is_current():
            log(f"{target}: up to date")
            continue
        write_gold(published, ratings, target, {utt: int(n) for utt, n in read_table(frames).items()})
        stamp.write()
    return 0


def write_gold(published: Path, ratings: Path, target: Path, frames: dict[str, int]) -> None:
    import numpy as np

    from emoseq.metrics import common_length, concordance, rmse
    from emoseq.ratings import gold_standard

    computed = {utt: gold_standard(traces) for utt, traces in Scp(ratings).items()} if ratings.exists() else {}
    gold = dict(Scp(published)) if published.exists() else computed
    if published.exists() and computed:
        theirs, ours = (np.concatenate([series[utt] for utt in gold]) for series in (gold, computed))
        log(
            f"{target}: published gold standard, CCC {concordance(ours, theirs):.4f} RMSE {rmse(ours, theirs):.4f} "
            "to the one computed from the ratings"
        )
    trimmed = {}
    for utt, length in frames.items():
        if utt not in gold:
            raise DataError(f"{target}: {utt} has features but no ratings; run stage 0 again")
        try:
            shared = common_length(len(gold[utt]), length, utt, ("the gold standard", "the features"))
        except ValueError as error:
            raise DataError(f"{target}: {error}") from None
        if shared != max(len(gold[utt]), length):
            log(f"{target}: {utt}: {len(gold[utt])} ratings and {length} features, the end of the longer is trimmed")
        trimmed[utt] = gold[utt][:shared].astype(np.float32)
    write_scp(target.with_suffix(""), trimmed)


if __name__ == "__main__":
    sys.exit(run_step(main))
