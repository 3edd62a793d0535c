#!/usr/bin/env python3
"""Low-level descriptors of eGeMAPS (openSMILE) of a data directory: egemaps.scp, frames x 100 at 40 ms.

Recordings of any rate and number of channels are mixed to mono and resampled. Every four frames of 25
descriptors at 10 ms are stacked, not normalised. openSMILE may be used privately, for research and for
teaching, not in products. Where it is not installed an egemaps.scp that is there is taken as it is.
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.features.egemaps import EgemapsOptions, extract_egemaps, is_installed, require_opensmile
from emoseq.features.fbank import check_headers
from emoseq.io.archive import Scp, Writer
from emoseq.io.datadir import read_table
from emoseq.io.files import write_text
from emoseq.recipe.options import ROOT, Parser, format_conf, make_options
from emoseq.recipe.split_jobs import compute_in_jobs
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import log, run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "egemaps")
    parser.add_options(EgemapsOptions)
    parser.add_argument("--nj", type=int, default=1, help="jobs (default 1)")
    parser.add_argument("--cmd", default=f"{ROOT}/utils/run.py", help="wrapper that runs them (default utils/run.py)")
    parser.add_argument("data_dir", type=Path)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options = make_options(EgemapsOptions, args)
    data = args.data_dir
    if args.nj < 1:
        raise DataError(f"--nj {args.nj}: at least one job is needed")
    recordings = read_table(data / "wav.scp")
    outputs = [data / "egemaps.scp", data / "egemaps.conf"]
    stamp = Stamp(__file__, "egemaps", data, inputs=[data / "wav.scp"], outputs=outputs, options=options)
    if stamp.is_current():
        log(f"{data}: up to date")
        return 0
    if (data / "egemaps.scp").exists() and not is_installed():
        if set(Scp(data / "egemaps.scp")) != set(recordings):
            raise DataError(f"{data}/egemaps.scp: not the utterances of wav.scp; remove it, or install opensmile")
        log(f"{data}: opensmile is not installed, egemaps.scp is taken as it is")
        return 0
    require_opensmile()
    check_headers(recordings, str(data / "wav.scp"))  # at once, before any job is sent off
    if args.nj > 1 and len(recordings) > 1:
        features = compute_in_jobs(__file__, data, options, writes="egemaps.scp", jobs=args.nj, wrapper=args.cmd)
    else:
        features = extract_egemaps(recordings, options, str(data / "wav.scp"))
    count = 0
    with Writer(f"ark,scp:{data}/egemaps.ark,{data}/egemaps.scp") as write:
        for count, (utt, matrix) in enumerate(features, 1):  # noqa: B007
            write(utt, matrix)
    write_text(data / "egemaps.conf", format_conf(options))
    stamp.write()
    log(f"{data}: eGeMAPS descriptors of {count} recordings")
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
