#!/usr/bin/env python3
"""Decode posteriors into labels with a transition matrix and an emotion language model.

TRANS_FILE is Kaldi's text matrix with rows the current class, ARPA_FILE an n-gram of order 1 or more
over r0, r1, ...; POSTERIORS are probabilities, prior-scaled. One line an utterance goes to stderr:
`<utt> <frames> <total> <am> <lm>` in natural logarithms, am with its transitions, lm unweighted with
`</s>`, total = am + weight * lm.

Exact search takes up to 512 MB for its table of moves and 4 GB for the backpointers of an utterance, one
byte for each state and frame; the beam has no such limit.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import _recipe  # noqa: F401
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.archive import Writer, read
from emoseq.conf import Parser, boolean, log, options_from, run_step
from emoseq.graph import DEFAULT_BEAM, SEARCHES, Scoring
from emoseq.ngram import LazyTable
from emoseq.parameters import read_hazards, read_priors, read_transitions


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("--search", choices=SEARCHES, default=SEARCHES[0], help="(default %(default)s)")
    parser.add_argument("--beam", type=int, default=DEFAULT_BEAM, help="hypotheses kept (default %(default)s)")
    parser.add_options(Scoring)
    parser.add_argument("--initial-prior", type=Path, metavar="FILE", help="P(first class), such as K10.priors")
    parser.add_argument("--renormalize-lm", type=boolean, default=False, help="spend the mass of <unk> and r r")
    parser.add_argument("--hazards", type=Path, metavar="FILE", help="explicit durations, such as K10.hazards")
    parser.add_argument("--lag", type=int, metavar="N", help="as a stream, each label final after N frames")
    parser.add_argument("--report-search-error", action="store_true", help="how far the beam stays below exact")
    parser.add_argument("trans_file", type=Path)
    parser.add_argument("arpa_file", type=Path)
    parser.add_argument("posteriors_rspec", metavar="POSTERIORS_RSPEC")
    parser.add_argument("labels_wspec", metavar="LABELS_WSPEC")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    scoring = options_from(Scoring, args)
    if args.beam < 1:
        raise DataError(f"--beam {args.beam}: 1 or more hypotheses are needed")
    if args.lag is not None and args.lag < 0:
        raise DataError(f"--lag {args.lag}: 0 or more frames are needed")
    if (args.hazards or args.lag is not None) and (args.search == "beam" or args.report_search_error):
        raise DataError("--hazards and --lag go with exact search alone")
    if args.hazards and args.lag is not None:
        raise DataError("--hazards and --lag do not go together")
    transitions = read_transitions(args.trans_file)
    num_classes = len(transitions)
    initial = read_priors(args.initial_prior, num_classes) if args.initial_prior else None
    hazards = read_hazards(args.hazards, num_classes) if args.hazards else None
    lm = LazyTable(args.arpa_file, num_classes, renormalize=args.renormalize_lm)
    names = SEARCHES if args.report_search_error else (args.search,)

    from emoseq.decoding import Decoded, Decoder, streamed
    from emoseq.durations import DurationDecoder

    try:
        searches = {
            name: Decoder(transitions, lm, scoring, initial=initial, search=name, beam=args.beam) for name in names
        }
    except ValueError as error:
        raise DataError(f"{args.arpa_file}: {error}") from None
    decode: Callable[[NDArray], Decoded] = searches[args.search]
    if hazards is not None:
        decode = DurationDecoder(transitions, lm.full(), hazards, scoring, initial=initial)
    elif args.lag is not None:
        decode = streamed(searches["exact"], args.lag)
    pruned, gaps = 0, []
    with Writer(args.labels_wspec) as write:
        for utt, posteriors in read(args.posteriors_rspec):
            try:
                best = decode(posteriors)
                totals = {name: search(posteriors).total for name, search in searches.items() if len(names) > 1}
            except ValueError as error:
                raise DataError(f"{args.posteriors_rspec}: {utt}: {error}") from None
            write(utt, best.labels)
            pruned += best.pruned
            gaps.append(totals.get("exact", 0.0) - totals.get("beam", 0.0))
            print(f"{utt} {len(best.labels)} {best.total:.6f} {best.am:.6f} {best.lm:.6f}", file=sys.stderr)
        if not gaps:
            raise DataError(f"{args.posteriors_rspec}: holds no utterance")
    if pruned:
        log(f"the beam dropped hypotheses in {pruned} of {len(gaps)} utterances; --search exact finds the best")
    if args.report_search_error:
        found = f"{sum(gap > 1e-6 for gap in gaps)} of {len(gaps)} utterances below the exact score"
        log(f"beam {args.beam}: {found}, by {max(gaps):.3f} at most, {sum(gaps) / len(gaps):.3f} on average")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
