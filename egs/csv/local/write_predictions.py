#!/usr/bin/env python3
"""Write predicted series as CSV, one file per recording: predict_<set>/csv/<system>/<utt>.csv with time and value.

The time of a row is the end of its frame in seconds, as in the ratings; values are on the scale from -1 to 1.

Example:
  local/write_predictions.py exp/arousal dev test
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import _recipe  # noqa: F401
from numpy.typing import NDArray

from emoseq.features.fbank import FbankOptions
from emoseq.io.archive import Scp
from emoseq.io.files import write_text
from emoseq.recipe.options import Parser, read_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step
from emoseq.report.systems import list_reported_systems


def get_parser() -> Parser:
    parser = Parser(__doc__, plans=True)
    parser.add_argument("dimension_dir", type=Path, help="such as exp/arousal")
    parser.add_argument("sets", nargs="+", help="such as dev test")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    exp = args.dimension_dir.parent
    shift = read_options(FbankOptions, exp / "conf" / "fbank.conf").label_shift
    for name in args.sets:
        folder = args.dimension_dir / f"predict_{name}"
        systems = {system: Scp(folder / f"{system}.scp") for system in list_reported_systems(exp)}
        files = {
            folder / "csv" / system / f"{utt}.csv": (system, utt)
            for system, series in systems.items()
            for utt in series
        }
        stamp = Stamp(
            __file__,
            "csv",
            folder,
            inputs=[folder / f"{system}.scp" for system in systems],
            outputs=files,
            options=shift,
        )
        bring_up_to_date(stamp, f"{folder}/csv", partial(write, files, systems, shift), dry_run=args.dry_run)
    return 0


def write(files: dict[Path, tuple[str, str]], systems: dict[str, Scp], shift: float) -> str:
    """Write each series to its file."""
    for path, (system, utt) in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, format_series(systems[system][utt], shift))
    return f"{len(systems)} systems of {len(files) // len(systems)} recordings"


def format_series(series: NDArray, shift: float) -> str:
    """Format a series (frames,) as rows of time in seconds and value."""
    rows = [f"{round(shift * (i + 1), 6):g},{value:.6f}\n" for i, value in enumerate(series)]
    return "time,value\n" + "".join(rows)


if __name__ == "__main__":
    sys.exit(run_step(main))
