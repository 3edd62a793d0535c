#!/usr/bin/env python3
"""Region sequences, transition matrices and class priors of one dimension, from its labels.

Writes K<k>.regions over the sets that the labels were fitted on, and K<k>.trans and K<k>.priors over
the training set.
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq.archive import Scp, read_centers, write_matrix, write_text
from emoseq.conf import Parser, log, options_from, run_step
from emoseq.labels import LmOptions, collapse, priors, transitions
from emoseq.ngram import token
from emoseq.stamp import Stamp


def get_parser() -> Parser:
    parser = Parser(__doc__, "lm")
    parser.add_options(LmOptions)
    parser.add_argument("labels_dir", type=Path)
    parser.add_argument("lm_dir", type=Path)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options = options_from(LmOptions, args)
    labels, folder = args.labels_dir, args.lm_dir
    sets = (labels / "fit_on").read_text().strip().split("+")
    for key, means in read_centers(labels / "centers").items():
        outputs = [folder / f"{key}.{kind}" for kind in ("regions", "trans", "priors")]
        inputs = [labels / f"{name}.{key}.scp" for name in dict.fromkeys(["train", *sets])]
        stamp = Stamp(__file__, key, folder, inputs=inputs, outputs=outputs, options=options.transition_smoothing)
        if stamp.is_current():
            log(f"{folder}/{key}: up to date")
            continue
        folder.mkdir(parents=True, exist_ok=True)
        regions = {utt: collapse(path) for name in sets for utt, path in Scp(labels / f"{name}.{key}.scp").items()}
        train = list(Scp(labels / f"train.{key}.scp").values())
        lines = [f"{utt} {' '.join(map(token, path))}\n" for utt, path in sorted(regions.items())]
        write_text(outputs[0], "".join(lines))
        write_matrix(outputs[1], transitions(train, len(means), smoothing=options.transition_smoothing))
        write_matrix(outputs[2], priors(train, len(means)))
        stamp.write()
        count = sum(map(len, regions.values()))
        log(f"{folder}/{key}: {count} regions in {len(regions)} utterances")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
