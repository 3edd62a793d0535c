#!/usr/bin/env python3
"""Make the data directories of train, dev and test from the package of MSP-Conversation.

Writes dimensions, and for each set wav.scp, segments, utt2spk, spk2utt, utt2dur, and per dimension
ratings.<dimension>.scp and raters.<dimension>. The rated parts are the utterances, the conversations the speakers.
Ratings are scaled to -1 to 1 and brought to the label rate. All faults are listed at once.

Example:
  egs/msp_conversation/local/prepare_data.py --resample=median MSP-Conversation egs/msp_conversation/data
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401
from conversations import list_files, load_corpus

from emoseq.features.fbank import FbankOptions
from emoseq.labels.resampling import ResamplingOptions
from emoseq.labels.traces import TraceOptions
from emoseq.recipe.data_dirs import prepare_data
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.step import run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "traces", "fbank", plans=True)
    parser.add_options(ResamplingOptions)
    parser.ignore_options(TraceOptions)
    parser.add_options(FbankOptions)
    parser.add_argument("corpus", type=Path, help="folder of partitions.txt, Audios/, Time_Labels/ and Annotations/")
    parser.add_argument("data_dir", type=Path, help="folder for train/, dev/ and test/")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    resampling = make_options(ResamplingOptions, args)
    shift = make_options(FbankOptions, args).label_shift
    folder = args.corpus.absolute()
    prepare_data(
        __file__,
        args.corpus,
        args.data_dir,
        lambda: load_corpus(folder, resampling, shift),
        inputs=list_files(folder),
        options=(resampling, shift, str(folder)),
        dry_run=args.dry_run,
    )
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
