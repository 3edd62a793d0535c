#!/usr/bin/env python3
"""Measure on a run what the paper observes: EXP_DIR/report/observations.md, a CSV file for each table, and figures.

How well cluster means rebuild the labels and what they clip, how averaging tasks moderates values, one stage of
training against two, transitions a minute, what decoding gains, how stably systems train.
The figures are trainings, the dev CCC of every model after each epoch, and gains, both as .png and .pdf.
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DIMENSIONS, SETS
from emoseq.archive import write_text
from emoseq.conf import Parser, log, run_step
from emoseq.stamp import Stamp


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("data_dir", type=Path, help="folder of train/, dev/ and test/")
    parser.add_argument("exp_dir", type=Path)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    data, exp = args.data_dir, args.exp_dir

    from emoseq.findings import dev_curves, gains, jobs_of
    from emoseq.report import observations_text

    jobs, report = jobs_of(exp), exp / "report"
    stamp = Stamp(
        __file__,
        "observations",
        report,
        inputs=[
            *(data / name / f"{dim}.scp" for name in SETS for dim in DIMENSIONS),
            *(job.folder / name for job in jobs for name in ("epochs.csv", "predict_dev.scp", "predict_test.scp")),
            *(exp / dim / "decode_dev" / "best.conf" for dim in DIMENSIONS),
            *(exp / dim / "selected.cls" for dim in DIMENSIONS),
        ],
        outputs=[report / "observations.md"],
        options=[(job.dimension, job.system, str(job.folder.name)) for job in jobs],
    )
    if stamp.is_current():
        log(f"{report}/observations.md: up to date")
        return 0
    report.mkdir(exist_ok=True)
    gained = gains(data, exp, jobs)
    found = findings(data, exp, jobs, gained)
    for finding in found:
        write_text(report / f"{finding.name}.csv", finding.table.to_csv(index=False, float_format="%.6f"))
    from emoseq.figures import plot_gains, plot_trainings, save_figure

    save_figure(plot_trainings(*dev_curves(jobs)), report / "trainings")
    if len(gained):
        points = {key: (of.raw, of.gain) for key, of in gained.groupby(["dimension", "set"], sort=False)}
        save_figure(plot_gains(points), report / "gains")
        write_text(report / "gains_of_models.csv", gained.to_csv(index=False, float_format="%.6f"))
    write_text(report / "observations.md", observations_text(found))
    stamp.write()
    log(f"{report}/observations.md: {len(found)} observations of {len(jobs)} models")
    return 0


def findings(data: Path, exp: Path, jobs: list, gained) -> list:
    from emoseq.findings import (
        Finding,
        clipped,
        moderation,
        reconstruction,
        stability,
        summary,
        trainings,
        transitions,
        two_stages,
    )

    trained = trainings(jobs)
    return [
        Finding(
            "reconstruction",
            "The gold standard of each set rebuilt from the cluster means: the ceiling of a classifier. The means are "
            "fitted to train and dev, so test shows how well they suit new labels.",
            reconstruction(data, exp),
        ),
        Finding(
            "clipping",
            "Frames whose rating lies below the lowest or above the highest cluster mean, and by how much: what no "
            "sequence of classes can express.",
            clipped(data, exp),
        ),
        Finding(
            "moderation",
            "Standard deviation of the raw series over that of the gold standard, each task by itself and averaged "
            "over tasks; mean over the chosen models. Below 1, values are more moderate than the raters'.",
            moderation(data, exp),
        ),
        Finding(
            "stages",
            "Dev CCC of the best epoch, had training ended after the first stage and after both; means over models. "
            "`in_second_stage` is the share of models whose best epoch is there.",
            two_stages(trained),
        ),
        Finding(
            "stability",
            "Best dev CCC: mean and standard deviation over seeds; mean absolute change from epoch to epoch in the "
            "first stage. `cls` has the cost of Eq. 7, `cls-ce` has not.",
            stability(trained),
        ),
        Finding(
            "transitions",
            "Changes of class a minute; raw and decoded are means over the chosen models.",
            transitions(data, exp),
        ),
        Finding(
            "gains",
            "Decoded less raw CCC of every classifier by itself. The correlation is that of the gain with the raw CCC; "
            "the raw CCC is part of both, so noise alone makes it negative.",
            summary(gained) if len(gained) else gained,
        ),
    ]


if __name__ == "__main__":
    sys.exit(run_step(main))
