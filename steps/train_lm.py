#!/usr/bin/env python3
"""Estimate an n-gram language model over regions by interpolated Witten-Bell smoothing, and write an ARPA file.

No region follows itself, so no probability is spent on that. ARPA files of other toolkits decode
as well.

Example:
  steps/train_lm.py --order 3 --num-classes 10 exp/arousal/lm/K10.regions K10.arpa
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.io.archive import read_text
from emoseq.io.files import write_text
from emoseq.lm.arpa import format_arpa
from emoseq.lm.regions import parse_regions
from emoseq.lm.witten_bell import SMOOTHINGS, witten_bell
from emoseq.recipe.options import Parser
from emoseq.recipe.step import run_step


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("--order", type=int, default=3, choices=range(1, 6), help="n-gram order (default 3)")
    parser.add_argument("--num-classes", type=int, required=True, help="K; the regions are r0 to r<K-1>")
    parser.add_argument(
        "--smoothing", choices=SMOOTHINGS, default=SMOOTHINGS[0], help="smoothing method (default %(default)s)"
    )
    parser.add_argument("regions_file", type=Path, help="lines `<utt> r0 r3 ...`")
    parser.add_argument("arpa_file", type=Path, help="language model over r0, r1, ... in ARPA format")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    if args.num_classes < 2:
        raise DataError(f"--num-classes {args.num_classes}: 2 or more are needed")
    lines = read_text(args.regions_file).splitlines()
    regions = parse_regions(lines, args.num_classes, str(args.regions_file))
    try:
        tables = witten_bell(list(regions.values()), args.num_classes, args.order)
    except ValueError as error:
        raise DataError(f"--order {args.order}: {error}") from None
    args.arpa_file.parent.mkdir(parents=True, exist_ok=True)
    write_text(args.arpa_file, format_arpa(tables))
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
