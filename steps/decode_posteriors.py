#!/usr/bin/env python3
"""Class posteriors under acoustics, transitions and language model together (forward-backward).

Arguments as in steps/decode.py; what is written are again posteriors, float32 of frames x classes, for
steps/reconstruct_mean.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.archive import Writer, read
from emoseq.conf import Parser, options_from, run_step
from emoseq.graph import Scoring, log_posteriors
from emoseq.parameters import read_graph


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_options(Scoring)
    parser.add_argument("trans_file", type=Path)
    parser.add_argument("arpa_file", type=Path)
    parser.add_argument("posteriors_rspec", metavar="POSTERIORS_RSPEC")
    parser.add_argument("posteriors_wspec", metavar="POSTERIORS_WSPEC")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    scoring = options_from(Scoring, args)
    graph = read_graph(args.trans_file, args.arpa_file, scoring)

    from emoseq.marginals import class_posteriors

    with Writer(args.posteriors_wspec) as write:
        for utt, posteriors in read(args.posteriors_rspec):
            try:
                write(utt, class_posteriors(log_posteriors(posteriors, graph.num_classes, scoring), graph))
            except ValueError as error:
                raise DataError(f"{args.posteriors_rspec}: {utt}: {error}") from None
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
