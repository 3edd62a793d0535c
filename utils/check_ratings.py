#!/usr/bin/env python3
"""Check the raters' traces of a data directory and say which look wrong.

Prints a table of all traces of each dimension, how well the raters agree, and at the end what looks wrong: traces that
are stuck, start late, stop early, jump, lie at the end of the scale or use another scale, and raters who run against
the others or react much later, in most recordings or in one. The findings are advice: look at the figures. The status
is 0 with and without findings.

Writes DATA_DIR/check_ratings/ratings.csv and, for each dimension, a figure of all traces (.png, .pdf).
"""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.features.fbank import FbankOptions
from emoseq.io.archive import Scp
from emoseq.io.datadir import read_frame_shift
from emoseq.io.files import write_text
from emoseq.io.ratings import read_ratings
from emoseq.labels.gold_standard import average_raters
from emoseq.labels.rating_checks import check_ratings, describe_agreement, describe_ceiling
from emoseq.recipe.corpus import read_dimensions
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.step import run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "fbank")
    parser.add_options(FbankOptions)  # before stage 1 they give the time between ratings
    parser.add_argument("data_dir", metavar="DATA_DIR", type=Path, help="such as data/train")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    data = args.data_dir
    extracted = (data / "frame_shift").exists()
    frame_shift = read_frame_shift(data) if extracted else make_options(FbankOptions, args).label_shift
    ratings = {dimension: read_ratings(data, dimension) for dimension in read_dimensions(data.absolute().parent)}
    ratings = {dimension: rated for dimension, rated in ratings.items() if rated.traces}
    if not ratings:
        raise DataError(f"{data}: holds no ratings.<dimension>.scp; there are no raters to compare")
    checked = {}
    for dimension, (traces, raters) in ratings.items():
        try:
            checked[dimension] = check_ratings(traces, raters, frame_shift)
        except ValueError as error:
            raise DataError(f"{data / f'ratings.{dimension}.scp'}: {error}") from None

    from emoseq.report.figures import save_figure
    from emoseq.report.ratings import EXPLANATION, PANELS, format_ratings, plot_ratings, tabulate_ratings

    for dimension, result in checked.items():
        print(f"{dimension}\n\n{format_ratings(result)}\n")
    print(f"{EXPLANATION}\n")
    for dimension, result in checked.items():
        print(f"{dimension}: {describe_agreement(result)}; {describe_ceiling(result)}")
    findings = [f"{dimension}: {finding}" for dimension, result in checked.items() for finding in result.findings]
    print("", *(findings or ["Nothing looks wrong."]), sep="\n")

    folder = data / "check_ratings"
    folder.mkdir(exist_ok=True)
    write_text(folder / "ratings.csv", tabulate_ratings(checked).to_csv(index=False, float_format="%.4f"))
    for old in [*folder.glob("*.png"), *folder.glob("*.pdf")]:
        old.unlink()
    for dimension, (traces, raters) in ratings.items():
        path = data / f"{dimension}.scp"
        gold = dict(Scp(path)) if path.exists() else {utt: average_raters(table) for utt, table in traces.items()}
        suspects: dict[str, list[str]] = {}
        for trace in checked[dimension].traces:
            if trace.findings:
                suspects.setdefault(trace.recording, []).append(trace.rater)
        recordings = iter(traces.items())
        page = 1
        while chunk := dict(islice(recordings, PANELS)):
            figure = plot_ratings(
                chunk,
                raters,
                gold,
                suspects,
                dimension=dimension,
                gold_name="gold standard" if path.exists() else "mean of the raters",
                frame_shift=frame_shift,
            )
            save_figure(figure, folder / (dimension if page == 1 else f"{dimension}_{page}"))
            page += 1
    log(f"wrote {folder}: ratings.csv and figures of all traces")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
