#!/usr/bin/env python3
"""Decode all resolutions of one model together: labels that no two tasks disagree on, as one series.

Reads labels/centers and lm/ of DIMENSION_DIR and POSTERIORS.K<k>.scp for each resolution, such as
exp/arousal/cls_l3_r0_s1/posteriors_test. One line per utterance goes to stderr: `<utt> <frames> <total>`,
the sum of the tasks' scores in natural logarithms.

Example:
  steps/decode_joint.py --lm-weight 8 exp/arousal exp/arousal/cls_l3_r0_s1/posteriors_test ark,t:-
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.decode.options import MAX_JOINT_ORDER
from emoseq.decode.score import Scoring
from emoseq.io.archive import Scp, Writer
from emoseq.labels.kmeans import average, reconstruct
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.step import run_step


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument(
        "--order",
        type=int,
        choices=range(1, MAX_JOINT_ORDER + 1),
        default=2,
        help="n-gram order (default %(default)s)",
    )
    parser.add_options(Scoring)
    parser.add_argument("dimension_dir", type=Path, help="such as exp/arousal")
    parser.add_argument("posteriors", help="path before .K<k>.scp")
    parser.add_argument("series_wspec", metavar="SERIES_WSPEC", help="time series to write, float32 vectors")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)

    from emoseq.decode.files import read_resolutions
    from emoseq.decode.joint import JointDecoder

    resolutions = read_resolutions(args.dimension_dir, [args.order])
    posteriors = {key: Scp(Path(f"{args.posteriors}.{key}.scp")) for key in resolutions}
    decode = JointDecoder(list(resolutions.values()), args.order, make_options(Scoring, args))
    with Writer(args.series_wspec) as write:
        for utt in next(iter(posteriors.values())):
            try:
                matrices = [matrix[utt] for matrix in posteriors.values()]
                labels = decode(matrices)
            except (ValueError, KeyError) as error:
                raise DataError(f"{args.posteriors}: {utt}: {error}") from None
            pairs = zip(labels, resolutions.values(), strict=True)
            write(utt, average([reconstruct(path, resolution.centers) for path, resolution in pairs]))
            print(f"{utt} {len(labels[0])} {decode.score(labels, matrices):.6f}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
