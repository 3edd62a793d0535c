"""Kaldi data directories: tables by utterance, and what must hold between them.

A table has an id and a value on each line, sorted by id in the order of LC_ALL=C, and no id twice.
That is the order of UTF-8 bytes and of code points alike, so it is also how Python compares strings.
"""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emoseq import DataError

if TYPE_CHECKING:  # slow to import, and only the validator opens archives
    from numpy.typing import NDArray

FRAME_TOLERANCE = 2  # frames that are trimmed where labels and features differ
SECONDS_TOLERANCE = 0.5  # between utt2dur and the audio

_LISTS = ("utt2spk", "utt2dur", "utt2num_frames")  # by utterance, as are all scp files but cmvn.scp
_ENTRY = re.compile(r"([ \t]*)([^ \t]+)([ \t]*)(.*)")
_ARCHIVE_START = re.compile(rb"\0B|\s*[-\d\[]")  # binary or text
_ARCHIVE_ENTRY = re.compile(r"(.+?)(?::(\d+))?(?:\[[\d:,]*\])?")


@dataclass(frozen=True)
class Summary:
    """What a valid data directory holds; `kinds` names features and labels."""

    utterances: int
    seconds: float
    kinds: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join([f"{self.utterances} utterances", f"{self.seconds / 3600:.2f} h", *self.kinds])


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


