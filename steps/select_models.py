#!/usr/bin/env python3
"""Choose layers and L2 of each system by the dev CCC of its seed-averaged raw series.

Writes, for each dimension, selection.<system>.csv with every setting's dev CCC, selected.<system>
with the folders of the chosen models, and the chosen models' averaged series of each set.
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq.io.archive import Scp, read_text, write_scp
from emoseq.io.files import write_text
from emoseq.labels.kmeans import average
from emoseq.metrics import ccc_and_rmse
from emoseq.model.experiment import RAW_SERIES, TrainJob, format_number, group_by_setting, parse_jobs
from emoseq.recipe.options import Parser
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import log, run_step


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("jobs_file", type=Path)
    parser.add_argument("data_dir", type=Path, help="folder of dev/")
    parser.add_argument("sets", nargs="+", help="such as dev test")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    for (dimension, system), candidates in group_by_setting(
        parse_jobs(read_text(args.jobs_file), str(args.jobs_file))
    ).items():
        jobs = [job for of_setting in candidates.values() for job in of_setting]
        folder = jobs[0].folder.parent
        stems = [folder / f"predict_{name}" / RAW_SERIES[system] for name in args.sets]
        gold = args.data_dir / "dev" / f"{dimension}.scp"
        stamp = Stamp(
            __file__,
            system,
            folder,
            inputs=[gold, *(job.folder / f"predict_{name}.scp" for job in jobs for name in args.sets)],
            outputs=[
                folder / f"selection.{system}.csv",
                folder / f"selected.{system}",
                *(stem.with_suffix(".scp") for stem in stems),
            ],
            options=args.sets,
        )
        if stamp.is_current():
            log(f"{folder}: {system}: up to date")
            continue
        scores = {setting: ccc_and_rmse(averaged(of, "dev"), Scp(gold)) for setting, of in candidates.items()}
        best = max(scores, key=lambda setting: scores[setting][0])
        rows = [
            f"{layers},{format_number(l2)},{ccc:.6f},{error:.6f}\n" for (layers, l2), (ccc, error) in scores.items()
        ]
        write_text(folder / f"selection.{system}.csv", "layers,l2,ccc,rmse\n" + "".join(rows))
        write_text(folder / f"selected.{system}", "".join(f"{job.folder}\n" for job in candidates[best]))
        for name, stem in zip(args.sets, stems, strict=True):
            stem.parent.mkdir(exist_ok=True)
            write_scp(stem, averaged(candidates[best], name))
        stamp.write()
        layers, l2 = best
        log(f"{folder}: {RAW_SERIES[system]}: {layers} layers, L2 {format_number(l2)}, dev CCC {scores[best][0]:.4f}")
    return 0


def averaged(jobs: list[TrainJob], name: str):
    """Mean series of each utterance over the models of one setting."""
    series = [Scp(job.folder / f"predict_{name}.scp") for job in jobs]
    return {utt: average([model[utt] for model in series]) for utt in series[0]}


if __name__ == "__main__":
    sys.exit(run_step(main))
