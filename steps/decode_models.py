#!/usr/bin/env python3
"""Decode sets with the chosen models of one dimension and average the series: CLS-Decoded, or CLS-HMM.

Without --order, the options are those that steps/tune_decoding.py wrote to decode_dev/best.conf. Writes
decode_<set>/<model>.K<k>.scp and predict_<set>/CLS-Decoded.scp; with --hmm, which sets the language model weight to
0, writes hmm_<set>/<model>.K<k>.scp and predict_<set>/CLS-HMM.scp instead.

Example:
  steps/decode_models.py exp/arousal dev test
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.decode.files import decoding_files
from emoseq.decode.options import DecoderOptions
from emoseq.io.archive import read_text, write_scp
from emoseq.labels.kmeans import read_centers
from emoseq.model.experiment import DECODED_SERIES, HMM_SERIES, has_classifier
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, make_options, read_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, plans=True)
    parser.add_options(DecoderOptions, required=False)
    parser.add_argument("--hmm", action="store_true", help="transitions only, no language model")
    parser.add_argument("dimension_dir", type=Path, help="such as exp/arousal")
    parser.add_argument("sets", nargs="+", help="such as dev test")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    folder = args.dimension_dir
    if not has_classifier(folder.parent):
        log(f"{folder}: no classifier was trained, so there is nothing to decode")
        return 0
    chosen = [] if args.order is not None else [folder / "decode_dev" / "best.conf"]
    options = read_options(DecoderOptions, chosen[0]) if chosen else make_options(DecoderOptions, args)
    system, kind = DECODED_SERIES, "decode"
    if args.hmm:
        options, system, kind = replace(options, lm_weight=0.0), HMM_SERIES, "hmm"
    for name in args.sets:
        decode_set(folder, name, options, chosen, system, folder / f"{kind}_{name}", dry_run=args.dry_run)
    return 0


def decode_set(
    folder: Path, name: str, options: DecoderOptions, chosen: list[Path], system: str, target: Path, *, dry_run: bool
) -> None:
    """Decode one set with the models selected for a dimension.

    Args:
        folder: of the dimension
        name: of the set
        options: of the decoder
        chosen: file that the options were read from, if any
        system: name of the series
        target: folder of the labels
        dry_run: only say what would be done
    """
    models = [Path(line) for line in read_text(folder / "selected.cls").splitlines()]
    tasks = list(read_centers(folder / "labels" / "centers"))
    stems = {(model, key): target / f"{model.name}.{key}" for model in models for key in tasks}
    series_stem = folder / f"predict_{name}" / system
    stamp = Stamp(
        __file__,
        "models",
        target,
        inputs=[
            *chosen,
            *decoding_files(folder, [options.order]),
            *(model / f"posteriors_{name}.{key}.scp" for model in models for key in tasks),
        ],
        outputs=[stem.with_name(f"{stem.name}.scp") for stem in [*stems.values(), series_stem]],
        options=options,
    )

    def work() -> str:
        from emoseq.decode.files import read_posteriors, read_resolutions
        from emoseq.decode.multi_task import decode_models, make_decoder

        try:
            posteriors = [read_posteriors(model, name, tasks) for model in models]
            decode = make_decoder(read_resolutions(folder, [options.order]), options)
            labels, series = decode_models(posteriors, decode)
        except ValueError as error:
            raise DataError(f"{folder}: {name}: {error}") from None
        for stem in (*stems.values(), series_stem):
            stem.parent.mkdir(exist_ok=True)
        for model, by_task in zip(models, labels, strict=True):
            for key, paths in by_task.items():
                write_scp(stems[model, key], paths)
        write_scp(series_stem, series)
        return f"decoded {len(series)} utterances with {len(models)} models"

    bring_up_to_date(stamp, f"{folder}: {system}: {name}", work, dry_run=dry_run)


if __name__ == "__main__":
    sys.exit(run_step(main))
