#!/usr/bin/env python3
"""Decode posteriors into labels with a transition matrix and an emotion language model.

TRANS_FILE is Kaldi's text matrix with rows the current class, ARPA_FILE an n-gram of order 1 to 5 over r0, r1, ...;
POSTERIORS are probabilities, prior-scaled. One line per utterance goes to stderr:
`<utt> <frames> <total> <am> <lm>` in natural logarithms (lm in decimal ones with --log-base 10), am with its
transitions, lm unweighted with `</s>`, total = am + weight * lm.

Exact search takes tables of up to 512 MB, about 2 GB in all, and up to 4 GB for the backpointers of an
utterance, one byte for each state and frame. The beam takes 6 bytes for each hypothesis and frame.

Example:
  steps/decode.py --lm-weight 8 exp/arousal/lm/K10.trans exp/arousal/lm/K10.3gram.arpa \\
    scp:exp/arousal/cls_l3_r0_s1/posteriors_test.K10.scp ark,t:labels.txt
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import _recipe  # noqa: F401
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.decode.files import add_model_arguments, read_model
from emoseq.decode.graph import DEFAULT_BEAM, SEARCHES
from emoseq.io.archive import Writer, read_nonempty
from emoseq.lm.regions import read_hazards
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser
from emoseq.recipe.step import run_step


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("--search", choices=SEARCHES, default=SEARCHES[0], help="algorithm (default %(default)s)")
    parser.add_argument("--beam", type=int, default=DEFAULT_BEAM, help="hypotheses kept (default %(default)s)")
    parser.add_argument("--hazards", type=Path, metavar="FILE", help="explicit durations, such as K10.hazards")
    parser.add_argument("--lag", type=int, metavar="N", help="as a stream, each label final after N frames")
    parser.add_argument("--report-search-error", action="store_true", help="log how far the beam falls below exact")
    add_model_arguments(parser)
    parser.add_argument("labels_wspec", metavar="LABELS_WSPEC", help="labels to write, an int32 vector per utterance")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    if args.beam < 1:
        raise DataError(f"--beam {args.beam}: 1 or more hypotheses are needed")
    if args.lag is not None and args.lag < 0:
        raise DataError(f"--lag {args.lag}: 0 or more frames are needed")
    if (args.hazards or args.lag is not None) and (args.search == "beam" or args.report_search_error):
        raise DataError("--hazards and --lag go with exact search alone")
    if args.hazards and args.lag is not None:
        raise DataError("--hazards and --lag do not go together")
    transitions, lm, scoring, initial = read_model(args)
    hazards = read_hazards(args.hazards, len(transitions)) if args.hazards else None

    from emoseq.decode.decoder import Decoded, Decoder
    from emoseq.decode.semi_markov import DurationDecoder
    from emoseq.decode.streaming import decode_as_stream

    try:
        searches = {
            name: Decoder(transitions, lm, scoring, initial=initial, search=name, beam=args.beam)
            for name in (SEARCHES if args.report_search_error else [args.search])
        }
    except ValueError as error:
        raise DataError(f"{args.arpa_file}: {error}") from None
    search = searches.pop(args.search)
    decode: Callable[[NDArray], Decoded] = search
    if hazards is not None:
        decode = DurationDecoder(transitions, lm.full(), hazards, scoring, initial=initial)
    elif args.lag is not None:
        decode = decode_as_stream(search, args.lag)
    decoded, pruned, gaps = 0, 0, []
    with Writer(args.labels_wspec) as write:
        for utt, posteriors in read_nonempty(args.posteriors_rspec):
            try:
                best = decode(posteriors)
                gaps += [abs(best.total - other(posteriors).total) for other in searches.values()]
            except ValueError as error:
                raise DataError(f"{args.posteriors_rspec}: {utt}: {error}") from None
            write(utt, best.labels)
            decoded, pruned = decoded + 1, pruned + best.pruned
            print(f"{utt} {len(best.labels)} {best.total:.6f} {best.am:.6f} {best.lm:.6f}", file=sys.stderr)
    if pruned:
        log(f"the beam dropped hypotheses in {pruned} of {decoded} utterances; --search exact finds the best")
    if args.report_search_error:
        summary = f"{sum(gap > 1e-6 for gap in gaps)} of {len(gaps)} utterances below the exact score"
        log(f"beam {args.beam}: {summary}, by {max(gaps):.3f} at most, {sum(gaps) / len(gaps):.3f} on average")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
