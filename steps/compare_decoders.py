#!/usr/bin/env python3
"""Compare the ways to decode the chosen classifiers of one dimension, each tuned on the dev set.

For each decoder and n-gram order, the acoustic scale and language model weight that give the highest dev CCC are
chosen. Their scores on dev and test are printed and written to decoders.csv in the dimension's folder. For comparison,
the file also has the undecoded series, of the best classes and of the expected cluster means, and the hidden Markov
model without language model.

Example:
  steps/compare_decoders.py --acoustic-scales 0.25,0.5,1 data exp/arousal
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.decode.options import DECODERS, MAX_JOINT_ORDER, SweepOptions
from emoseq.io.archive import Scp, read_text
from emoseq.io.files import write_text
from emoseq.labels.kmeans import read_centers
from emoseq.lm.regions import LmOptions
from emoseq.model.experiment import RAW_SERIES
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.step import run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "decode", "lm")
    parser.add_options(SweepOptions)
    parser.add_options(LmOptions)
    parser.add_argument("data", type=Path, help="such as data, with dev/ and test/")
    parser.add_argument("dimension_dir", type=Path, help="such as exp/arousal")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options, orders = make_options(SweepOptions, args), make_options(LmOptions, args).orders
    folder = args.dimension_dir
    gold = {name: args.data / name / f"{folder.name}.scp" for name in ("dev", "test")}
    gold = {name: Scp(path) for name, path in gold.items() if path.exists()}
    models = [Path(line) for line in read_text(folder / "selected.cls").splitlines()]
    tasks = list(read_centers(folder / "labels" / "centers"))

    from emoseq.decode.files import read_posteriors, read_resolutions
    from emoseq.decode.multi_task import decode_models, make_raw_mean_decoder
    from emoseq.decode.sweep import tune
    from emoseq.metrics import ccc_and_rmse

    columns = ["decoder", "order", "acoustic_scale", "lm_weight"]
    rows = [columns + [f"{name}_{measure}" for name in gold for measure in ("ccc", "rmse")]]

    def add(decoder: str, scores: Iterable[tuple[float, float]], *setting: float) -> None:
        numbers = [f"{value:.6f}" for pair in scores for value in pair]
        rows.append([decoder, *(f"{value:g}" for value in setting or ()), *[""] * (3 - len(setting)), *numbers])
        log(f"{folder}: {' '.join(rows[-1])}")

    try:
        posteriors = {name: [read_posteriors(model, name, tasks) for model in models] for name in gold}
        resolutions = read_resolutions(folder, orders)
        series = {name: Scp(folder / f"predict_{name}" / f"{RAW_SERIES['cls']}.scp") for name in gold}
        add("raw", [ccc_and_rmse(series[name], gold[name]) for name in gold])
        mean = {name: decode_models(posteriors[name], make_raw_mean_decoder(resolutions))[1] for name in gold}
        add("raw-mean", [ccc_and_rmse(mean[name], gold[name]) for name in gold])
        plain = dataclasses.replace(options, lm_weights=(0.0,), acoustic_scales=(1.0,), decoder=DECODERS[0])
        candidates = [("hmm", plain.settings(orders[:1]))]
        for decoder in DECODERS:
            possible = [order for order in orders if decoder != "joint" or order <= MAX_JOINT_ORDER]
            swept = dataclasses.replace(options, decoder=decoder)
            candidates += [(decoder, swept.settings([order])) for order in possible]
        for decoder, settings in candidates:
            best, scores_of_best = tune(posteriors, resolutions, gold, settings)
            add(decoder, scores_of_best.values(), best.order, best.acoustic_scale, best.lm_weight)
    except ValueError as error:
        raise DataError(f"{folder}: {error}") from None
    write_text(folder / "decoders.csv", "".join(",".join(row) + "\n" for row in rows))
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
