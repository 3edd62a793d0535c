#!/usr/bin/env python3
"""Divide a data directory into DATA_DIR/split<N>/1 to N, for N jobs."""

import argparse
import sys

import _recipe  # noqa: F401

from emoseq.io.datadir import split
from emoseq.recipe.step import run_step


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", metavar="DATA_DIR", help="such as data/train")
    parser.add_argument(
        "pieces", metavar="N", type=parse_positive, help="number of pieces; fewer if there are fewer utterances"
    )
    return parser


def parse_positive(text: str) -> int:
    """Parse a number of pieces.

    Raises:
        ValueError: if text is not a whole number above 0
    """
    if int(text) < 1:
        raise ValueError
    return int(text)


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    pieces = split(args.data_dir, args.pieces)
    print(f"utils/split_data.py: {args.data_dir}: {len(pieces)} pieces in {pieces[0].parent}")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
