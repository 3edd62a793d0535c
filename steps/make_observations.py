#!/usr/bin/env python3
"""Measure on a run what the paper observes: EXP_DIR/report/observations.md, a CSV file for each table, and figures.

How well cluster means rebuild the labels and what they clip, how averaging tasks moderates values, one stage of
training against two, transitions a minute, what decoding gains, how stably systems train.
The figures are trainings, the dev CCC of every model after each epoch, and gains, both as .png and .pdf.

Example:
  steps/make_observations.py data exp
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq.io.files import write_text
from emoseq.recipe.options import Parser
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, plans=True)
    parser.add_argument("data_dir", type=Path, help="folder of train/, dev/ and test/")
    parser.add_argument("exp_dir", type=Path, help="folder of the run, such as exp")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    data, exp = args.data_dir, args.exp_dir

    from emoseq.report.observations import (
        TABLES,
        compute_gains,
        format_observations,
        list_inputs,
        observe,
        read_dev_curves,
        read_trained_jobs,
    )

    jobs, report = read_trained_jobs(exp), exp / "report"
    classified = any(job.system == "cls" for job in jobs)
    tables, figures = [*TABLES, *["gains_of_models"] * classified], ["trainings", *["gains"] * classified]
    stamp = Stamp(
        __file__,
        "observations",
        report,
        inputs=list_inputs(data, exp, jobs),
        outputs=[
            report / "observations.md",
            *(report / f"{name}.csv" for name in tables),
            *(report / f"{name}{suffix}" for name in figures for suffix in (".png", ".pdf")),
        ],
        options=[(job.dimension, job.system, str(job.folder.name)) for job in jobs],
    )

    def work() -> str:
        from emoseq.report.figures import plot_gains, plot_trainings, save_figure

        report.mkdir(exist_ok=True)
        gained = compute_gains(data, exp, jobs)
        observations = observe(data, exp, jobs, gained)
        for finding in observations:
            write_text(report / f"{finding.name}.csv", finding.table.to_csv(index=False, float_format="%.6f"))
        save_figure(plot_trainings(*read_dev_curves(jobs)), report / "trainings")
        if len(gained):
            points = {key: (rows.raw, rows.gain) for key, rows in gained.groupby(["dimension", "set"], sort=False)}
            save_figure(plot_gains(points), report / "gains")
            write_text(report / "gains_of_models.csv", gained.to_csv(index=False, float_format="%.6f"))
        write_text(report / "observations.md", format_observations(observations))
        return f"{len(observations)} observations of {len(jobs)} models"

    bring_up_to_date(stamp, f"{report}/observations.md", work, dry_run=args.dry_run)
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
