#!/usr/bin/env python3
"""CCC and RMSE of predicted series, pooled over the utterances of the gold standard.

Example:
  steps/score.py scp:data/test/arousal.scp scp:exp/arousal/predict_test/CLS-Decoded.scp
"""

from __future__ import annotations

import sys

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.io.archive import read
from emoseq.metrics import ccc_and_rmse
from emoseq.recipe.options import Parser
from emoseq.recipe.step import run_step


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("gold_rspec", metavar="GOLD_RSPEC", help="gold standard, a float32 vector per utterance")
    parser.add_argument("series_rspec", metavar="SERIES_RSPEC", help="time series, a float32 vector per utterance")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    gold, series = dict(read(args.gold_rspec)), dict(read(args.series_rspec))
    try:
        ccc, error = ccc_and_rmse(series, gold)
    except ValueError as problem:
        raise DataError(f"{args.series_rspec}: {problem}") from None
    frames = sum(min(len(series[utt]), len(gold[utt])) for utt in gold)
    print(f"CCC {ccc:.4f} RMSE {error:.4f} over {frames} frames, {len(gold)} utterances")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
