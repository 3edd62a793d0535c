#!/usr/bin/env python3
"""Make the data directories of train, dev and test from a package of RECOLA.

Writes the file `dimensions`, and for each set wav.scp, utt2spk, spk2utt and utt2dur; from the labels in the package,
the individual ratings as ratings.<dimension>.scp, the raters' names as raters.<dimension> and the gold standard as
published.<dimension>.scp. All recordings of train and dev need the same kinds of labels; test recordings may have none.
"""

from __future__ import annotations

import sys
from pathlib import Path

import _recipe  # noqa: F401
import avec
import numpy as np
from layouts import DEFAULT_PARTITION, DIMENSIONS, LAYOUTS, PUBLISHED, RATINGS, Corpus, find_corpus

from emoseq import SETS, DataError
from emoseq.features.fbank import FbankOptions
from emoseq.io.archive import write_scp
from emoseq.io.audio import read_duration
from emoseq.io.datadir import write_table
from emoseq.recipe.corpus import write_dimensions
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step

READERS = {RATINGS: avec.read_ratings, PUBLISHED: avec.read_gold_standard}
NAMES = {RATINGS: "individual ratings", PUBLISHED: "gold standard"}


def get_parser() -> Parser:
    parser = Parser(__doc__, "fbank", plans=True)
    parser.add_options(FbankOptions)
    parser.add_argument(
        "--layout", choices=("auto", *LAYOUTS), default="auto", help="layout of the package (default %(default)s)"
    )
    parser.add_argument("--gold-standard", metavar="NAME", help="gold standard to use from layout ges2018")
    parser.add_argument("--partition", type=Path, metavar="FILE", help="sets of layout recola, lines `train P16 P21`")
    parser.add_argument("corpus", type=Path, help="folder of the package")
    parser.add_argument("data_dir", type=Path, help="folder for train/, dev/ and test/")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    write_dimensions(args.data_dir, DIMENSIONS, dry_run=args.dry_run)
    shift = make_options(FbankOptions, args).label_shift
    if abs(shift - avec.RATING_SHIFT) > 1e-6:
        raise DataError(
            f"RECOLA's ratings are {1000 * avec.RATING_SHIFT:g} ms apart, but --frame-shift times --stack is "
            f"{1000 * shift:g} ms; change them in fbank.conf"
        )
    corpus = find_corpus(args.corpus, args.layout, gold_standard=args.gold_standard, partition=args.partition)
    stamp = Stamp(
        __file__,
        "corpus",
        args.data_dir,
        inputs=[path for files in (*corpus.recordings.values(), *corpus.labels.values()) for path in files.values()],
        outputs=[
            args.data_dir / "dimensions",
            *(args.data_dir / name / file for name in SETS for file in ("wav.scp", "utt2spk", "spk2utt", "utt2dur")),
            *(args.data_dir / name / f"{kind}.{dim}.scp" for name, kind, dim in corpus.labels),
            *(args.data_dir / name / f"raters.{dim}" for name, kind, dim in corpus.labels if kind == RATINGS),
        ],
        # The sets too, since a swap of two recordings between sets leaves the list of files unchanged.
        options=(str(args.corpus.absolute()), {name: list(files) for name, files in corpus.recordings.items()}),
    )

    def work() -> str:
        # Everything is read before anything is written, so that an error leaves earlier results alone.
        arrays: dict[Path, dict[str, np.ndarray]] = {}
        raters: dict[Path, dict[str, str]] = {}
        for (name, kind, dimension), files in corpus.labels.items():
            series = {utt: READERS[kind](path) for utt, path in files.items()}
            for utt, path in files.items():
                avec.check_length(series[utt], corpus.recordings[name][utt], path)
            arrays[args.data_dir / name / f"{kind}.{dimension}"] = series
            if kind == RATINGS:
                raters[args.data_dir / name / f"raters.{dimension}"] = {
                    utt: " ".join(avec.read_raters(path)) for utt, path in files.items()
                }
        durations = {
            name: {utt: read_duration(path) for utt, path in files.items()} for name, files in corpus.recordings.items()
        }

        for name in SETS:
            folder = args.data_dir / name
            folder.mkdir(parents=True, exist_ok=True)
            for kind in READERS:
                for dimension in DIMENSIONS:
                    if (name, kind, dimension) not in corpus.labels:
                        (folder / f"{kind}.{dimension}.scp").unlink(missing_ok=True)
                        if kind == RATINGS:
                            (folder / f"raters.{dimension}").unlink(missing_ok=True)
            recordings = corpus.recordings[name]
            write_table(folder / "wav.scp", {utt: str(path) for utt, path in recordings.items()})
            write_table(folder / "utt2spk", {utt: utt for utt in recordings})
            write_table(folder / "spk2utt", {utt: utt for utt in recordings})
            write_table(folder / "utt2dur", {utt: f"{seconds:.2f}" for utt, seconds in durations[name].items()})
        for stem, series in arrays.items():
            write_scp(stem, dict(sorted(series.items())))
        for path, names in raters.items():
            write_table(path, names)
        for dimension in DIMENSIONS:
            published = [name for name in ("train", "dev") if (name, PUBLISHED, dimension) in corpus.labels]
            if len(published) == 1:
                log(
                    f"{args.corpus}: only {published[0]} has a gold standard of {dimension}; --gold-from=auto will mix "
                    "it with one computed from ratings, --gold-from=avec will not"
                )
        if corpus.absent:
            partition = args.partition or DEFAULT_PARTITION
            log(f"{partition} names recordings that {args.corpus} lacks: {' '.join(corpus.absent)}")
        for name in SETS:
            hours = sum(durations[name].values()) / 3600
            labels = describe_labels(corpus, name)
            log(f"{args.data_dir / name}: {len(durations[name])} recordings, {hours:.2f} h, {labels}")
        return f"{sum(map(len, durations.values()))} recordings"

    bring_up_to_date(stamp, f"{args.data_dir}", work, dry_run=args.dry_run)
    return 0


def describe_labels(corpus: Corpus, name: str) -> str:
    """Describe the labels of a set, with counts where some recordings lack them."""
    kinds = []
    for kind, words in NAMES.items():
        counts = [len(corpus.labels.get((name, kind, dimension), ())) for dimension in DIMENSIONS]
        if set(counts) == {len(corpus.recordings[name])}:
            kinds.append(words)
        elif any(counts):
            kinds.append(f"{words} ({', '.join(f'{dim} of {n}' for dim, n in zip(DIMENSIONS, counts, strict=True))})")
    return ", ".join(kinds) or "no labels: predicted but not scored"


if __name__ == "__main__":
    sys.exit(run_step(main))
