#!/usr/bin/env python3
"""Write predicted series as CSV, one file per utterance: predict_<set>/csv/<system>/<utt>.csv with time and value.

The time of a row is the end of its frame in seconds, as in the ratings; values are on the scale from -1 to 1.

Example:
  local/write_predictions.py exp/arousal dev test
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import _recipe  # noqa: F401
from numpy.typing import NDArray

from emoseq.features.fbank import FbankOptions
from emoseq.recipe.options import Parser, read_options
from emoseq.recipe.step import run_step
from emoseq.report.curves import write_curves


def get_parser() -> Parser:
    parser = Parser(__doc__, plans=True)
    parser.add_argument("dimension_dir", type=Path, help="such as exp/arousal")
    parser.add_argument("sets", nargs="+", help="such as dev test")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    shift = read_options(FbankOptions, args.dimension_dir.parent / "conf" / "fbank.conf").label_shift
    formats = {".csv": partial(format_series, shift=shift)}
    write_curves(__file__, args.dimension_dir, args.sets, "csv", formats, options=shift, dry_run=args.dry_run)
    return 0


def format_series(utterance: str, series: NDArray, *, shift: float) -> str:
    """Format a series (frames,) as rows of time in seconds and value."""
    rows = [f"{round(shift * (i + 1), 6):g},{value:.6f}\n" for i, value in enumerate(series)]
    return "time,value\n" + "".join(rows)


if __name__ == "__main__":
    sys.exit(run_step(main))
