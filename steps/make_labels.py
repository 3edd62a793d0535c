#!/usr/bin/env python3
"""Classes of every frame at every resolution, by k-means on the gold standard.

Writes centers, <set>.K<k>.scp and reconstruction.csv (the paper's Table 1) for one dimension, and
draws the discretisation (the paper's Figure 1).
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DIMENSIONS, SETS, DataError
from emoseq.archive import Scp, Writer, write_scp, write_text
from emoseq.conf import Parser, log, options_from, run_step
from emoseq.labels import LabelOptions, quantise, reconstruct
from emoseq.stamp import Stamp


def get_parser() -> Parser:
    parser = Parser(__doc__, "labels")
    parser.add_options(LabelOptions)
    parser.add_argument("dimension", choices=DIMENSIONS)
    parser.add_argument("data_dir", type=Path, help="folder of train/, dev/ and test/")
    parser.add_argument("labels_dir", type=Path)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options = options_from(LabelOptions, args)
    folder, dimension = args.labels_dir, args.dimension
    gold_files = {name: args.data_dir / name / f"{dimension}.scp" for name in SETS}
    gold_files = {name: path for name, path in gold_files.items() if path.exists() or name != "test"}
    outputs = [folder / f"{name}.K{k}.scp" for name in gold_files for k in options.num_classes]
    outputs += [folder / name for name in ("centers", "fit_on", "reconstruction.csv", "figure1.png", "figure1.pdf")]
    stamp = Stamp(__file__, "labels", folder, inputs=gold_files.values(), outputs=outputs, options=options)
    if stamp.is_current():
        log(f"{folder}: up to date")
        return 0
    make(folder, dimension, {name: dict(Scp(path)) for name, path in gold_files.items()}, options)
    stamp.write()
    return 0


def make(folder: Path, dimension: str, gold: dict, options: LabelOptions) -> None:
    import numpy as np
    import pandas as pd

    from emoseq.labels import cluster
    from emoseq.metrics import concordance, rmse
    from emoseq.figures import plot_discretisation, save_figure

    def pooled(sets: str) -> np.ndarray:
        return np.concatenate([series for name in sets.split("+") for series in gold[name].values()])

    try:
        centers = {k: cluster(pooled(options.fit_on), k) for k in options.num_classes}
    except ValueError as error:
        raise DataError(f"{dimension} of {options.fit_on}: {error}; are these the right ratings?") from None
    folder.mkdir(parents=True, exist_ok=True)
    with Writer(f"ark,t:{folder}/centers") as write:
        for k, means in centers.items():
            write(f"K{k}", means)
    write_text(folder / "fit_on", f"{options.fit_on}\n")
    for name in gold:
        for k, means in centers.items():
            write_scp(folder / f"{name}.K{k}", {utt: quantise(series, means) for utt, series in gold[name].items()})

    original = pooled("train+dev")
    rows = []
    for k, means in centers.items():
        rebuilt = reconstruct(quantise(original, means), means)
        rows.append({"clusters": k, "ccc": concordance(rebuilt, original), "rmse": rmse(rebuilt, original)})
    table = pd.DataFrame(rows)
    write_text(folder / "reconstruction.csv", table.to_csv(index=False, float_format="%.6f"))
    log(f"{dimension}: CCC and RMSE of the reconstructed train and dev gold standard (Table 1)\n"
        + table.to_string(index=False, float_format=lambda x: f"{x:.3f}"))  # fmt: skip
    utt, series = next(iter(gold["dev"].items()))
    save_figure(plot_discretisation(series, centers, f"{dimension} of {utt}"), folder / "figure1")


if __name__ == "__main__":
    sys.exit(run_step(main))
