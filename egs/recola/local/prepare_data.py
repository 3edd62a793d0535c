#!/usr/bin/env python3
"""Data directories of train, dev and test from a corpus in the AVEC 2016 layout.

Writes wav.scp, utt2spk, spk2utt and utt2dur, the raters' traces as ratings.<dimension>.scp and the
package's own gold standard as published.<dimension>.scp, whichever there are. Training and
development recordings need one of the two; the test set may have neither.
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401
import avec
import numpy as np

from emoseq import DIMENSIONS, SETS, DataError
from emoseq.archive import write_scp
from emoseq.audio import audio_duration
from emoseq.conf import Parser, log, run_step
from emoseq.datadir import write_table
from emoseq.stamp import Stamp


def get_parser() -> Parser:
    parser = Parser(__doc__)
    parser.add_argument("corpus", type=Path, help="folder that holds recordings_audio/")
    parser.add_argument("data_dir", type=Path, help="where train/, dev/ and test/ go")
    return parser


def label_files(corpus: Path, name: str, recordings: dict[str, Path]) -> dict[tuple[str, str], dict[str, Path]]:
    """Files of a set by (kind, dimension), complete over the recordings or not there at all."""
    found = {}
    for dimension in DIMENSIONS:
        for kind, folder, suffix in (
            ("ratings", "ratings_individual", ".csv"),
            ("published", "ratings_gold_standard", ".arff"),
        ):
            files = {utt: corpus / folder / dimension / f"{utt}{suffix}" for utt in recordings}
            missing = [path for path in files.values() if not path.is_file()]
            strays = {path.stem for path in (corpus / folder / dimension).glob(f"{name}_*{suffix}")} - set(files)
            if strays:
                stray = min(strays)
                raise DataError(
                    f"{corpus}/recordings_audio/{stray}.wav does not exist, but {folder} has its {dimension}"
                )
            if missing and len(missing) < len(files):
                raise DataError(f"{missing[0]} does not exist, but other {name} recordings have theirs")
            if not missing:
                found[kind, dimension] = files
        if name != "test" and not {("ratings", dimension), ("published", dimension)} & set(found):
            raise DataError(f"{corpus}: no {dimension} of {name} in ratings_individual or ratings_gold_standard")
    return found


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    recordings = avec.find_recordings(args.corpus)
    labels = {name: label_files(args.corpus, name, recordings[name]) for name in SETS}
    stamp = Stamp(
        __file__,
        "corpus",
        args.data_dir,
        inputs=[
            *(path for of_set in recordings.values() for path in of_set.values()),
            *(path for of_set in labels.values() for files in of_set.values() for path in files.values()),
        ],
        outputs=[
            *(args.data_dir / name / file for name in SETS for file in ("wav.scp", "utt2spk", "spk2utt", "utt2dur")),
            *(args.data_dir / name / f"{kind}.{dim}.scp" for name in SETS for kind, dim in labels[name]),
        ],
        options=str(args.corpus.absolute()),
    )
    if stamp.is_current():
        log(f"{args.data_dir}: up to date")
        return 0

    # Everything is read before anything is written, so that an error leaves earlier results alone.
    arrays: dict[Path, dict[str, np.ndarray]] = {}
    for name in SETS:
        for (kind, dimension), files in labels[name].items():
            read = avec.read_ratings if kind == "ratings" else avec.read_gold_standard
            series = {utt: read(path) for utt, path in files.items()}
            for utt, path in files.items():
                avec.check_length(series[utt], recordings[name][utt], path)
            arrays[args.data_dir / name / f"{kind}.{dimension}"] = series
    durations = {name: {utt: audio_duration(path) for utt, path in of.items()} for name, of in recordings.items()}

    for name in SETS:
        folder = args.data_dir / name
        folder.mkdir(parents=True, exist_ok=True)
        for kind in ("ratings", "published"):
            for dimension in DIMENSIONS:
                if (kind, dimension) not in labels[name]:
                    (folder / f"{kind}.{dimension}.scp").unlink(missing_ok=True)
        write_table(folder / "wav.scp", {utt: str(path) for utt, path in recordings[name].items()})
        write_table(folder / "utt2spk", {utt: utt for utt in recordings[name]})
        write_table(folder / "spk2utt", {utt: utt for utt in recordings[name]})
        write_table(folder / "utt2dur", {utt: f"{seconds:.2f}" for utt, seconds in durations[name].items()})
    for stem, series in arrays.items():
        write_scp(stem, dict(sorted(series.items())))
    stamp.write()
    for name in SETS:
        hours = sum(durations[name].values()) / 3600
        log(f"{args.data_dir / name}: {len(durations[name])} recordings, {hours:.2f} h, {described(labels[name])}")
    return 0


def described(found: dict[tuple[str, str], dict[str, Path]]) -> str:
    names = {"ratings": "individual ratings", "published": "gold standard"}
    kinds = [words for kind, words in names.items() if any(key[0] == kind for key in found)]
    return " and ".join(kinds) or "no labels: predicted but not scored"


if __name__ == "__main__":
    sys.exit(run_step(main))
