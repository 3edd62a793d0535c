#!/usr/bin/env python3
"""Sort the tables of a data directory and remove utterances that are not in all of them.

An utterance is kept if wav.scp, utt2spk and, where it exists, feats.scp have it. The other tables are reduced to these
utterances, and spk2utt is written again. The originals of changed files go to DATA_DIR/.backup.
"""

import argparse
import sys

import _recipe  # noqa: F401

from emoseq.io.datadir import fix
from emoseq.recipe.step import run_step


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", metavar="DATA_DIR", help="such as data/train")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    kept, total = fix(args.data_dir)
    print(f"utils/fix_data_dir.py: {args.data_dir}: kept {kept} of {total} utterances")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
