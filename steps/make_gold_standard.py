#!/usr/bin/env python3
"""Gold standard of a data directory: the published one, or from the raters' traces.

Writes <dimension>.scp beside feats.scp and says how far the gold standard is from the others that could have
been chosen. A set that has none is left without; it is predicted but cannot be scored. In a test set that
holds for single recordings as well.

Example:
  steps/make_gold_standard.py --gold-from ewe data/train
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import _recipe  # noqa: F401
import numpy as np
from numpy.typing import NDArray

from emoseq import DIMENSIONS, DataError
from emoseq.io.archive import Scp, write_scp
from emoseq.io.datadir import read_table
from emoseq.labels.gold_standard import GoldOptions, compute_gold_standard, evaluator_weighted_estimator
from emoseq.metrics import common_length, concordance, rmse
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step

NAMES = {"published": "the published one", "ratings": "AVEC's from the ratings", "ewe": "EWE of the ratings"}


def get_parser() -> Parser:
    parser = Parser(__doc__, "gold", plans=True)
    parser.add_options(GoldOptions)
    parser.add_argument("data_dir", type=Path, help="data directory, such as data/train")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options = make_options(GoldOptions, args)
    if not (args.data_dir / "wav.scp").exists():
        raise DataError(f"{args.data_dir / 'wav.scp'} does not exist; run stage 0 first")
    sources = {dimension: source(args.data_dir, dimension, options.gold_from) for dimension in DIMENSIONS}
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
    series = candidates(published, ratings, chosen)
    write_gold(series[chosen], target, {utt: int(n) for utt, n in read_table(frames).items()})
    return comparison(series, chosen)


def source(folder: Path, dimension: str, wanted: str) -> str | None:
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


def candidates(published: Path, ratings: Path, chosen: str) -> dict[str, Mapping[str, NDArray]]:
    """The gold standard chosen, the published one and that of AVEC's steps, as far as they can be had."""
    series: dict[str, Mapping[str, NDArray]] = {"published": dict(Scp(published))} if published.exists() else {}
    if ratings.exists():
        traces = dict(Scp(ratings))
        series["ratings"] = {utt: compute_gold_standard(trace) for utt, trace in traces.items()}
        if chosen == "ewe":
            series["ewe"] = {utt: evaluator_weighted_estimator(trace) for utt, trace in traces.items()}
    return series


def comparison(series: Mapping[str, Mapping[str, NDArray]], chosen: str) -> str:
    """Describe the distance of the chosen gold standard from each other one, over the recordings that both have."""
    distances = []
    for name, others in series.items():
        ours = series[chosen]
        lengths = {utt: min(len(ours[utt]), len(others[utt])) for utt in ours if utt in others and name != chosen}
        if lengths:
            here, there = (np.concatenate([table[utt][:n] for utt, n in lengths.items()]) for table in (ours, others))
            distances.append(f"CCC {concordance(here, there):.4f} RMSE {rmse(here, there):.4f} to {NAMES[name]}")
    return f"gold standard: {NAMES[chosen]}; " + ("; ".join(distances) or "no other to compare with")


def write_gold(gold: Mapping[str, NDArray], target: Path, frames: Mapping[str, int]) -> None:
    missing = [utt for utt in frames if utt not in gold]
    if missing and target.parent.name != "test":
        raise DataError(f"{target}: {missing[0]} has features but no ratings; run stage 0 again")
    if missing:
        log(f"{target}: no gold standard of {' '.join(missing)}; predicted but not scored")
    trimmed = {}
    for utt, length in frames.items():
        if utt in missing:
            continue
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
