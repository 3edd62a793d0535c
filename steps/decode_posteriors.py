#!/usr/bin/env python3
"""Compute class posteriors under acoustics, transitions and language model together (forward-backward).

The model arguments are those of steps/decode.py. The output is posteriors again, float32 (frames, classes), for
steps/reconstruct_mean.py.

Example:
  steps/decode_posteriors.py --lm-weight 2 exp/arousal/lm/K10.trans exp/arousal/lm/K10.3gram.arpa \\
    scp:exp/arousal/cls_l3_r0_s1/posteriors_test.K10.scp ark:posteriors.ark
"""

from __future__ import annotations

import sys

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.decode.files import add_model_arguments, read_graph
from emoseq.decode.score import scale_log_posteriors
from emoseq.io.archive import Writer, read_nonempty
from emoseq.recipe.options import Parser
from emoseq.recipe.step import run_step


def get_parser() -> Parser:
    parser = Parser(__doc__)
    add_model_arguments(parser)
    parser.add_argument("posteriors_wspec", metavar="POSTERIORS_WSPEC", help="posteriors to write, frames x classes")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    graph, scoring = read_graph(args)

    from emoseq.decode.forward_backward import compute_class_posteriors

    with Writer(args.posteriors_wspec) as write:
        for utt, posteriors in read_nonempty(args.posteriors_rspec):
            try:
                smoothed = compute_class_posteriors(scale_log_posteriors(posteriors, graph.num_classes, scoring), graph)
            except ValueError as error:
                raise DataError(f"{args.posteriors_rspec}: {utt}: {error}") from None
            write(utt, smoothed.astype("float32"))
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
