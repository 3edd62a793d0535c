#!/usr/bin/env python3
"""Transitions, class priors, durations, regions and language models of one dimension, from its labels.

Writes, for each resolution, K<k>.trans, K<k>.priors and K<k>.hazards from the training set, K<k>.regions from the
sets that the labels were fitted on, and K<k>.<n>gram.arpa as steps/train_lm.py makes it of them.

Example:
  steps/make_lm.py exp/arousal/labels exp/arousal/lm
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq.io.archive import Scp, read_text
from emoseq.io.files import write_text
from emoseq.io.matrix import write_matrix
from emoseq.labels.kmeans import read_centers, split_at_gaps
from emoseq.lm.arpa import format_arpa
from emoseq.lm.regions import (
    LmOptions,
    collapse,
    estimate_hazards,
    estimate_priors,
    estimate_transitions,
    name_region,
    name_stretch,
)
from emoseq.lm.witten_bell import witten_bell
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "lm", plans=True)
    parser.add_options(LmOptions)
    parser.add_argument("labels_dir", type=Path, help="folder of the labels, such as exp/arousal/labels")
    parser.add_argument("lm_dir", type=Path, help="folder of the language models, such as exp/arousal/lm")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options = make_options(LmOptions, args)
    labels, folder = args.labels_dir, args.lm_dir
    sets = read_text(labels / "fit_on").strip().split("+")
    tasks = read_centers(labels / "centers")
    kinds = ["trans", "priors", "hazards", "regions", *(f"{order}gram.arpa" for order in options.orders)]
    stamp = Stamp(
        __file__,
        "lm",
        folder,
        inputs=[labels / "fit_on", *(labels / f"{name}.{key}.scp" for name in {"train", *sets} for key in tasks)],
        outputs=[folder / f"{key}.{kind}" for key in tasks for kind in kinds],
        options=options,
    )

    def work() -> str:
        folder.mkdir(parents=True, exist_ok=True)
        for key, means in tasks.items():
            train = [part for path in Scp(labels / f"train.{key}.scp").values() for part in split_at_gaps(path)]
            write_matrix(
                folder / f"{key}.trans", estimate_transitions(train, len(means), smoothing=options.transition_smoothing)
            )
            write_matrix(folder / f"{key}.priors", estimate_priors(train, len(means)))
            write_matrix(
                folder / f"{key}.hazards", estimate_hazards(train, len(means), longest=options.longest_duration)
            )
            fitted = {utt: path for name in sets for utt, path in Scp(labels / f"{name}.{key}.scp").items()}
            regions = {
                name_stretch(utt, i): collapse(part).tolist()
                for utt in sorted(fitted)
                for i, part in enumerate(split_at_gaps(fitted[utt]))
            }
            lines = [f"{utt} {' '.join(map(name_region, sequence))}\n" for utt, sequence in regions.items()]
            write_text(folder / f"{key}.regions", "".join(lines))
            for order in options.orders:
                tables = witten_bell(list(regions.values()), len(means), order)
                write_text(folder / f"{key}.{order}gram.arpa", format_arpa(tables))
            count = sum(map(len, regions.values()))
            log(f"{folder}: {key}: {count} regions in {len(regions)} rated stretches, orders {options.orders}")
        return f"language models of orders {', '.join(map(str, options.orders))}"

    bring_up_to_date(stamp, f"{folder}", work, dry_run=args.dry_run)
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
