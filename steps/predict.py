#!/usr/bin/env python3
"""Time series of recordings by one or more trained models, averaged: values of one dimension.

Recordings are a wav.scp file, or audio files whose names give the ids. Each model's folder says how
its features are made, and by that the rate of its series; the models must be of one dimension.

Example:
  steps/predict.py exp/arousal/cls_l3_r0_s* my.wav ark,t:-
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.features.fbank import FbankOptions, apply_cmvn, compute_cmvn_statistics, extract_fbank
from emoseq.io.archive import Writer
from emoseq.io.datadir import Segment, read_table
from emoseq.labels.kmeans import average
from emoseq.recipe.options import Parser, read_options
from emoseq.recipe.step import run_step


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL_DIR", help="folders of final.pt and conf/")
    parser.add_argument(
        "recordings",
        nargs="+",
        metavar="WAV_SCP_OR_WAVS",
        help="a wav.scp file, or audio files whose names give the ids",
    )
    parser.add_argument("series_wspec", metavar="SERIES_WSPEC", help="time series to write, float32 vectors")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    # argparse cannot tell where the folders end and the recordings begin; the file system can.
    paths = [*map(str, args.models), *args.recordings]
    folders = [Path(path) for path in paths if Path(path).is_dir()]
    files = [path for path in paths if not Path(path).is_dir()]
    if not folders or not files:
        raise DataError("one or more model folders and one or more recordings (or a wav.scp) are needed")
    if len(files) == 1 and files[0].endswith(".scp"):
        recordings = {utt: Segment(path) for utt, path in read_table(files[0]).items()}
    else:
        recordings = {Path(path).stem: Segment(path) for path in files}
        if len(recordings) < len(files):
            raise DataError("two recordings have one name, which would be the id of both; list them in a wav.scp")

    from emoseq.model.blstm import load_model

    models = [load_model(folder / "final.pt") for folder in folders]
    if len({folder.absolute().parent.name for folder in folders}) > 1:
        raise DataError(f"{folders[0]} and {folders[-1]} are of different dimensions; predict one at a time")
    confs = [folder / "conf" / "fbank.conf" for folder in folders]
    options = [read_options(FbankOptions, conf) for conf in confs]
    for conf, other in zip(confs, options, strict=True):
        if other != options[0]:
            raise DataError(f"{conf} differs from {confs[0]}; predict with one of the models at a time")
    with Writer(args.series_wspec) as write:
        for utt, features in extract_fbank(recordings, options[0], args.recordings[0]):
            normalised = apply_cmvn(features, compute_cmvn_statistics(features))
            write(utt, average([model.predict(normalised).series for model in models]))
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
