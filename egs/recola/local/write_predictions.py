#!/usr/bin/env python3
"""Write predicted series in the format of AVEC's gold standards, one ARFF and one CSV file per recording.

For every system in predict_<set>/ of DIMENSION_DIR, writes predict_<set>/avec/<system>/<utt>.arff and .csv. The
row at 0 s repeats the first value, because the value of a frame has the time of its end.
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401
import avec

from emoseq.recipe.options import Parser
from emoseq.recipe.step import run_step
from emoseq.report.curves import write_curves


def get_parser() -> Parser:
    parser = Parser(__doc__, plans=True)
    parser.add_argument("dimension_dir", type=Path, help="such as exp/arousal")
    parser.add_argument("sets", nargs="+", help="such as dev test")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    dimension = args.dimension_dir.name
    formats = {
        ".arff": lambda utt, series: avec.format_arff(utt, series, dimension),
        ".csv": lambda utt, series: avec.format_csv(series),
    }
    write_curves(__file__, args.dimension_dir, args.sets, "avec", formats, options=dimension, dry_run=args.dry_run)
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
