#!/usr/bin/env python3
"""Classes of every frame at every resolution, by k-means on the gold standard.

Writes centers, <set>.K<k>.scp and reconstruction.csv (the paper's Table 1) for one dimension, prints the
latter, beside published numbers if they are given, and draws the discretisation (the paper's Figure 1).

Example:
  steps/make_labels.py arousal data exp/arousal/labels
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import SETS, DataError
from emoseq.io.archive import Scp, Writer, write_scp
from emoseq.io.datadir import read_frame_shift
from emoseq.io.files import write_text
from emoseq.labels.kmeans import LabelOptions, quantise
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step

PUBLISHED = Path("conf/published/table1.csv")


def get_parser() -> Parser:
    parser = Parser(__doc__, "labels", plans=True)
    parser.add_options(LabelOptions)
    parser.add_argument(
        "--published",
        type=Path,
        metavar="FILE",
        default=PUBLISHED if PUBLISHED.exists() else None,
        help=f"CSV of dimension, clusters, ccc, rmse (default {PUBLISHED} where it exists)",
    )
    parser.add_argument("dimension", help="rated dimension, such as arousal")
    parser.add_argument("data_dir", type=Path, help="folder of train/, dev/ and test/")
    parser.add_argument("labels_dir", type=Path, help="folder of the labels, such as exp/arousal/labels")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options = make_options(LabelOptions, args)
    folder, dimension = args.labels_dir, args.dimension
    gold_files = {name: args.data_dir / name / f"{dimension}.scp" for name in SETS}
    gold_files = {name: path for name, path in gold_files.items() if path.exists() or name != "test"}
    outputs = [folder / f"{name}.K{k}.scp" for name in gold_files for k in options.num_classes]
    outputs += [folder / name for name in ("centers", "fit_on", "reconstruction.csv", "figure1.png", "figure1.pdf")]
    stamp = Stamp(__file__, "labels", folder, inputs=gold_files.values(), outputs=outputs, options=options)

    def work() -> str:
        gold = {name: dict(Scp(path)) for name, path in gold_files.items()}
        make(folder, dimension, gold, options, read_frame_shift(args.data_dir / "dev"))
        return f"classes of {', '.join(gold_files)}"

    bring_up_to_date(stamp, f"{folder}", work, dry_run=args.dry_run)
    if not args.dry_run:
        from emoseq.report.tables import format_table_1

        log(
            f"{folder}: CCC and RMSE of the train and dev gold standard, rebuilt from clusters of {options.fit_on} "
            "(Table 1)\n" + format_table_1(folder / "reconstruction.csv", dimension, args.published)
        )
    return 0


def make(folder: Path, dimension: str, gold: dict, options: LabelOptions, shift: float) -> None:
    import numpy as np
    import pandas as pd

    from emoseq.labels.kmeans import cluster, pool_ratings
    from emoseq.report.figures import plot_discretisation, save_figure
    from emoseq.report.measures import score_reconstruction

    def pool(sets: str) -> np.ndarray:
        return pool_ratings(*(gold[name] for name in sets.split("+")))

    try:
        centers = {k: cluster(pool(options.fit_on), k) for k in options.num_classes}
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

    scores = [(k, *score_reconstruction(pool("train+dev"), means)) for k, means in centers.items()]
    table = pd.DataFrame(scores, columns=["clusters", "ccc", "rmse"])
    write_text(folder / "reconstruction.csv", table.to_csv(index=False, float_format="%.6f"))
    utt, series = next(iter(gold["dev"].items()))
    save_figure(plot_discretisation(series, centers, f"{dimension} of {utt}", frame_shift=shift), folder / "figure1")


if __name__ == "__main__":
    sys.exit(run_step(main))
