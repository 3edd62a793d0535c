#!/usr/bin/env python3
"""Decode posteriors into labels with a transition matrix and an emotion language model.

TRANS_FILE is Kaldi's text matrix with rows the current class, ARPA_FILE an n-gram over r0, r1, ...;
POSTERIORS are probabilities, prior-scaled. One line an utterance goes to stderr:
`<utt> <frames> <total> <am> <lm>` in natural logarithms, am with its transitions, lm unweighted with
`</s>`, total = am + weight * lm.
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.archive import Writer, read, read_matrix
from emoseq.conf import Parser, log, run_step
from emoseq.ngram import tabulate


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("--search", choices=("exact", "beam"), default="exact", help="(default exact)")
    parser.add_argument("--beam", type=int, default=100, help="hypotheses, merged on the LM state (default 100)")
    parser.add_argument("--lm-weight", type=float, default=0.0, help="of natural-log probabilities (default 0)")
    parser.add_argument("trans_file", type=Path)
    parser.add_argument("arpa_file", type=Path)
    parser.add_argument("posteriors_rspec", metavar="POSTERIORS_RSPEC")
    parser.add_argument("labels_wspec", metavar="LABELS_WSPEC")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    if args.beam < 1:
        raise DataError(f"--beam {args.beam}: 1 or more hypotheses are needed")
    transitions = read_matrix(args.trans_file)
    if transitions.shape[0] != transitions.shape[1]:
        raise DataError(f"{args.trans_file}: a matrix of shape {transitions.shape}, not a square one")
    rows = transitions.sum(axis=1)
    if not (transitions.min() >= 0 and abs(rows - 1).max() < 1e-3):
        raise DataError(f"{args.trans_file}: rows must be probabilities that sum to 1; run stage 3 again")
    if not 0 <= args.lm_weight < float("inf"):
        raise DataError(f"--lm-weight {args.lm_weight:g}: a number of 0 or more is needed")
    table = tabulate(args.arpa_file, len(transitions))

    from emoseq.decoding import decode, state_graph

    try:
        graph = state_graph(transitions, table, lm_weight=args.lm_weight)
    except ValueError as error:
        raise DataError(f"{args.arpa_file}: {error}") from None
    decoded = pruned = 0
    with Writer(args.labels_wspec) as write:
        for utt, posteriors in read(args.posteriors_rspec):
            try:
                best = decode(
                    posteriors,
                    transitions,
                    table,
                    lm_weight=args.lm_weight,
                    search=args.search,
                    beam=args.beam,
                    graph=graph,
                )
            except ValueError as error:
                raise DataError(f"{args.posteriors_rspec}: {utt}: {error}") from None
            write(utt, best.labels)
            decoded += 1
            pruned += best.pruned
            print(f"{utt} {len(best.labels)} {best.total:.6f} {best.am:.6f} {best.lm:.6f}", file=sys.stderr)
        if not decoded:
            raise DataError(f"{args.posteriors_rspec}: holds no utterance")
    if pruned:
        log(f"the beam dropped hypotheses in {pruned} utterances; --search exact finds the best")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
