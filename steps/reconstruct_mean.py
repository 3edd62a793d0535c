#!/usr/bin/env python3
"""Time series from class posteriors: the expected cluster mean of each frame, and how sure it is.

Example:
  steps/reconstruct_mean.py exp/arousal/labels/centers K10 ark:posteriors.ark ark,t:-
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.io.archive import Writer, read_nonempty
from emoseq.labels.kmeans import read_resolution_centers
from emoseq.recipe.options import Parser
from emoseq.recipe.step import run_step


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("--deviation", metavar="WSPEC", help="standard deviations, the band of uncertainty")
    parser.add_argument("centers_file", type=Path, help="text archive of ascending cluster means")
    parser.add_argument("key", help="resolution, such as K4")
    parser.add_argument("posteriors_rspec", metavar="POSTERIORS_RSPEC", help="posteriors, frames x classes")
    parser.add_argument("series_wspec", metavar="SERIES_WSPEC", help="time series to write, float32 vectors")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    centers = read_resolution_centers(args.centers_file, args.key)

    from emoseq.decode.forward_backward import compute_expectation

    band = Writer(args.deviation) if args.deviation else nullcontext()
    with Writer(args.series_wspec) as write, band as write_band:
        for utt, posteriors in read_nonempty(args.posteriors_rspec):
            try:
                mean, deviation = compute_expectation(posteriors, centers)
            except ValueError as error:
                raise DataError(f"{args.posteriors_rspec}: {utt}: {error}") from None
            write(utt, mean)
            if write_band:
                write_band(utt, deviation)
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
