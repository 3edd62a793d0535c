#!/usr/bin/env python3
"""Make the data directories of train, dev and test from your own recordings and the traces of their raters.

The corpus has recordings.csv with the columns id,audio and any of speaker, set, start and end, and the traces as
ratings/<dimension>/<id>[.<rater>].csv or as an annotation tool writes them. Writes dimensions, and for each set
wav.scp, utt2spk, spk2utt, utt2dur, segments where start and end are given, and per dimension ratings.<dimension>.scp
and raters.<dimension>. Ratings are scaled to -1 to 1 and brought to the label rate. All faults are listed at once.

Example:
  egs/csv/local/prepare_data.py --format=pagan --dimension=arousal my_corpus egs/csv/data
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401
from corpus import list_trace_files, load_corpus
from recordings import TABLE, read_table

from emoseq.features.fbank import FbankOptions
from emoseq.labels.resampling import ResamplingOptions
from emoseq.labels.trace_rows import parse_number
from emoseq.labels.traces import TraceOptions
from emoseq.recipe.data_dirs import prepare_data
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.step import run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "traces", "fbank", plans=True)
    parser.add_options(TraceOptions)
    parser.add_options(ResamplingOptions)
    parser.add_options(FbankOptions)
    parser.add_argument("corpus", type=Path, help="folder of recordings.csv and ratings/")
    parser.add_argument("data_dir", type=Path, help="folder for train/, dev/ and test/")
    return parser


def join_scale(words: list[str]) -> list[str]:
    """Return the command line with `--scale LOW HIGH` as `--scale=LOW,HIGH`, the one word of conf files.

    >>> join_scale(["--scale", "-100", "100", "my_corpus", "data"])
    ['--scale=-100,100', 'my_corpus', 'data']
    """
    if "--scale" in words:
        at = words.index("--scale")
        ends = words[at + 1 : at + 3]
        if len(ends) == 2 and all(parse_number(text) is not None for text in ends):
            return [*words[:at], f"--scale={','.join(ends)}", *words[at + 3 :]]
    return words


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(join_scale(sys.argv[1:] if argv is None else argv))
    options, resampling = make_options(TraceOptions, args), make_options(ResamplingOptions, args)
    shift = make_options(FbankOptions, args).label_shift
    folder = args.corpus.absolute()
    table = read_table(folder)
    prepare_data(
        __file__,
        args.corpus,
        args.data_dir,
        lambda: load_corpus(folder, table, options, resampling, shift),
        inputs=[folder / TABLE, *dict.fromkeys(table.audio), *list_trace_files(folder)],
        options=(options, resampling, shift, str(folder)),
        dry_run=args.dry_run,
    )
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
