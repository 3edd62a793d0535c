"""Kaldi data directories: tables by utterance, and what must hold between them.

A table has an id and a value on each line, sorted by id in the order of LC_ALL=C, and no id twice.
That is the order of UTF-8 bytes and of code points alike, so it is also how Python compares strings.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from emoseq import DataError
from emoseq.io.files import write_bytes

_LISTS = ("utt2spk", "utt2dur", "utt2num_frames")  # by utterance, as are all scp files but cmvn.scp


_ENTRY = re.compile(r"([ \t]*)([^ \t]+)([ \t]*)(.*)")


def read_table(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read a table of a data directory.

    Raises:
        DataError: if the file is missing, empty or no text, a line is not an id, a blank and a
            value, or the ids are not sorted and unique
    """
    return dict(_entries(path, strict=True))


def _entries(path: str | os.PathLike[str], *, strict: bool) -> Iterator[tuple[str, str]]:
    """Ids and values; where not strict, whatever `fix` mends is let pass."""
    mend = f"run utils/fix_data_dir.py {Path(path).parent}"
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    if not data.strip():
        raise DataError(f"{path} is empty; run the step that writes it again")
    if strict and not data.endswith(b"\n"):
        raise DataError(f"{path}: the last line has no newline; if it was not cut off, {mend}")
    seen: dict[str, str] = {}
    last = ""
    for number, line in enumerate(data.removesuffix(b"\n").split(b"\n"), 1):
        where = f"{path}:{number}"
        try:
            match = _ENTRY.fullmatch(line.rstrip(b" \t\r").decode())
        except UnicodeDecodeError:
            raise DataError(f"{where}: not UTF-8; convert the file") from None
        if strict and line.endswith(b"\r"):
            raise DataError(f"{where}: carriage return at the end of the line; {mend}")
        if not match:
            if strict:
                raise DataError(f"{where}: blank line; {mend}")
            continue
        indent, key, gap, value = match.groups()
        where += f": {key if key.isprintable() else ascii(key)}"
        if not key.isprintable():
            raise DataError(f"{where}: white space or a control character in the id; rename the utterance")
        if not value:
            raise DataError(f"{where}: no value after the id; add it or remove the line")
        if strict and (indent or "\t" in gap):
            raise DataError(f"{where}: {'blank before' if indent else 'tab after'} the id; {mend}")
        if seen.get(key, value) != value or (strict and key in seen):
            raise DataError(f"{where}: comes twice; remove one of the two lines")
        if strict and key < last:
            raise DataError(f"{where}: comes after {last}, not in the order of LC_ALL=C; {mend}")
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
    write_bytes(Path(path), _encoded(table))


def _encoded(table: Mapping[str, str]) -> bytes:
    return "".join(f"{key} {table[key]}\n" for key in sorted(table)).encode()


def spk2utt(utt2spk: Mapping[str, str]) -> dict[str, str]:
    """The inverse of utt2spk.

    >>> spk2utt({"a-2": "a", "a-1": "a", "b-1": "b"})
    {'a': 'a-1 a-2', 'b': 'b-1'}
    """
    utterances: dict[str, list[str]] = {}
    for utterance, speaker in sorted(utt2spk.items()):
        utterances.setdefault(speaker, []).append(utterance)
    return {speaker: " ".join(utterances[speaker]) for speaker in sorted(utterances)}


def split(data_dir: str | os.PathLike[str], pieces: int) -> list[Path]:
    """Divide a data directory into runs of utterances as even as can be, `split<pieces>/<j>/`.

    Returns:
        the directories 1, 2, ...: `pieces`, or one for each utterance where these are fewer

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
        own = utterances[len(utterances) * j // count : len(utterances) * (j + 1) // count]
        parts = _parts(tables, {utterance: utt2spk[utterance] for utterance in own})
        for name in {*parts, *table_names(piece)}:
            # One file at a time, so that a job that reads the same piece is not disturbed.
            _replace(piece / name, parts.get(name, {}))
        if (source / "frame_shift").exists():
            write_bytes(piece / "frame_shift", (source / "frame_shift").read_bytes())
    for path in target.iterdir():  # from when there were more utterances
        if path.name.isdigit() and int(path.name) > count:
            shutil.rmtree(path)
    return [target / str(j + 1) for j in range(count)]


def _replace(path: Path, table: Mapping[str, str], backup: Path | None = None) -> None:
    """Write a table unless the file is the same already; an empty one is no file."""
    there = path.exists()
    if there and path.read_bytes() == _encoded(table):
        return
    if there and backup:
        backup.mkdir(exist_ok=True)
        shutil.copy2(path, backup / path.name)
    if table:
        write_table(path, table)
    else:
        path.unlink(missing_ok=True)


def table_names(data_dir: Path) -> list[str]:
    """Names of the tables by utterance or speaker that a data directory has, but for spk2utt."""
    lists = [name for name in _LISTS if (data_dir / name).exists()]
    return lists + sorted(path.name for path in data_dir.glob("*.scp") if not path.name.startswith("."))


def expected_ids(name: str, utt2spk: Mapping[str, str]) -> set[str]:
    """The ids that table `name` of a data directory should have."""
    return set(utt2spk.values() if name == "cmvn.scp" else utt2spk)


def _parts(tables: Mapping[str, Mapping[str, str]], utt2spk: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What of the tables belongs to the utterances of utt2spk, with spk2utt."""
    ids = {name: expected_ids(name, utt2spk) for name in tables}
    parts = {name: {i: table[i] for i in table if i in ids[name]} for name, table in tables.items()}
    return parts | {"spk2utt": spk2utt(utt2spk)}


def fix(data_dir: str | os.PathLike[str]) -> tuple[int, int]:
    """Sort the tables and keep the utterances that wav.scp, utt2spk and feats.scp, if there, all have.

    The files that it changes are kept in `.backup/` as they were.

    Returns:
        how many utterances were kept, and of how many

    Raises:
        DataError: if an id has two values, or no utterance would be left; then nothing was changed
    """
    folder = Path(data_dir)
    tables = {name: dict(_entries(folder / name, strict=False)) for name in table_names(folder)}
    required = ["utt2spk", "wav.scp"] + ["feats.scp"] * ("feats.scp" in tables)
    for name in required:
        if name not in tables:
            raise DataError(f"{folder / name} does not exist")
    kept = set.intersection(*(set(tables[name]) for name in required))
    if not kept:
        raise DataError(f"{folder}: no utterance is in all of {', '.join(required)}; nothing was changed")
    parts = _parts(tables, {utterance: tables["utt2spk"][utterance] for utterance in kept})
    for name, table in parts.items():
        _replace(folder / name, table, backup=folder / ".backup")
    return len(kept), len(set.union(*(set(tables[name]) for name in required)))
