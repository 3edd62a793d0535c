#!/usr/bin/env python3
"""Low-level descriptors of eGeMAPS (openSMILE) of a data directory: egemaps.scp, frames x 100 at 40 ms.

Recordings of any rate and number of channels are mixed to mono and resampled. The rows of 25 descriptors every 10 ms
are stacked to frames as long as those of feats.scp, not normalised. openSMILE may be used privately, for research and
for teaching, not in products. If it is not installed, an existing egemaps.scp is used unchanged.

Example:
  steps/make_egemaps.py --nj 4 data/train
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import _recipe  # noqa: F401

from emoseq import DataError
from emoseq.features.egemaps import EgemapsOptions, extract_egemaps, is_installed, require_opensmile
from emoseq.features.extraction import add_job_arguments, extract_features
from emoseq.io.archive import Scp, Writer
from emoseq.io.datadir import read_frame_shift, read_recordings
from emoseq.io.files import write_text
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, format_conf, make_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step


def get_parser() -> Parser:
    parser = Parser(__doc__, "egemaps", plans=True)
    parser.add_options(EgemapsOptions)
    add_job_arguments(parser)
    parser.add_argument("data_dir", type=Path, help="data directory, such as data/train")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options = make_options(EgemapsOptions, args)
    data = args.data_dir
    recordings = read_recordings(data)
    outputs = [data / "egemaps.scp", data / "egemaps.conf"]
    frame_shift = read_frame_shift(data)
    stamp = Stamp(
        __file__,
        "egemaps",
        data,
        inputs=[data / "wav.scp", data / "segments"],
        outputs=outputs,
        options=(options, frame_shift),
    )
    if (data / "egemaps.scp").exists() and not is_installed() and stamp.find_reason():
        if set(Scp(data / "egemaps.scp")) != set(recordings):
            raise DataError(f"{data}/egemaps.scp: not the utterances of wav.scp; remove it, or install opensmile")
        log(f"{data}: opensmile is not installed, egemaps.scp is used unchanged")
        return 0

    def work() -> str:
        require_opensmile()
        extract = partial(extract_egemaps, frame_shift=frame_shift)
        features = extract_features(
            __file__, data, options, recordings, extract, writes="egemaps.scp", jobs=args.nj, wrapper=args.cmd
        )
        count = 0
        with Writer(f"ark,scp:{data}/egemaps.ark,{data}/egemaps.scp") as write:
            for count, (utt, matrix) in enumerate(features, 1):  # noqa: B007
                write(utt, matrix)
        write_text(data / "egemaps.conf", format_conf(options))
        return f"eGeMAPS descriptors of {count} recordings"

    bring_up_to_date(stamp, f"{data}", work, dry_run=args.dry_run)
    return 0


if __name__ == "__main__":
    sys.exit(run_step(main))
