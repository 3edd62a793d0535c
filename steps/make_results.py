#!/usr/bin/env python3
"""Score the reported series of every system on dev and test: results.csv, and RESULTS.md with the paper's Table 2.

differences.csv compares CLS-Decoded (or else the first system) with every other system, and each system with its
version whose labels and language models are fitted on other sets. A difference is the CCC of the former less that of
the latter.

With --folds N the series of exp/fold_1 to fold_N are scored together, each recording once.

Example:
  steps/make_results.py data exp
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq.io.archive import read_text
from emoseq.io.files import write_text
from emoseq.recipe.corpus import list_sets, read_dimensions
from emoseq.recipe.folds import list_folds
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step
from emoseq.report.intervals import ScoreOptions

PUBLISHED = Path("conf/published/table2.csv")


def get_parser() -> Parser:
    parser = Parser(__doc__, "score", plans=True)
    parser.add_options(ScoreOptions)
    parser.add_argument(
        "--published",
        type=Path,
        metavar="FILE",
        help=f"CSV file of published scores to print alongside (default without --folds: {PUBLISHED}, if it exists)",
    )
    parser.add_argument("--folds", type=int, default=0, metavar="N", help="number of folds of a cross-validation")
    parser.add_argument("data_dir", type=Path, help="folder of dev/ and test/, or of fold_1/ to fold_N/")
    parser.add_argument("exp_dir", type=Path, help="folder of the run, such as exp")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options, exp = make_options(ScoreOptions, args), args.exp_dir
    published = args.published or (PUBLISHED if PUBLISHED.exists() and not args.folds else None)
    folders, exps = list_folds(args.data_dir, args.folds), list_folds(exp, args.folds)
    dimensions, sets = read_dimensions(folders[0]), [name for name in list_sets(folders[0]) if name != "train"]
    gold = {
        (dim, name): tuple(folder / name / f"{dim}.scp" for folder in folders) for dim in dimensions for name in sets
    }
    for (dimension, name), paths in list(gold.items()):
        if not all(path.exists() for path in paths):
            if not args.dry_run:
                log(f"{name}: {dimension} has no gold standard; predicted but not scored")
            del gold[dimension, name]

    from emoseq.report.results import compare_all, find_constant, list_reported_series, score_all

    series = [entry for entry in list_reported_series(exps, dimensions, sets) if (entry.dimension, entry.set) in gold]
    stamp = Stamp(
        __file__,
        "results",
        exp,
        inputs=[
            *(path for paths in gold.values() for path in paths),
            *(path for entry in series for path in entry.paths),
            *([published] if published else []),
        ],
        outputs=[exp / name for name in ("results.csv", "differences.csv", "RESULTS.md")],
        options=(options, [(entry.system, entry.fit_on) for entry in series]),
    )

    def work() -> str:
        from emoseq.report.tables import format_results, format_tables, read_published

        scored, compared = score_all(series, gold, options), compare_all(series, gold, options)
        for path in find_constant(series, gold):
            log(
                f"{path}: constant, so its CCC is 0: {path.stem} has learnt nothing; train longer, "
                "or look at the losses in each model's epochs.csv"
            )
        write_text(exp / "results.csv", format_results(scored))
        write_text(exp / "differences.csv", compared.to_csv(index=False, float_format="%.6f"))
        others = read_published(published) if published else None
        write_text(exp / "RESULTS.md", format_tables(scored, compared, others, folds=args.folds))
        return f"{len(scored)} scores"

    bring_up_to_date(stamp, f"{exp}/results.csv", work, dry_run=args.dry_run)
    if args.dry_run:
        return 0
    print(read_text(exp / "RESULTS.md"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
