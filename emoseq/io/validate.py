"""Validate data directories: the tables agree, and the files they list can be read and hold finite numbers."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoseq import DataError, MissingInputError
from emoseq.io.archive import load_entry
from emoseq.io.audio import read_duration
from emoseq.io.datadir import NOT_A_DIMENSION, expected_ids, read_recordings, read_table, spk2utt, table_names
from emoseq.metrics import TRIM

SECONDS_TOLERANCE = 0.5  # between utt2dur and the audio


@dataclass(frozen=True)
class Summary:
    """Contents of a valid data directory; `kinds` names features and labels."""

    utterances: int
    seconds: float
    kinds: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join([f"{self.utterances} utterances", f"{self.seconds / 3600:.2f} h", *self.kinds])


def validate(data_dir: str | os.PathLike[str], *, features: bool = True, allow_pipes: bool = False) -> Summary:
    """Check a data directory and every file that it lists.

    Args:
        data_dir: the directory
        features: require and check feats.scp
        allow_pipes: let wav.scp hold commands; they are not run here

    Raises:
        DataError: for the first fault
    """
    folder = Path(data_dir)
    for name in ("utt2spk", "spk2utt", "wav.scp"):
        if not (folder / name).exists():
            raise MissingInputError(f"{folder / name} does not exist; run the stage that prepares the data")
    if features and not (folder / "feats.scp").exists():
        raise MissingInputError(f"{folder / 'feats.scp'} does not exist; run steps/make_fbank.py or use --no-feats")
    utt2spk = read_table(folder / "utt2spk")
    tables = {name: read_table(folder / name) for name in table_names(folder)}
    _check_speakers(folder, utt2spk)
    for name, table in tables.items():
        _check_ids(folder / name, table, expected_ids(name, utt2spk, tables.get("segments", {})))
        if name.endswith(".scp") and not (name == "wav.scp" and allow_pipes):
            _refuse_pipes(folder / name, table)
    durations = _parse_numbers(folder, "utt2dur", tables)
    segmented = "segments" in tables
    lasts = {
        key: _measure_duration(entry, f"{folder / 'wav.scp'}: {key}", None if segmented else durations.get(key))
        for key, entry in tables["wav.scp"].items()
    }
    seconds = _check_segments(folder, tables["segments"], lasts) if segmented else sum(lasts.values())
    if (folder / "frame_shift").exists():
        _parse_positive((folder / "frame_shift").read_text(errors="replace").strip(), folder / "frame_shift")
    lengths = _parse_numbers(folder, "utt2num_frames", tables, whole=True)
    frames = {key: (int(length), "utt2num_frames") for key, length in lengths.items()}
    archives = [name for name in tables if name.endswith(".scp") and name not in ("wav.scp", "feats.scp")]
    width = None
    for name in ["feats.scp"] * features + archives:
        for key, entry in tables[name].items():
            where = f"{folder / name}: {key}: {entry}"
            array = _load_finite(entry, where, may_be_nan=_holds_ratings(name))
            width = _check_shape(name, array, where, width)
            if name != "cmvn.scp":
                _check_frames(name, len(array), where, *frames.setdefault(key, (len(array), name)))
    labels = [name.removesuffix(".scp") for name in archives if name != "cmvn.scp"]
    return Summary(len(utt2spk), seconds, ("features",) * features + tuple(labels))


def _check_speakers(folder: Path, utt2spk: Mapping[str, str]) -> None:
    last = ""
    for utterance, speaker in utt2spk.items():
        where = f"{folder / 'utt2spk'}: {utterance}"
        if not utterance.startswith(speaker):
            raise DataError(f"{where}: does not begin with its speaker {speaker}; rename one of them")
        if speaker < last:
            raise DataError(
                f"{where}: its speaker {speaker} comes after {last}, but speakers must be sorted as well; "
                "let each id be the speaker's, '-' and the rest"
            )
        last = speaker
    inverse = spk2utt(utt2spk)
    table = read_table(folder / "spk2utt")
    for speaker in sorted(inverse.keys() | table.keys()):
        if " ".join(table.get(speaker, "").split()) != inverse.get(speaker):
            raise DataError(
                f"{folder / 'spk2utt'}: {speaker}: not the inverse of utt2spk; run utils/fix_data_dir.py {folder}"
            )


def _check_ids(path: Path, table: Mapping[str, str], ids: Collection[str]) -> None:
    """Require the ids of utt2spk. Ratings may exist for some of them only, and so may the gold standard of a test
    set, whose labels may be withheld."""
    optional = path.name.startswith(("ratings.", "published."))
    optional |= path.parent.name == "test" and _holds_gold_standard(path.name)
    extra, missing = sorted(table.keys() - ids), sorted(ids - table.keys())
    if extra:
        raise DataError(f"{path}: {extra[0]}: not in utt2spk; run utils/fix_data_dir.py {path.parent}")
    if missing and not optional:
        raise DataError(f"{path}: {missing[0]}: missing, but in utt2spk; add it here or remove it from utt2spk")


def _holds_gold_standard(name: str) -> bool:
    stem, dot, _ = name.removesuffix(".scp").partition(".")
    return name.endswith(".scp") and not dot and stem not in NOT_A_DIMENSION


def _holds_ratings(name: str) -> bool:
    """Return whether a table lists ratings or gold standards, NaN where a frame is not rated."""
    return name.startswith(("ratings.", "published.")) or _holds_gold_standard(name)


def _refuse_pipes(path: Path, table: Mapping[str, str]) -> None:
    hint = " or allow it with --allow-pipes=true" if path.name == "wav.scp" else ""
    for key, entry in table.items():
        if "|" in entry:
            raise DataError(f"{path}: {key}: {entry!r} is a command; list a file that holds its output{hint}")


def _parse_numbers(
    folder: Path, name: str, tables: Mapping[str, Mapping[str, str]], *, whole: bool = False
) -> dict[str, float]:
    table = tables.get(name, {})
    return {key: _parse_positive(text, f"{folder / name}: {key}", whole=whole) for key, text in table.items()}


def _parse_positive(text: str, where: str | Path, *, whole: bool = False) -> float:
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise DataError(f"{where}: {text!r} is not a positive {'whole ' * whole}number")
    return number


def _measure_duration(entry: str, where: str, duration: float | None) -> float:
    """Return the duration of an audio file by its header, that of a command by utt2dur."""
    if "|" in entry:
        return duration or 0.0
    try:
        seconds = read_duration(entry)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    if duration is not None and abs(seconds - duration) > SECONDS_TOLERANCE:
        raise DataError(f"{where}: {entry} lasts {seconds:.2f} s and utt2dur has {duration:g} s")
    return seconds


def _check_segments(folder: Path, segments: Mapping[str, str], lasts: Mapping[str, float]) -> float:
    """Return the seconds of all segments, each of which must lie within its recording."""
    total = 0.0
    for utterance, (_, start, end) in read_recordings(folder).items():
        recording, length = segments[utterance].split()[0], lasts[segments[utterance].split()[0]]
        if length and end is not None and end > length + SECONDS_TOLERANCE:
            raise DataError(
                f"{folder / 'segments'}: {utterance}: ends at {end:g} s, but {recording} lasts {length:.2f} s"
            )
        total += (end or 0.0) - start
    return total


def _load_finite(entry: str, where: str, *, may_be_nan: bool) -> NDArray:
    array = load_entry(entry, where)
    if not len(array):
        raise DataError(f"{where} is empty")
    bad = np.argwhere(np.isinf(array) if may_be_nan else ~np.isfinite(array))
    if len(bad):
        raise DataError(f"{where} holds {array[tuple(bad[0])]} in row {bad[0][0]}, counted from 0")
    return array


def _check_shape(name: str, array: NDArray, where: str, width: int | None) -> int | None:
    """Check the dimensions of an array; return the width of the features, or None if it is not known yet."""
    wanted = 2 if name in ("feats.scp", "cmvn.scp", "egemaps.scp") or name.startswith("ratings.") else 1
    if array.ndim != wanted:
        raise DataError(f"{where} has {array.ndim} dimension(s), not {wanted}")
    if name == "cmvn.scp" and (len(array) != 2 or width not in (None, array.shape[1] - 1)):
        raise DataError(f"{where} has shape {array.shape}, not (2, {width or 'features'} + 1)")
    if name == "feats.scp":
        if width not in (None, array.shape[1]):
            raise DataError(f"{where} has {array.shape[1]} columns and the utterance before it {width}")
        return array.shape[1]
    return width


def _check_frames(name: str, count: int, where: str, expected: int, reference: str) -> None:
    tolerance = 0 if (name, reference) == ("feats.scp", "utt2num_frames") else TRIM
    if abs(count - expected) > tolerance:
        raise DataError(f"{where} has {count} frames and {reference} {expected}; at most {tolerance} may be trimmed")
