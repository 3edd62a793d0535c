"""Data directories of train, dev and test from the recordings and ratings of a corpus."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from emoseq import SETS
from emoseq.io.archive import write_scp
from emoseq.io.datadir import spk2utt, write_table
from emoseq.recipe.corpus import read_dimensions, write_dimensions
from emoseq.recipe.log import log
from emoseq.recipe.recordings import (
    Corpus,
    Recording,
    RecordingRatings,
    count,
    describe_set,
    describe_shared_speakers,
    format_list,
    name_audio,
)
from emoseq.recipe.stamp import Stamp
from emoseq.recipe.step import bring_up_to_date

TABLES = ("wav.scp", "utt2spk", "spk2utt", "utt2dur")


def prepare_data(
    step: str,
    source: Path,
    data_dir: Path,
    load: Callable[[], Corpus],
    *,
    inputs: Iterable[Path],
    options: Any,
    dry_run: bool,
) -> None:
    """Write the data directories of a corpus unless they are up to date, and log its notes and sets.

    Args:
        step: `__file__` of the step
        source: folder of the corpus, for messages
        data_dir: folder of train/, dev/ and test/
        load: reads the corpus as a whole; nothing is written before it returns
        inputs: files that `load` reads
        options: what the corpus depends on besides them
        dry_run: only say what would be done

    Raises:
        DataError: as `load`
    """
    earlier = read_dimensions(data_dir) if (data_dir / "dimensions").exists() else ()
    if dry_run:
        write_dimensions(data_dir, load().dimensions, dry_run=True)
    stamp = Stamp(step, "corpus", data_dir, inputs=inputs, outputs=_list_outputs(data_dir, earlier), options=options)

    def work() -> str:
        corpus = load()
        _write(corpus, data_dir, set(earlier) - set(corpus.dimensions))
        stamp.outputs = _list_outputs(data_dir, corpus.dimensions)  # known only now
        recordings = [recording for members in corpus.sets.values() for recording in members.values()]
        notes = describe_shared_speakers(recordings) + corpus.notes
        if notes:
            log(format_list(f"{source}: {count(len(notes), 'note')}", notes))
        for name in SETS:
            log(f"{data_dir / name}: {describe_set(corpus, name)}")
        return f"{count(len(recordings), corpus.nouns[0])}, rated in {', '.join(corpus.dimensions)}"

    bring_up_to_date(stamp, f"{data_dir}", work, dry_run=dry_run)


def _list_outputs(data_dir: Path, dimensions: tuple[str, ...]) -> list[Path]:
    """List the files that `_write` writes; optional ones only if they exist."""
    folders = [data_dir / name for name in SETS if name != "test" or (data_dir / name / "wav.scp").exists()]
    files = [folder / name for folder in folders for name in TABLES]
    rated = [[folder / name for dim in dimensions for name in _name_ratings(dim)] for folder in folders]
    optional = [*(folder / "segments" for folder in folders), *(path for paths in rated[2:] for path in paths)]
    files += [path for paths in rated[:2] for path in paths]
    return [data_dir / "dimensions", *files, *(path for path in optional if path.exists())]


def _name_ratings(dimension: str) -> tuple[str, str]:
    return f"ratings.{dimension}.scp", f"raters.{dimension}"


def _write(corpus: Corpus, data_dir: Path, gone: set[str]) -> None:
    """Write the data directories; files of dimensions that are gone and of sets that are empty are removed."""
    names = name_audio(recording.audio for members in corpus.sets.values() for recording in members.values())
    for name, recordings in corpus.sets.items():
        folder = data_dir / name
        if not recordings:
            shutil.rmtree(folder, ignore_errors=True)
            continue
        folder.mkdir(parents=True, exist_ok=True)
        utterances = {recording.utterance: recording for recording in recordings.values()}
        _write_recordings(folder, utterances, names if corpus.segmented else {})
        for dimension, ratings in corpus.ratings.items():
            rated = {rec.utterance: ratings[key] for key, rec in recordings.items() if key in ratings}
            _write_ratings(folder, dimension, rated)
        for dimension in gone:
            _write_ratings(folder, dimension, {})
            for end in (".scp", ".ark"):
                (folder / f"{dimension}{end}").unlink(missing_ok=True)
    write_dimensions(data_dir, corpus.dimensions, dry_run=False)


def _write_recordings(folder: Path, recordings: Mapping[str, Recording], names: Mapping[Path, str]) -> None:
    """Write the tables of a set.

    Args:
        folder: data directory
        recordings: by utterance
        names: ids of the audio files that recordings are parts of; empty if all are whole files
    """
    if names:
        write_table(folder / "wav.scp", {names[rec.audio]: str(rec.audio) for rec in recordings.values()})
        write_table(
            folder / "segments",
            {utt: f"{names[rec.audio]} {rec.start:.3f} {rec.end:.3f}" for utt, rec in recordings.items()},
        )
    else:
        write_table(folder / "wav.scp", {utt: str(rec.audio) for utt, rec in recordings.items()})
        (folder / "segments").unlink(missing_ok=True)
    utt2spk = {utt: rec.speaker for utt, rec in recordings.items()}
    write_table(folder / "utt2spk", utt2spk)
    write_table(folder / "spk2utt", spk2utt(utt2spk))
    write_table(folder / "utt2dur", {utt: f"{rec.duration:.2f}" for utt, rec in recordings.items()})


def _write_ratings(folder: Path, dimension: str, ratings: Mapping[str, RecordingRatings]) -> None:
    """Write the ratings of a dimension and the names of the raters, or remove those of an earlier corpus."""
    if ratings:
        write_scp(folder / f"ratings.{dimension}", {utt: rated.values for utt, rated in sorted(ratings.items())})
        write_table(folder / f"raters.{dimension}", {utt: " ".join(rated.raters) for utt, rated in ratings.items()})
    else:
        for name in (*_name_ratings(dimension), f"ratings.{dimension}.ark"):
            (folder / name).unlink(missing_ok=True)
