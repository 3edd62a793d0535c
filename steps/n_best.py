#!/usr/bin/env python3
"""The N best region sequences of each utterance, each scored by its best alignment.

Arguments as in steps/decode.py. Writes lines `<utt>-<rank> <total> r0 r3 ...`, best first.

Example:
  steps/n_best.py --n 5 --lm-weight 8 exp/arousal/lm/K10.trans exp/arousal/lm/K10.3gram.arpa \\
    scp:exp/arousal/cls_l3_r0_s1/posteriors_test.K10.scp n_best.txt
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.decode.files import add_model_arguments, read_graph
from emoseq.decode.score import scale_log_posteriors
from emoseq.io.archive import read_nonempty
from emoseq.io.files import write_text
from emoseq.lm.regions import name_region
from emoseq.recipe.options import Parser
from emoseq.recipe.step import run_step


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("--n", type=int, default=10, help="sequences per utterance (default %(default)s)")
    add_model_arguments(parser)
    parser.add_argument("n_best_file", type=Path, help="text file to write")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    if args.n < 1:
        raise DataError(f"--n {args.n}: 1 or more are needed")
    graph, scoring = read_graph(args)

    from emoseq.decode.nbest import find_n_best

    lines = []
    for utt, posteriors in read_nonempty(args.posteriors_rspec):
        try:
            hypotheses = find_n_best(scale_log_posteriors(posteriors, graph.num_classes, scoring), graph, args.n)
        except ValueError as error:
            raise DataError(f"{args.posteriors_rspec}: {utt}: {error}") from None
        for rank, hypothesis in enumerate(hypotheses, 1):
            lines.append(f"{utt}-{rank} {hypothesis.total:.6f} {' '.join(map(name_region, hypothesis.regions))}\n")
    write_text(args.n_best_file, "".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
