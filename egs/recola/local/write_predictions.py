#!/usr/bin/env python3
"""Write predicted series in the format of AVEC's gold standards, one ARFF and one CSV file per recording.

For every system in predict_<set>/ of DIMENSION_DIR, writes predict_<set>/avec/<system>/<utt>.arff and .csv. The
row at 0 s repeats the first value, because the value of a frame has the time of its end.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import _recipe  # noqa: F401
import avec

from emoseq.io.archive import Scp
from emoseq.io.files import write_text
from emoseq.recipe.options import Parser
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
    for name in args.sets:
        folder = args.dimension_dir / f"predict_{name}"
        systems = {system: Scp(folder / f"{system}.scp") for system in list_reported_systems(args.dimension_dir.parent)}
        files = {
            (system, utt): folder / "avec" / system / f"{utt}.arff"
            for system, series in systems.items()
            for utt in series
        }
        stamp = Stamp(
            __file__,
            "avec",
            folder,
            inputs=[folder / f"{system}.scp" for system in systems],
            outputs=[path.with_suffix(suffix) for path in files.values() for suffix in (".arff", ".csv")],
            options=args.dimension_dir.name,
        )
        work = partial(write, files, systems, args.dimension_dir.name)
        bring_up_to_date(stamp, f"{folder}/avec", work, dry_run=args.dry_run)
    return 0


def write(files: dict[tuple[str, str], Path], systems: dict[str, Scp], dimension: str) -> str:
    """Write each series as ARFF and as CSV."""
    for (system, utt), path in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        series = systems[system][utt]
        write_text(path, avec.format_arff(utt, series, dimension))
        write_text(path.with_suffix(".csv"), avec.format_csv(series))
    return f"{len(systems)} systems of {len(files) // len(systems)} recordings"


if __name__ == "__main__":
    sys.exit(run_step(main))
