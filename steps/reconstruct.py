#!/usr/bin/env python3
"""Time series from labels: every class becomes its cluster mean.

Example:
  steps/reconstruct.py exp/arousal/labels/centers K10 ark,t:labels.txt ark,scp:series.ark,series.scp
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.io.archive import Writer, read
from emoseq.labels.kmeans import read_resolution_centers, reconstruct
from emoseq.recipe.options import Parser
from emoseq.recipe.step import run_step


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("centers_file", type=Path, help="text archive of ascending cluster means")
    parser.add_argument("key", help="resolution, such as K4")
    parser.add_argument("labels_rspec", metavar="LABELS_RSPEC", help="labels, an int32 vector per utterance")
    parser.add_argument("series_wspec", metavar="SERIES_WSPEC", help="time series to write, float32 vectors")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    centers = read_resolution_centers(args.centers_file, args.key)
    with Writer(args.series_wspec) as write:
        for utt, labels in read(args.labels_rspec):
            try:
                write(utt, reconstruct(labels, centers))
            except (ValueError, IndexError) as error:
                raise DataError(f"{args.labels_rspec}: {utt}: {error}") from None
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
