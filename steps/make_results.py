#!/usr/bin/env python3
"""Score the reported series of every system on dev and test: results.csv, and RESULTS.md with the paper's Table 2.

differences.csv compares CLS-Decoded (or else the first system) with every other system, and each system with its
version whose labels and language models are fitted on other sets. A difference is the CCC of the former less that of
the latter.

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
        default=PUBLISHED if PUBLISHED.exists() else None,
        help=f"scores of others to set beside, a CSV file (default {PUBLISHED} where it exists)",
    )
    parser.add_argument("data_dir", type=Path, help="folder of dev/ and test/")
    parser.add_argument("exp_dir", type=Path, help="folder of the run, such as exp")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options, exp = make_options(ScoreOptions, args), args.exp_dir
    dimensions, sets = read_dimensions(args.data_dir), [name for name in list_sets(args.data_dir) if name != "train"]
    gold = {(dim, name): args.data_dir / name / f"{dim}.scp" for dim in dimensions for name in sets}
    for (dimension, name), path in list(gold.items()):
        if not path.exists():
            if not args.dry_run:
                log(f"{name}: {dimension} has no gold standard: predicted, not scored")
            del gold[dimension, name]

    from emoseq.report.results import compare_all, find_constant, list_reported_series, score_all

    series = [entry for entry in list_reported_series(exp, dimensions, sets) if (entry.dimension, entry.set) in gold]
    stamp = Stamp(
        __file__,
        "results",
        exp,
        inputs=[*gold.values(), *(entry.path for entry in series), *([args.published] if args.published else [])],
        outputs=[exp / name for name in ("results.csv", "differences.csv", "RESULTS.md")],
        options=(options, [(entry.system, entry.fit_on) for entry in series]),
    )

    def work() -> str:
        from emoseq.report.tables import format_results, format_tables, read_published

        scored, compared = score_all(series, gold, options), compare_all(series, gold, options)
        for entry in find_constant(series, gold):
            log(
                f"{entry.path}: constant, so its CCC is 0: {entry.system} has learnt nothing; train longer, "
                "or compare the settings in epochs.csv"
            )
        write_text(exp / "results.csv", format_results(scored))
        write_text(exp / "differences.csv", compared.to_csv(index=False, float_format="%.6f"))
        published = read_published(args.published) if args.published else None
        write_text(exp / "RESULTS.md", format_tables(scored, compared, published))
        return f"{len(scored)} scores"

    bring_up_to_date(stamp, f"{exp}/results.csv", work, dry_run=args.dry_run)
    if args.dry_run:
        return 0
    print(read_text(exp / "RESULTS.md"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
