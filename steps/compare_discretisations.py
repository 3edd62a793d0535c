#!/usr/bin/env python3
"""Compare ways to cut the gold standard into classes: k-means, equal width, quantiles, Gaussian mixture.

Fits each to the pooled gold standard of train and dev. Writes discretisation.csv, with the CCC and RMSE of
the ratings rebuilt from class means, the entropy of the classes in bits and the shares of the rarest and the
most frequent class, and discretisation.png and .pdf, the paper's Figure 1 for all techniques.

Example:
  steps/compare_discretisations.py arousal data exp/arousal/labels
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.io.archive import Scp
from emoseq.io.datadir import read_frame_shift
from emoseq.io.files import write_text
from emoseq.labels.kmeans import LabelOptions
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "labels", plans=True)
    parser.add_options(LabelOptions)
    parser.add_argument("dimension", help="rated dimension, such as arousal")
    parser.add_argument("data_dir", type=Path, help="folder of train/ and dev/")
    parser.add_argument("out_dir", type=Path, help="such as exp/arousal/labels")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options, out = make_options(LabelOptions, args), args.out_dir
    gold_files = [args.data_dir / name / f"{args.dimension}.scp" for name in ("train", "dev")]
    stamp = Stamp(
        __file__,
        "discretisation",
        out,
        inputs=gold_files,
        outputs=[out / f"discretisation{suffix}" for suffix in (".csv", ".png", ".pdf")],
        options=options.num_classes,
    )

    def work() -> str:
        gold = [Scp(path) for path in gold_files]

        import numpy as np
        import pandas as pd

        from emoseq.labels.alternatives import DISCRETISATIONS, discretise
        from emoseq.labels.kmeans import pool_ratings
        from emoseq.report.figures import plot_discretisations, save_figure

        utt, shown = next(iter(gold[1].items()))
        ratings = pool_ratings(gold[1], gold[0])  # the one that is shown comes first
        rated = ~np.isnan(shown)
        rows, rebuilt = [], {}
        for technique in DISCRETISATIONS:
            for k in options.num_classes:
                try:
                    result = discretise(ratings, technique, k)
                except ValueError as error:
                    raise DataError(f"{args.dimension}: {technique}: {error}; are these the right ratings?") from None
                rebuilt[technique, k] = np.full(len(shown), np.nan)
                rebuilt[technique, k][rated] = result.rebuilt[: rated.sum()]
                numbers = {name: value for name, value in vars(result).items() if name != "rebuilt"}
                rows.append({"technique": technique, "clusters": k} | numbers)
        table = pd.DataFrame(rows)
        out.mkdir(parents=True, exist_ok=True)
        write_text(out / "discretisation.csv", table.to_csv(index=False, float_format="%.6f"))
        shift = read_frame_shift(args.data_dir / "dev")
        figure = plot_discretisations(shown, rebuilt, f"{args.dimension} of {utt}", frame_shift=shift)
        save_figure(figure, out / "discretisation")
        return f"{args.dimension}, train and dev\n" + table.to_string(index=False, float_format=lambda x: f"{x:.3f}")

    bring_up_to_date(stamp, f"{out}/discretisation.csv", work, dry_run=args.dry_run)
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
