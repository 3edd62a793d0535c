#!/usr/bin/env python3
"""Make the data directories of train, dev and test from recordings of your own and the traces of their raters.

The corpus has recordings.csv with the columns id,audio and any of speaker, set, start and end, and the traces as
ratings/<dimension>/<id>[.<rater>].csv or as an annotation tool writes them. Writes dimensions, and for each set
wav.scp, utt2spk, spk2utt, utt2dur, segments where start and end are given, and per dimension ratings.<dimension>.scp
and raters.<dimension>. Ratings are scaled to -1 to 1 and brought to the label rate. All faults are listed at once.

Example:
  egs/csv/local/prepare_data.py --format=pagan --dimension=arousal my_corpus egs/csv/data
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import _recipe  # noqa: F401
from corpus import Corpus, Ratings, format_list, list_trace_files, load_corpus
from recordings import TABLE, Recording, read_table

from emoseq import SETS
from emoseq.features.fbank import FbankOptions
from emoseq.io.archive import write_scp
from emoseq.io.datadir import write_table
from emoseq.labels.traces import TraceOptions
from emoseq.recipe.corpus import read_dimensions, write_dimensions
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser, make_options
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date, run_step

TABLES = ("wav.scp", "utt2spk", "spk2utt", "utt2dur")


def get_parser() -> Parser:
    parser = Parser(__doc__, "traces", "fbank", plans=True)
    parser.add_options(TraceOptions)
    parser.add_options(FbankOptions)
    parser.add_argument("corpus", type=Path, help="folder of recordings.csv and ratings/")
    parser.add_argument("data_dir", type=Path, help="folder for train/, dev/ and test/")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    options = make_options(TraceOptions, args)
    shift = make_options(FbankOptions, args).label_shift
    folder = args.corpus.absolute()
    table = read_table(folder)
    earlier = read_dimensions(args.data_dir) if (args.data_dir / "dimensions").exists() else ()
    if args.dry_run:
        write_dimensions(args.data_dir, load_corpus(folder, table, options, shift).dimensions, dry_run=True)
    stamp = Stamp(
        __file__,
        "corpus",
        args.data_dir,
        inputs=[folder / TABLE, *dict.fromkeys(table.audio), *list_trace_files(folder)],
        outputs=list_outputs(args.data_dir, earlier),
        options=(options, shift, str(folder)),
    )

    def work() -> str:
        corpus = load_corpus(folder, table, options, shift)
        write(corpus, args.data_dir, set(earlier) - set(corpus.dimensions), segmented=table.segmented)
        stamp.outputs = list_outputs(args.data_dir, corpus.dimensions)  # known only now
        if corpus.notes:
            log(format_list(f"{args.corpus}: {count(len(corpus.notes), 'note')}", corpus.notes))
        for name, recordings in corpus.sets.items():
            log(f"{args.data_dir / name}: {describe(corpus, recordings)}")
        return f"{count(len(table.recordings), 'recording')}, rated in {', '.join(corpus.dimensions)}"

    bring_up_to_date(stamp, f"{args.data_dir}", work, dry_run=args.dry_run)
    return 0


def list_outputs(data_dir: Path, dimensions: tuple[str, ...]) -> list[Path]:
    """List what this step writes, of sets and dimensions that have it."""
    folders = [data_dir / name for name in SETS if name != "test" or (data_dir / name / "wav.scp").exists()]
    files = [folder / name for folder in folders for name in TABLES]
    files += [folder / f"ratings.{dim}.scp" for folder in folders[:2] for dim in dimensions]
    files += [folder / f"raters.{dim}" for folder in folders[:2] for dim in dimensions]
    optional = [folder / "segments" for folder in folders]
    optional += [folder / f"{kind}.{dim}{end}" for folder in folders[2:] for dim in dimensions for kind, end in KINDS]
    return [data_dir / "dimensions", *files, *(path for path in optional if path.exists())]


KINDS = (("ratings", ".scp"), ("raters", ""))


def write(corpus: Corpus, data_dir: Path, gone: set[str], *, segmented: bool) -> None:
    """Write the data directories; files of dimensions that are gone and of sets that are empty are removed."""
    for name, recordings in corpus.sets.items():
        folder = data_dir / name
        if not recordings:
            shutil.rmtree(folder, ignore_errors=True)
            continue
        folder.mkdir(parents=True, exist_ok=True)
        write_recordings(folder, recordings, segmented=segmented)
        for dimension, ratings in corpus.ratings.items():
            write_ratings(folder, dimension, {utt: ratings[utt] for utt in recordings if utt in ratings})
        for dimension in gone:
            for stem in (f"ratings.{dimension}", dimension):
                for end in (".scp", ".ark"):
                    (folder / f"{stem}{end}").unlink(missing_ok=True)
            (folder / f"raters.{dimension}").unlink(missing_ok=True)
    write_dimensions(data_dir, corpus.dimensions, dry_run=False)


def write_recordings(folder: Path, recordings: dict[str, Recording], *, segmented: bool) -> None:
    """Write the tables of a set; every recording is its own speaker, as everywhere in the recipe, so ids stay."""
    if segmented:
        names = name_audio(recordings)
        write_table(folder / "wav.scp", {names[path]: str(path) for path in names})
        write_table(
            folder / "segments",
            {utt: f"{names[rec.audio]} {rec.start:.3f} {rec.end:.3f}" for utt, rec in recordings.items()},
        )
    else:
        write_table(folder / "wav.scp", {utt: str(rec.audio) for utt, rec in recordings.items()})
        (folder / "segments").unlink(missing_ok=True)
    write_table(folder / "utt2spk", {utt: utt for utt in recordings})
    write_table(folder / "spk2utt", {utt: utt for utt in recordings})
    write_table(folder / "utt2dur", {utt: f"{rec.duration:.2f}" for utt, rec in recordings.items()})


def name_audio(recordings: dict[str, Recording]) -> dict[Path, str]:
    """Return an id for each audio file: its name without ending, with a number where others have the same."""
    names: dict[Path, str] = {}
    for path in sorted({recording.audio for recording in recordings.values()}):
        stem = "_".join(path.stem.split())
        taken = set(names.values())
        names[path] = next(name for name in (stem, *(f"{stem}_{i}" for i in range(2, 10**6))) if name not in taken)
    return names


def write_ratings(folder: Path, dimension: str, ratings: dict[str, Ratings]) -> None:
    """Write the ratings of a dimension and the names of the raters, or remove those of an earlier corpus."""
    if ratings:
        write_scp(folder / f"ratings.{dimension}", {utt: rated.values for utt, rated in sorted(ratings.items())})
        write_table(folder / f"raters.{dimension}", {utt: " ".join(rated.raters) for utt, rated in ratings.items()})
    else:
        for name in (f"ratings.{dimension}.scp", f"ratings.{dimension}.ark", f"raters.{dimension}"):
            (folder / name).unlink(missing_ok=True)


def describe(corpus: Corpus, recordings: dict[str, Recording]) -> str:
    """Describe a set: its size, and the numbers of raters in each dimension."""
    if not recordings:
        return "no recordings"
    speakers = len({recording.speaker for recording in recordings.values()})
    minutes = sum(recording.duration for recording in recordings.values()) / 60
    parts = [f"{count(len(recordings), 'recording')} of {count(speakers, 'speaker')}, {minutes:.1f} min"]
    for dimension, ratings in corpus.ratings.items():
        sizes = sorted(len(ratings[utt].raters) for utt in recordings if utt in ratings)
        if not sizes:
            parts.append(f"{dimension}: no ratings")
            continue
        raters = f"{sizes[0]} to {sizes[-1]} raters" if sizes[0] < sizes[-1] else count(sizes[0], "rater")
        parts.append(f"{dimension}: {raters} of {count(len(sizes), 'recording')}")
    return "; ".join(parts)


def count(number: int, noun: str) -> str:
    """Return a number and its noun, which has its plural in s."""
    return f"{number} {noun}{'s' * (number != 1)}"


if __name__ == "__main__":
    sys.exit(run_step(main))
