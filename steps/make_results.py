#!/usr/bin/env python3
"""Score the reported series of every system on dev and test: results.csv and RESULTS.md (Table 2).

differences.csv has CLS-Decoded, or without it the first system, against each of the others.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DIMENSIONS, DataError
from emoseq.archive import Scp, read_text, write_text
from emoseq.conf import Parser, log, options_from, run_step
from emoseq.grid import DECODED_SERIES, RAW_SERIES, parse_jobs, smoothed_name
from emoseq.metrics import ScoreOptions, difference, paired, score
from emoseq.smoothing import SMOOTHERS
from emoseq.stamp import Stamp

SCORED = ("dev", "test")


def get_parser() -> Parser:
    parser = Parser(__doc__, "score")
    parser.add_options(ScoreOptions)
    parser.add_argument("data_dir", type=Path, help="folder of dev/ and test/")
    parser.add_argument("exp_dir", type=Path)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options = options_from(ScoreOptions, args)
    data, exp = args.data_dir, args.exp_dir
    trained = {job.system for job in parse_jobs(read_text(exp / "train.jobs"), str(exp / "train.jobs"))}
    systems = [name for system, name in RAW_SERIES.items() if system in trained]
    systems = [name for system in systems for name in (system, *(smoothed_name(system, kind) for kind in SMOOTHERS))]
    systems += [DECODED_SERIES] * ("cls" in trained)
    scored = {(dim, name): data / name / f"{dim}.scp" for dim in DIMENSIONS for name in SCORED}
    for (dimension, name), gold in list(scored.items()):
        if not gold.exists():
            log(f"{name}: {dimension} has no gold standard: predicted, not scored")
            del scored[dimension, name]
    series = {
        (system, dim, name): exp / dim / f"predict_{name}" / f"{system}.scp"
        for system in systems
        for dim, name in scored
    }
    fit_on = {dim: exp / dim / "labels" / "fit_on" for dim in DIMENSIONS}
    stamp = Stamp(
        __file__,
        "results",
        exp,
        inputs=[*scored.values(), *series.values(), *fit_on.values()],
        outputs=[exp / "results.csv", exp / "RESULTS.md"],
        options=options,
    )
    if stamp.is_current():
        log(f"{exp}/results.csv: up to date")
    else:
        import pandas as pd

        from emoseq.report import differences_table, results_csv, results_table

        reference = DECODED_SERIES if DECODED_SERIES in systems else systems[0]
        rows, differences = [], []
        for (system, dimension, name), path in series.items():
            try:
                predictions, golds = paired(Scp(path), Scp(scored[dimension, name]))
                key = {"system": system, "dimension": dimension, "set": name}
                trained_on = read_text(fit_on[dimension]).strip()
                rows.append(key | {"fit_on": trained_on} | asdict(score(predictions, golds, options=options)))
                if system != reference:
                    last, _ = paired(Scp(series[reference, dimension, name]), Scp(scored[dimension, name]))
                    differences.append(key | asdict(difference(last, predictions, golds, options=options)))
            except ValueError as error:
                raise DataError(f"{path}: {error}") from None
        table = pd.DataFrame(rows)
        write_text(exp / "results.csv", results_csv(table))
        report = results_table(table)
        if differences:
            table = pd.DataFrame(differences)
            write_text(exp / "differences.csv", table.to_csv(index=False, float_format="%.6f"))
            report += "\n" + differences_table(table, reference)
        write_text(exp / "RESULTS.md", report)
        stamp.write()
    print(read_text(exp / "RESULTS.md"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
