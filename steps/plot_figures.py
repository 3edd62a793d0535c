#!/usr/bin/env python3
"""Draw the paper's Figures 2 and 3 and the dev sweep of a run: EXP_DIR/report/figure2, figure3, sweep (.png, .pdf).

Figure 2 is the network of the first model chosen. Figure 3 is a stretch of the first labelled test recording (of dev
where there is no test set), or of the first one: gold standard, raw and decoded series. Figure 3 and the sweep are
skipped with a message if their inputs are missing.

Example:
  steps/plot_figures.py --start 10 --end 40 data exp
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import SETS, DataError
from emoseq.decode.options import DecoderOptions
from emoseq.decode.trials import parse_sweep
from emoseq.io.archive import Scp, read_text
from emoseq.io.datadir import read_frame_shift
from emoseq.model.experiment import DECODED_SERIES, RAW_SERIES, TrainJob
from emoseq.recipe.corpus import list_sets, read_dimensions
from emoseq.recipe.job_list import read_jobs
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, read_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, plans=True)
    parser.add_argument("--start", type=float, default=0.0, metavar="X", help="seconds at which Figure 3 begins")
    parser.add_argument("--end", type=float, default=120.0, metavar="X", help="and ends (default 120)")
    parser.add_argument("data_dir", type=Path, help="folder of test/")
    parser.add_argument("exp_dir", type=Path, help="folder of the run, such as exp")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    if not 0 <= args.start < args.end < math.inf:
        raise DataError(f"--start {args.start:g} --end {args.end:g}: seconds are needed, the start before the end")
    exp, report = args.exp_dir, args.exp_dir / "report"
    jobs = read_jobs(exp / "train.jobs", TrainJob)
    # A classifier where there is one: RAW_SERIES has the regressors first.
    shown = max(jobs, key=lambda job: list(RAW_SERIES).index(job.system))
    selected = shown.folder.parent / f"selected.{shown.system}"
    model = (Path(read_text(selected).split("\n")[0]) if selected.exists() else shown.folder) / "final.pt"
    classified = shown.system == "cls"
    dimensions, shown_set = read_dimensions(args.data_dir), (list_sets(args.data_dir) or SETS)[-1]
    lines = {
        (dimension, name): path
        for dimension in dimensions
        if classified
        for name, path in (
            ("gold standard", args.data_dir / shown_set / f"{dimension}.scp"),
            ("raw", exp / dimension / f"predict_{shown_set}" / f"{RAW_SERIES['cls']}.scp"),
            ("decoded", exp / dimension / f"predict_{shown_set}" / f"{DECODED_SERIES}.scp"),
        )
        if path.exists()
    }
    sweeps = {dim: exp / dim / "decode_dev" for dim in dimensions if classified}
    sweeps = {dim: folder for dim, folder in sweeps.items() if (folder / "best.conf").exists()}
    names = ["figure2", *["figure3"] * any(name == "raw" for _, name in lines), *["sweep"] * bool(sweeps)]
    for name in sorted({"figure3", "sweep"} - set(names)) if not args.dry_run else []:
        log(f"{report}: no {name}: " + ("run stage 6 first" if classified else "no classifier was trained"))
    shift = read_frame_shift(args.data_dir / shown_set)
    stamp = Stamp(
        __file__,
        "figures",
        report,
        inputs=[model, *lines.values(), *(folder / file for folder in sweeps.values() for file in FILES)],
        outputs=[report / f"{name}{suffix}" for name in names for suffix in (".png", ".pdf")],
        options=(args.start, args.end, shift),
    )

    def work() -> str:
        report.mkdir(exist_ok=True)

        from emoseq.model.blstm import load_model
        from emoseq.report.figure2 import describe_architecture, plot_architecture
        from emoseq.report.figures import plot_series, plot_sweeps, save_figure

        save_figure(plot_architecture(describe_architecture(load_model(model)), frame_shift=shift), report / "figure2")
        if "figure3" in names:
            predicted = Scp(next(path for (_, name), path in lines.items() if name == "raw"))
            labelled = {utt for (_, name), path in lines.items() if name == "gold standard" for utt in Scp(path)}
            utt = min(labelled & set(predicted) or predicted)
            series: dict[str, dict] = {}
            for (dimension, name), path in lines.items():
                table = Scp(path)
                if utt in table:  # a test set may be labelled in part
                    series.setdefault(dimension, {})[name] = table[utt]
            longest = max(len(line) for by_name in series.values() for line in by_name.values())
            save_figure(
                plot_series(series, *cut_stretch(args.start, args.end, longest * shift), frame_shift=shift),
                report / "figure3",
            )
        if sweeps:
            trials = {}
            for dimension, folder in sweeps.items():
                decoder = read_options(DecoderOptions, folder / "best.conf").decoder
                trials[f"{dimension}, {decoder}"] = parse_sweep(
                    read_text(folder / "sweep.csv"), f"{folder}/sweep.csv", decoder
                )
            save_figure(plot_sweeps(trials), report / "sweep")
        return f"{', '.join(names)}"

    bring_up_to_date(stamp, f"{report}", work, dry_run=args.dry_run)
    return 0


FILES = ("sweep.csv", "best.conf")


def cut_stretch(start: float, end: float, length: float) -> tuple[float, float]:
    """Return the stretch to show, in seconds, cut to the length of the series."""
    return (start, min(end, length)) if start < min(end, length) else (0.0, length)


if __name__ == "__main__":
    sys.exit(run_step(main))
