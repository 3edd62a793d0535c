#!/usr/bin/env python3
"""Smooth the raw series of every system of one dimension with the width that gives the highest dev CCC.

Decoding is compared with these series. Writes smooth_dev.csv and, for each system and smoother,
predict_<set>/<system>-Gaussian.scp and <system>-Median.scp.

Example:
  steps/smooth.py data/dev/arousal.scp exp/arousal dev test
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.baselines.smoothing import SMOOTHERS, SmoothOptions, sweep_widths
from emoseq.io.archive import Scp, write_scp
from emoseq.io.datadir import read_frame_shift
from emoseq.io.files import write_text
from emoseq.model.experiment import name_smoothed
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step
from emoseq.recipe.trial import choose_best
from emoseq.report.systems import list_raw_systems


def get_parser() -> Parser:
    parser = Parser(__doc__, "smooth", plans=True)
    parser.add_options(SmoothOptions)
    parser.add_argument("gold", type=Path, help="gold standard of the dev set, such as data/dev/arousal.scp")
    parser.add_argument("dimension_dir", type=Path, help="such as exp/arousal")
    parser.add_argument("sets", nargs="+", help="such as dev test; dev must be there")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options, folder = make_options(SmoothOptions, args), args.dimension_dir
    systems = list_raw_systems(folder.parent)
    raw = {(system, name): folder / f"predict_{name}" / f"{system}.scp" for system in systems for name in args.sets}
    frame_shift = read_frame_shift(args.gold.parent)
    if "dev" not in args.sets:
        raise DataError("name dev among the sets: widths are chosen on it")
    written = {
        (system, name, kind): folder / f"predict_{name}" / name_smoothed(system, kind)
        for system, name in raw
        for kind in SMOOTHERS
    }
    stamp = Stamp(
        __file__,
        "smooth",
        folder,
        inputs=[args.gold, *raw.values()],
        outputs=[folder / "smooth_dev.csv", *(stem.with_name(f"{stem.name}.scp") for stem in written.values())],
        options=(options, args.sets, frame_shift),
    )

    def work() -> str:
        rows = []
        chosen = {}
        for system in systems:
            for kind in SMOOTHERS:
                try:
                    trials = sweep_widths(
                        Scp(raw[system, "dev"]), Scp(args.gold), kind, options.widths, frame_shift=frame_shift
                    )
                except ValueError as error:
                    raise DataError(f"{raw[system, 'dev']}: {error}; run stages 5 and 6 again") from None
                best = choose_best(trials)
                chosen[system, kind] = best.setting
                rows += [f"{system},{kind},{t.setting:g},{t.score:.6f},{t.rmse:.6f}\n" for t in trials]
                log(f"{folder}: {system}: {kind} of {best.setting:g} s, dev CCC {best.score:.4f}")
        write_text(folder / "smooth_dev.csv", "system,smoother,width,ccc,rmse\n" + "".join(rows))
        for (system, name, kind), stem in written.items():
            series = Scp(raw[system, name])
            write_scp(stem, {utt: SMOOTHERS[kind](series[utt], chosen[system, kind], frame_shift) for utt in series})
        return f"smoothed {len(systems)} systems"

    bring_up_to_date(stamp, f"{folder}", work, dry_run=args.dry_run)
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
