#!/usr/bin/env python3
"""Check a data directory: its tables, the files they list, and that features and labels match."""

import argparse
import sys

import _recipe  # noqa: F401

from emoseq.io.validate import validate
from emoseq.recipe.options import parse_boolean
from emoseq.recipe.step import run_step


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--no-feats", action="store_true", help="neither require nor check features")
    parser.add_argument(
        "--allow-pipes",
        type=parse_boolean,
        default=False,
        metavar="true|false",
        help="accept commands, 'cmd |', in wav.scp without running them (default false)",
    )
    parser.add_argument("data_dir", metavar="DATA_DIR", help="such as data/train")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    summary = validate(args.data_dir, features=not args.no_feats, allow_pipes=args.allow_pipes)
    print(f"utils/validate_data_dir.py: {args.data_dir}: {summary}: valid")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
