#!/usr/bin/env python3
"""Log-mel filterbanks of a data directory: feats.scp, cmvn.scp, utt2num_frames and frame_shift.

Recordings of any rate and number of channels are mixed to mono and resampled. Every --stack frames, by default four
of 10 ms, are stacked into one, not normalised; cmvn.scp has the sums for that.

Example:
  steps/make_fbank.py --nj 4 data/train
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq.features.extraction import add_job_arguments, extract_features
from emoseq.features.fbank import FbankOptions, compute_cmvn_statistics, extract_fbank
from emoseq.io.archive import Writer, write_scp
from emoseq.io.datadir import read_recordings, write_table
from emoseq.io.files import write_text
from emoseq.recipe.options import Parser, format_conf, make_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "fbank", plans=True)
    parser.add_options(FbankOptions)
    add_job_arguments(parser)
    parser.add_argument("data_dir", type=Path, help="data directory, such as data/train")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options = make_options(FbankOptions, args)
    data = args.data_dir
    recordings = read_recordings(data)
    outputs = [data / name for name in ("feats.scp", "cmvn.scp", "utt2num_frames", "frame_shift", "fbank.conf")]
    stamp = Stamp(
        __file__,
        "fbank",
        data,
        inputs=[data / "wav.scp", data / "segments"],
        outputs=outputs,
        options=options,
    )

    def work() -> str:
        features = extract_features(
            __file__, data, options, recordings, extract_fbank, writes="feats.scp", jobs=args.nj, wrapper=args.cmd
        )
        statistics, lengths = {}, {}
        with Writer(f"ark,scp:{data}/feats.ark,{data}/feats.scp") as write:
            for utt, matrix in features:
                write(utt, matrix)
                statistics[utt] = compute_cmvn_statistics(matrix)
                lengths[utt] = str(len(matrix))
        write_scp(data / "cmvn", statistics)
        write_table(data / "utt2num_frames", lengths)
        write_text(data / "frame_shift", f"{options.label_shift:.3f}\n")
        write_text(data / "fbank.conf", format_conf(options))
        return f"features of {len(lengths)} recordings"

    bring_up_to_date(stamp, f"{data}", work, dry_run=args.dry_run)
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
