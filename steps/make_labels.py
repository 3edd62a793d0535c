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

from emoseq import DIMENSIONS, SETS, DataError
from emoseq.io.archive import Scp, Writer, read_text, shorten_error, write_scp
from emoseq.io.files import write_text
from emoseq.labels.kmeans import LabelOptions, quantise, reconstruct
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
    parser.add_argument("dimension", choices=DIMENSIONS, help="rated dimension, such as arousal")
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
        make(folder, dimension, {name: dict(Scp(path)) for name, path in gold_files.items()}, options)
        return f"classes of {', '.join(gold_files)}"

    bring_up_to_date(stamp, f"{folder}", work, dry_run=args.dry_run)
    if not args.dry_run:
        log(
            f"{folder}: CCC and RMSE of the train and dev gold standard, rebuilt from clusters of {options.fit_on} "
            "(Table 1)\n" + table_1(folder / "reconstruction.csv", dimension, args.published)
        )
    return 0


def make(folder: Path, dimension: str, gold: dict, options: LabelOptions) -> None:
    import numpy as np
    import pandas as pd

    from emoseq.labels.kmeans import cluster
    from emoseq.metrics import concordance, rmse
    from emoseq.report.figures import plot_discretisation, save_figure

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
    write_text(folder / "reconstruction.csv", pd.DataFrame(rows).to_csv(index=False, float_format="%.6f"))
    utt, series = next(iter(gold["dev"].items()))
    save_figure(plot_discretisation(series, centers, f"{dimension} of {utt}"), folder / "figure1")


def table_1(reconstruction: Path, dimension: str, published: Path | None) -> str:
    """The rows of reconstruction.csv as text, with those published for the same number of clusters beside them.

    What the `#` comments of the published table say, its source, is the last line.
    """
    import pandas as pd

    table, source = pd.read_csv(reconstruction), ""
    if published:
        lines = read_text(published).splitlines()
        source = "\npublished: " + " ".join(line.strip("# ") for line in lines if line.startswith("#"))
        try:
            theirs = pd.read_csv(published, comment="#").set_index(["dimension", "clusters"])[["ccc", "rmse"]]
            table = table.join(theirs.astype(float).loc[dimension].add_prefix("published "), on="clusters")
        except (KeyError, ValueError) as error:  # pandas' errors of parsing are ValueErrors
            raise DataError(f"{published}: no table of dimension,clusters,ccc,rmse ({shorten_error(error)})") from None
    return table.to_string(index=False, float_format=lambda value: f"{value:.3f}", na_rep="-") + source


if __name__ == "__main__":
    sys.exit(run_step(main))