def write_table(path: str | os.PathLike[str], table: Mapping[str, str]) -> None:
    """Write a table, sorted; readers see the old file or the new one.

    Raises:
        ValueError: if an id or a value could not be read back
    """
    for key, value in table.items():
        if not key or " " in key or not key.isprintable():
            raise ValueError(f"{path}: {key!r} cannot be an id")
        if not value or value != value.strip(" \t\r") or "\n" in value:
            raise ValueError(f"{path}: {key}: {value!r} cannot be a value")
    _write(Path(path), _encoded(table))


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(data)
    os.replace(temporary, path)


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
    tables = {name: read_table(source / name) for name in _table_names(source)}
    utt2spk = read_table(source / "utt2spk")
    utterances = list(utt2spk)
    count = min(pieces, len(utterances))
    target = source / f"split{pieces}"
    for j in range(count):
        piece = target / str(j + 1)
        piece.mkdir(parents=True, exist_ok=True)
        own = utterances[len(utterances) * j // count : len(utterances) * (j + 1) // count]
        parts = _parts(tables, {utterance: utt2spk[utterance] for utterance in own})
        for name in {*parts, *_table_names(piece)}:
            # One file at a time, so that a job that reads the same piece is not disturbed.
            _replace(piece / name, parts.get(name, {}))
        if (source / "frame_shift").exists():
            _write(piece / "frame_shift", (source / "frame_shift").read_bytes())
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


def _table_names(data_dir: Path) -> list[str]:
    lists = [name for name in _LISTS if (data_dir / name).exists()]
    return lists + sorted(path.name for path in data_dir.glob("*.scp") if not path.name.startswith("."))


def _ids(name: str, utt2spk: Mapping[str, str]) -> set[str]:
    return set(utt2spk.values() if name == "cmvn.scp" else utt2spk)


def _parts(tables: Mapping[str, Mapping[str, str]], utt2spk: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What of the tables belongs to the utterances of utt2spk, with spk2utt."""
    ids = {name: _ids(name, utt2spk) for name in tables}
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
    tables = {name: dict(_entries(folder / name, strict=False)) for name in _table_names(folder)}
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


def validate(data_dir: str | os.PathLike[str], *, features: bool = True, allow_pipes: bool = False) -> Summary:
    """Check a data directory and open what it points to.

    Args:
        data_dir: the directory
        features: whether feats.scp must be there, and is looked into
        allow_pipes: whether wav.scp may hold commands; they are not run here

    Raises:
        DataError: for the first thing that is wrong
    """
    folder = Path(data_dir)
    for name in ("utt2spk", "spk2utt", "wav.scp"):
        if not (folder / name).exists():
            raise DataError(f"{folder / name} does not exist; run the stage that prepares the data")
    if features and not (folder / "feats.scp").exists():
        raise DataError(f"{folder / 'feats.scp'} does not exist; run steps/make_fbank.py or use --no-feats")
    utt2spk = read_table(folder / "utt2spk")
    tables = {name: read_table(folder / name) for name in _table_names(folder)}
    _check_speakers(folder, utt2spk)
    for name, table in tables.items():
        _check_ids(folder / name, table, _ids(name, utt2spk))
        if name.endswith(".scp") and not (name == "wav.scp" and allow_pipes):
            _refuse_pipes(folder / name, table)
    durations = _numbers(folder, "utt2dur", tables)
    seconds = sum(
        _seconds(entry, f"{folder / 'wav.scp'}: {key}", durations.get(key)) for key, entry in tables["wav.scp"].items()
    )
    if (folder / "frame_shift").exists():
        _positive((folder / "frame_shift").read_text(errors="replace").strip(), folder / "frame_shift")
    lengths = _numbers(folder, "utt2num_frames", tables, whole=True)
    frames = {key: (int(length), "utt2num_frames") for key, length in lengths.items()}
    archives = [name for name in tables if name.endswith(".scp") and name not in ("wav.scp", "feats.scp")]
    width = None
    for name in ["feats.scp"] * features + archives:
        for key, entry in tables[name].items():
            where = f"{folder / name}: {key}: {entry}"
            array = _load(entry, where)
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
            mend = f"run utils/fix_data_dir.py {folder}"
            raise DataError(f"{folder / 'spk2utt'}: {speaker}: not the inverse of utt2spk; {mend}")


def _check_ids(path: Path, table: Mapping[str, str], ids: Collection[str]) -> None:
    """The ids must be those of utt2spk; what a gold standard is made of may exist for some of them only."""
    extra, missing = sorted(table.keys() - ids), sorted(ids - table.keys())
    if extra:
        raise DataError(f"{path}: {extra[0]}: not in utt2spk; run utils/fix_data_dir.py {path.parent}")
    if missing and not path.name.startswith(("ratings.", "published.")):
        raise DataError(f"{path}: {missing[0]}: missing, but in utt2spk; add it or drop the utterance there")


def _refuse_pipes(path: Path, table: Mapping[str, str]) -> None:
    hint = " or allow it with --allow-pipes=true" if path.name == "wav.scp" else ""
    for key, entry in table.items():
        if "|" in entry:
            raise DataError(f"{path}: {key}: {entry!r} is a command; list a file that holds its output{hint}")


def _numbers(
    folder: Path, name: str, tables: Mapping[str, Mapping[str, str]], *, whole: bool = False
) -> dict[str, float]:
    table = tables.get(name, {})
    return {key: _positive(text, f"{folder / name}: {key}", whole=whole) for key, text in table.items()}


def _positive(text: str, where: str | Path, *, whole: bool = False) -> float:
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise DataError(f"{where}: {text!r} is not a positive {'whole ' * whole}number")
    return number


def _seconds(entry: str, where: str, duration: float | None) -> float:
    """Length of an audio file by its header; that of a command is what utt2dur says."""
    import soundfile

    if "|" in entry:
        return duration or 0.0
    try:
        size = os.path.getsize(entry)
    except OSError as error:
        raise DataError(f"{where}: {entry}: {error.strerror}") from None
    try:
        info = soundfile.info(entry)
    except RuntimeError:
        raise DataError(f"{where}: {entry} is not an audio file ({size} bytes)") from None
    if not info.frames:
        raise DataError(f"{where}: {entry} holds no samples ({size} bytes)")
    if duration is not None and abs(info.duration - duration) > SECONDS_TOLERANCE:
        raise DataError(f"{where}: {entry} lasts {info.duration:.2f} s and utt2dur says {duration:g} s")
    return info.duration


def _load(entry: str, where: str) -> NDArray:
    import kaldiio
    import numpy as np

    match = _ARCHIVE_ENTRY.fullmatch(entry)
    try:
        with open(match[1] if match else entry, "rb") as stream:
            stream.seek(int(match[2] or 0) if match else 0)
            # kaldiio reads other formats too, among them pickles, which may run anything.
            if not _ARCHIVE_START.match(stream.read(8)):
                raise ValueError("it does not begin as one")
        array = kaldiio.load_mat(entry)
    except FileNotFoundError:
        raise DataError(f"{where} does not exist; run the step that writes it again") from None
    except Exception as error:  # kaldiio raises whatever the bytes happen to break
        raise DataError(f"{where} is no Kaldi matrix or vector ({str(error)[:100]})") from None
    if not len(array):
        raise DataError(f"{where} is empty")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        raise DataError(f"{where} holds {array[tuple(bad[0])]} in row {bad[0][0]}, counted from 0")
    return array


def _check_shape(name: str, array: NDArray, where: str, width: int | None) -> int | None:
    """Returns the width of the features as far as it is known."""
    wanted = 2 if name in ("feats.scp", "cmvn.scp") or name.startswith("ratings.") else 1
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
    tolerance = 0 if (name, reference) == ("feats.scp", "utt2num_frames") else FRAME_TOLERANCE
    if abs(count - expected) > tolerance:
        raise DataError(f"{where} has {count} frames and {reference} {expected}; at most {tolerance} may be trimmed")
