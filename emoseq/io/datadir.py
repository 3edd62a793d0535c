"""Kaldi data directories: read, write, split and fix tables by utterance.

A table has an id and a value on each line; ids are unique and sorted in the order of LC_ALL=C. That is the order of
UTF-8 bytes and of code points alike, so Python's comparison of strings gives it.
"""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from emoseq import DataError, MissingInputError
from emoseq.io.files import write_bytes

NOT_A_DIMENSION = ("wav", "feats", "cmvn", "egemaps", "conf", "report", "log", "best")  # files and folders beside them
_LISTS = ("utt2spk", "utt2dur", "utt2num_frames", "segments")  # by utterance, as are all scp files
_LINE = re.compile(r"([ \t]*)([^ \t]+)([ \t]*)(.*)")


class Segment(NamedTuple):
    """A stretch of an audio file in seconds, by default all of it."""

    path: str
    start: float = 0.0
    end: float | None = None


def read_table(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read a table of a data directory.

    Raises:
        DataError: if the file is missing, empty or not UTF-8, a line is not an id, a blank and a value, or the ids
            are not sorted and unique
    """
    return dict(_parse_table(path, strict=True))


def _parse_table(path: str | os.PathLike[str], *, strict: bool) -> Iterator[tuple[str, str]]:
    """Yield ids and values; unless strict, accept the faults of form that `fix` repairs."""
    repair = f"run utils/fix_data_dir.py {Path(path).parent}"
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise MissingInputError(f"{path} does not exist") from None
    if not data.strip():
        raise DataError(f"{path} is empty; run the step that writes it again")
    if strict and not data.endswith(b"\n"):
        raise DataError(f"{path}: the last line has no newline; if it was not cut off, {repair}")
    seen: dict[str, str] = {}
    last = ""
    for number, line in enumerate(data.removesuffix(b"\n").split(b"\n"), 1):
        where = f"{path}:{number}"
        try:
            match = _LINE.fullmatch(line.rstrip(b" \t\r").decode())
        except UnicodeDecodeError:
            raise DataError(f"{where}: not UTF-8; convert the file") from None
        if strict and line.endswith(b"\r"):
            raise DataError(f"{where}: carriage return at the end of the line; {repair}")
        if not match:
            if strict:
                raise DataError(f"{where}: blank line; {repair}")
            continue
        indent, key, gap, value = match.groups()
        where += f": {key if key.isprintable() else ascii(key)}"
        if not key.isprintable():
            raise DataError(f"{where}: white space or a control character in the id; rename the utterance")
        if not value:
            raise DataError(f"{where}: no value after the id; add it or remove the line")
        if strict and (indent or "\t" in gap):
            raise DataError(f"{where}: {'blank before' if indent else 'tab after'} the id; {repair}")
        if seen.get(key, value) != value or (strict and key in seen):
            raise DataError(f"{where}: comes twice; remove one of the two lines")
        if strict and key < last:
            raise DataError(f"{where}: comes after {last}, not in the order of LC_ALL=C; {repair}")
        seen[key] = value
        last = key
        yield key, value


def is_id(text: str) -> bool:
    """Return whether a text can be an id: not empty, without white space and control characters.

    >>> is_id("dev_1"), is_id("dev 1"), is_id("")
    (True, False, False)
    """
    return bool(text) and " " not in text and text.isprintable()


def write_table(path: str | os.PathLike[str], table: Mapping[str, str]) -> None:
    """Write a table, sorted; readers see the old file or the new one.

    Raises:
        ValueError: if an id or a value could not be read back
    """
    for key, value in table.items():
        if not is_id(key):
            raise ValueError(f"{path}: {key!r} cannot be an id")
        if not value or value != value.strip(" \t\r") or "\n" in value:
            raise ValueError(f"{path}: {key}: {value!r} cannot be a value")
    write_bytes(Path(path), _encode_table(table))


def _encode_table(table: Mapping[str, str]) -> bytes:
    return "".join(f"{key} {table[key]}\n" for key in sorted(table)).encode()


def read_frame_shift(data_dir: Path) -> float:
    """Read the seconds between the stacked frames of a data directory, and between its ratings.

    Raises:
        DataError: if the file is missing or holds no positive number
    """
    path = data_dir / "frame_shift"
    try:
        seconds = float(path.read_text(errors="replace"))
    except FileNotFoundError:
        raise MissingInputError(f"{path} does not exist, which stage 1 writes") from None
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise DataError(f"{path}: not a positive number of seconds; run stage 1 again")
    return seconds


def read_recordings(data_dir: Path) -> dict[str, Segment]:
    """Read where the audio of each utterance is: a file of wav.scp, or a stretch of one that `segments` names.

    Raises:
        DataError: as `read_table`, or if a line of `segments` is malformed or names no recording of wav.scp
    """
    files = read_table(data_dir / "wav.scp")
    path = data_dir / "segments"
    if not path.exists():
        return {utterance: Segment(file) for utterance, file in files.items()}
    recordings = {}
    for utterance, value in read_table(path).items():
        try:
            recording, start, end = value.split()
            segment = Segment(files[recording], float(start), float(end))
        except ValueError:
            raise DataError(f"{path}: {utterance}: not `<recording> <start> <end>` in seconds") from None
        except KeyError:
            raise DataError(f"{path}: {utterance}: {value.split()[0]} is not in wav.scp; add it there") from None
        if not 0 <= segment.start < float(end) < math.inf:
            raise DataError(f"{path}: {utterance}: from {start} to {end} s is no stretch of time; correct it")
        recordings[utterance] = segment
    return recordings


def spk2utt(utt2spk: Mapping[str, str]) -> dict[str, str]:
    """Return the inverse of utt2spk: utterances by speaker, joined by blanks.

    >>> spk2utt({"a-2": "a", "a-1": "a", "b-1": "b"})
    {'a': 'a-1 a-2', 'b': 'b-1'}
    """
    utterances: dict[str, list[str]] = {}
    for utterance, speaker in sorted(utt2spk.items()):
        utterances.setdefault(speaker, []).append(utterance)
    return {speaker: " ".join(utterances[speaker]) for speaker in sorted(utterances)}


def split(data_dir: str | os.PathLike[str], pieces: int) -> list[Path]:
    """Divide a data directory into pieces of consecutive utterances, `split<pieces>/<j>/`, as even as possible.

    Returns:
        the directories 1, 2, ...; if there are fewer utterances than `pieces`, one for each utterance

    Raises:
        DataError: if a table is malformed
        ValueError: if pieces is less than one
    """
    if pieces < 1:
        raise ValueError(f"a data directory cannot be divided into {pieces}")
    source = Path(data_dir)
    tables = {name: read_table(source / name) for name in table_names(source)}
    utt2spk = read_table(source / "utt2spk")
    utterances = list(utt2spk)
    count = min(pieces, len(utterances))
    target = source / f"split{pieces}"
    for j in range(count):
        piece = target / str(j + 1)
        piece.mkdir(parents=True, exist_ok=True)
        part = utterances[len(utterances) * j // count : len(utterances) * (j + 1) // count]
        parts = _select_entries(tables, {utterance: utt2spk[utterance] for utterance in part})
        for name in {*parts, *table_names(piece)}:
            # One file at a time: another job may be reading this piece.
            _update_table(piece / name, parts.get(name, {}))
        if (source / "frame_shift").exists():
            write_bytes(piece / "frame_shift", (source / "frame_shift").read_bytes())
    for path in target.iterdir():  # pieces of an earlier split of more utterances
        if path.name.isdigit() and int(path.name) > count:
            shutil.rmtree(path)
    return [target / str(j + 1) for j in range(count)]


def list_contents(data_dir: Path, *, without: Collection[str] = ()) -> list[Path]:
    """List the files of a data directory that its subsets have, too: tables, raters, frame shift and conf files.

    Args:
        data_dir: the data directory
        without: names to leave out
    """
    names = [*table_names(data_dir), *(path.name for path in data_dir.glob("raters.*")), *_list_settings(data_dir)]
    return [data_dir / name for name in sorted(names) if name not in without]


def _list_settings(data_dir: Path) -> list[str]:
    """Name the files that say how the features of a data directory were made."""
    return [path.name for path in [data_dir / "frame_shift", *data_dir.glob("*.conf")] if path.exists()]


def subset(
    sources: Sequence[Path], utterances: Collection[str], target: Path, *, without: Collection[str] = ()
) -> None:
    """Write a data directory of some utterances of others, with what `list_contents` lists.

    A file that is the same already stays; one that none of the utterances is in goes.

    Args:
        sources: data directories, each with utterances of its own
        utterances: ids, all of them in the sources
        target: the data directory to write
        without: names of files to leave out

    Raises:
        DataError: if a table is malformed, or two sources differ in an entry or in how their features were made
    """
    tables: dict[str, dict[str, str]] = {}
    settings: dict[str, Path] = {}
    for source in sources:
        for path in list_contents(source, without=without):
            if path.name in _list_settings(source):
                if settings.setdefault(path.name, path).read_bytes() != path.read_bytes():
                    raise DataError(f"{path}: not what {settings[path.name]} says; run stage 1 again")
                continue
            merged = tables.setdefault(path.name, {})
            for key, value in read_table(path).items():
                if merged.setdefault(key, value) != value:
                    raise DataError(f"{path}: {key}: another set has {merged[key]}; rename one of the two")
    parts = _select_entries(tables, {utterance: tables["utt2spk"][utterance] for utterance in utterances})
    target.mkdir(parents=True, exist_ok=True)
    obsolete = {path.name for path in list_contents(target, without=without)} - set(settings)
    for name in sorted({*parts, *obsolete}):
        _update_table(target / name, parts.get(name, {}))
    for name, path in settings.items():
        if not (target / name).exists() or (target / name).read_bytes() != path.read_bytes():
            write_bytes(target / name, path.read_bytes())


def _update_table(path: Path, table: Mapping[str, str], backup: Path | None = None) -> None:
    """Write a table unless the file has this content already; for an empty table remove the file."""
    exists = path.exists()
    if exists and path.read_bytes() == _encode_table(table):
        return
    if exists and backup:
        backup.mkdir(exist_ok=True)
        shutil.copy2(path, backup / path.name)
    if table:
        write_table(path, table)
    else:
        path.unlink(missing_ok=True)


def table_names(data_dir: Path) -> list[str]:
    """Return the names of the tables in a data directory, spk2utt excepted."""
    lists = [name for name in _LISTS if (data_dir / name).exists()]
    return lists + sorted(path.name for path in data_dir.glob("*.scp") if not path.name.startswith("."))


def expected_ids(name: str, utt2spk: Mapping[str, str], segments: Mapping[str, str]) -> set[str]:
    """Return the ids that the table `name` must have: of utterances, for wav.scp with segments of recordings."""
    if name == "wav.scp" and segments:
        return {segments[utterance].split()[0] for utterance in utt2spk if utterance in segments}
    return set(utt2spk)


def _select_entries(tables: Mapping[str, Mapping[str, str]], utt2spk: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the entries of the tables for the utterances of utt2spk, and spk2utt."""
    ids = {name: expected_ids(name, utt2spk, tables.get("segments", {})) for name in tables}
    parts = {name: {i: table[i] for i in table if i in ids[name]} for name, table in tables.items()}
    return parts | {"spk2utt": spk2utt(utt2spk)}


def fix(data_dir: str | os.PathLike[str]) -> tuple[int, int]:
    """Sort the tables and keep the utterances that are in all of wav.scp, utt2spk and, where they exist, feats.scp and
    segments.

    The originals of changed files go to `.backup/`.

    Returns:
        number of utterances kept, and number of utterances before

    Raises:
        DataError: if an id has two values, or no utterance would be left; then nothing is changed
    """
    folder = Path(data_dir)
    tables = {name: dict(_parse_table(folder / name, strict=False)) for name in table_names(folder)}
    for name in ("utt2spk", "wav.scp"):
        if name not in tables:
            raise DataError(f"{folder / name} does not exist")
    if segments := tables.get("segments"):
        tables["segments"] = {utt: value for utt, value in segments.items() if value.split()[0] in tables["wav.scp"]}
    required = ["utt2spk", "segments" if segments else "wav.scp", *(["feats.scp"] if "feats.scp" in tables else [])]
    kept = set.intersection(*(set(tables[name]) for name in required))
    if not kept:
        raise DataError(f"{folder}: no utterance is in all of {', '.join(required)}; nothing was changed")
    parts = _select_entries(tables, {utterance: tables["utt2spk"][utterance] for utterance in kept})
    for name, table in parts.items():
        _update_table(folder / name, table, backup=folder / ".backup")
    return len(kept), len(set.union(*(set(tables[name]) for name in required)))
