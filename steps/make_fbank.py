#!/usr/bin/env python3
"""Log-mel filterbanks of a data directory: feats.scp, cmvn.scp, utt2num_frames and frame_shift.

Recordings of any rate and number of channels are mixed to mono and resampled. Every four frames of
10 ms are stacked into one of 40 ms, not normalised; cmvn.scp has the sums for that.
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.features.fbank import FRAME_SHIFT, FbankOptions, check_headers, compute_cmvn_statistics, extract_fbank
from emoseq.io.archive import Writer, write_scp
from emoseq.io.datadir import read_table, write_table
from emoseq.io.files import write_text
from emoseq.recipe.options import ROOT, Parser, format_conf, make_options
from emoseq.recipe.split_jobs import compute_in_jobs
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import log, run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "fbank")
    parser.add_options(FbankOptions)
    parser.add_argument("--nj", type=int, default=1, help="jobs (default 1)")
    parser.add_argument("--cmd", default=f"{ROOT}/utils/run.py", help="wrapper that runs them (default utils/run.py)")
    parser.add_argument("data_dir", type=Path)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options = make_options(FbankOptions, args)
    data = args.data_dir
    if args.nj < 1:
        raise DataError(f"--nj {args.nj}: at least one job is needed")
    recordings = read_table(data / "wav.scp")
    outputs = [data / name for name in ("feats.scp", "cmvn.scp", "utt2num_frames", "frame_shift", "fbank.conf")]
    stamp = Stamp(__file__, "fbank", data, inputs=[data / "wav.scp"], outputs=outputs, options=options)
    if stamp.is_current():
        log(f"{data}: up to date")
        return 0
    check_headers(recordings, str(data / "wav.scp"))  # at once, before any job is sent off
    if args.nj > 1 and len(recordings) > 1:
        features = compute_in_jobs(__file__, data, options, writes="feats.scp", jobs=args.nj, wrapper=args.cmd)
    else:
        features = extract_fbank(recordings, options, str(data / "wav.scp"))
    statistics, lengths = {}, {}
    with Writer(f"ark,scp:{data}/feats.ark,{data}/feats.scp") as write:
        for utt, matrix in features:
            write(utt, matrix)
            statistics[utt] = compute_cmvn_statistics(matrix)
            lengths[utt] = str(len(matrix))
    write_scp(data / "cmvn", statistics)
    write_table(data / "utt2num_frames", lengths)
    write_text(data / "frame_shift", f"{FRAME_SHIFT:.3f}\n")
    write_text(data / "fbank.conf", format_conf(options))
    stamp.write()
    log(f"{data}: features of {len(lengths)} recordings")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
