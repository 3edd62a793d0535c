#!/usr/bin/env python3
"""Decode sets with the chosen models of one dimension and average the series: CLS-Decoded.

Takes the n-gram order and weight that steps/tune_decoding.py left in decode_dev/best.conf. Writes
decode_<set>/<model>.K<k>.scp and predict_<set>/CLS-Decoded.scp.
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.archive import read_centers, read_text, write_scp
from emoseq.conf import Parser, log, run_step
from emoseq.grid import DECODED_SERIES
from emoseq.stamp import Stamp


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("--order", type=int, required=True, help="n of the language models")
    parser.add_argument("--lm-weight", type=float, required=True)
    parser.add_argument("dimension_dir", type=Path, help="such as exp/arousal")
    parser.add_argument("sets", nargs="+", help="such as dev test")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    folder, order, weight = args.dimension_dir, args.order, args.lm_weight
    models = [Path(line) for line in read_text(folder / "selected.cls").splitlines()]
    tasks = list(read_centers(folder / "labels" / "centers"))
    for name in args.sets:
        stems = {(model, key): folder / f"decode_{name}" / f"{model.name}.{key}" for model in models for key in tasks}
        series_stem = folder / f"predict_{name}" / DECODED_SERIES
        stamp = Stamp(
            __file__,
            "models",
            folder / f"decode_{name}",
            inputs=[
                folder / "labels" / "centers",
                *(folder / "lm" / f"{key}.{kind}" for key in tasks for kind in ("trans", f"{order}gram.arpa")),
                *(model / f"posteriors_{name}.{key}.scp" for model in models for key in tasks),
            ],
            outputs=[stem.with_name(f"{stem.name}.scp") for stem in [*stems.values(), series_stem]],
            options=(order, weight),
        )
        if stamp.is_current():
            log(f"{folder}: {name}: up to date")
            continue
        from emoseq.tuning import decode_models, read_posteriors, read_tasks

        try:
            posteriors = [read_posteriors(model, name, tasks) for model in models]
            labels, series = decode_models(posteriors, read_tasks(folder, [order]), order=order, lm_weight=weight)
        except ValueError as error:
            raise DataError(f"{folder}: {name}: {error}") from None
        for stem in (*stems.values(), series_stem):
            stem.parent.mkdir(exist_ok=True)
        for model, found in zip(models, labels, strict=True):
            for key, paths in found.items():
                write_scp(stems[model, key], paths)
        write_scp(series_stem, series)
        stamp.write()
        log(f"{folder}: {name}: decoded {len(series)} utterances with {len(models)} models")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
