#!/usr/bin/env python3
"""Choose the n-gram order, acoustic scale and language model weight of one dimension on the dev set.

Every setting is shared by all tasks and models and scored by the fully averaged decoded series. Writes
decode_dev/sweep.csv, best.conf and the figure sweep.png and .pdf.

Example:
  steps/tune_decoding.py data/dev/arousal.scp exp/arousal
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.decode.files import decoding_files
from emoseq.decode.options import SweepOptions
from emoseq.decode.trials import format_sweep
from emoseq.io.archive import Scp, read_text
from emoseq.io.files import write_text
from emoseq.labels.kmeans import read_centers
from emoseq.lm.regions import LmOptions
from emoseq.model.experiment import has_classifier
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, format_conf, make_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step
from emoseq.recipe.trial import choose_best


def get_parser() -> Parser:
    parser = Parser(__doc__, "decode", "lm", plans=True)
    parser.add_options(SweepOptions)
    parser.add_options(LmOptions)
    parser.add_argument("gold", type=Path, help="gold standard of the dev set, an scp file")
    parser.add_argument("dimension_dir", type=Path, help="such as exp/arousal")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    orders = make_options(LmOptions, args).orders
    options = make_options(SweepOptions, args)
    settings = options.settings(orders)
    folder = args.dimension_dir
    if not has_classifier(folder.parent):
        log(f"{folder}: no classifier was trained, so there is nothing to decode")
        return 0
    models = [Path(line) for line in read_text(folder / "selected.cls").splitlines()]
    tasks = list(read_centers(folder / "labels" / "centers"))
    target = folder / "decode_dev"
    stamp = Stamp(
        __file__,
        "sweep",
        target,
        inputs=[
            args.gold,
            *decoding_files(folder, orders),
            *(model / f"posteriors_dev.{key}.scp" for model in models for key in tasks),
        ],
        outputs=[target / name for name in ("sweep.csv", "best.conf", "sweep.png", "sweep.pdf")],
        options=settings,
    )

    def work() -> str:
        target.mkdir(exist_ok=True)

        from emoseq.decode.files import read_posteriors, read_resolutions
        from emoseq.decode.sweep import sweep
        from emoseq.report.figures import plot_sweeps, save_figure

        try:
            posteriors = [read_posteriors(model, "dev", tasks) for model in models]
            trials = sweep(posteriors, read_resolutions(folder, orders), Scp(args.gold), settings)
        except ValueError as error:
            raise DataError(f"{folder}: {error}") from None
        best = choose_best(trials)
        write_text(target / "sweep.csv", format_sweep(trials))
        write_text(target / "best.conf", format_conf(best.setting))
        save_figure(plot_sweeps({f"{folder.name}, {options.decoder}": trials}), target / "sweep")
        order, weight, scale = best.setting.order, best.setting.lm_weight, best.setting.acoustic_scale
        chosen = f"order {order}, weight {weight:g}" + (f", acoustic scale {scale:g}" if scale != 1 else "")
        return f"{options.decoder}, {len(trials)} settings; {chosen}, dev CCC {best.score:.4f}"

    bring_up_to_date(stamp, f"{target}", work, dry_run=args.dry_run)
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
