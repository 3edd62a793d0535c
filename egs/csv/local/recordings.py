"""The table recordings.csv of a corpus, and the draw of its speakers into train, dev and test."""

from __future__ import annotations

import codecs
import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from emoseq import SETS, DataError, MissingInputError
from emoseq.io.audio import read_duration
from emoseq.io.datadir import is_id
from emoseq.labels.trace_rows import parse_number
from emoseq.recipe.draw import draw_speakers, sum_durations
from emoseq.recipe.recordings import Recording, find_naming_faults, name_utterance

TABLE = "recordings.csv"
COLUMNS = ("id", "audio", "speaker", "set", "start", "end")
SHARES = {"train": 0.6, "dev": 0.2, "test": 0.2}  # of the duration of all recordings
FAR = 0.1  # of the duration, between a set and its share; worth a note
UNREADABLE = "\ufffd"  # what stands for a byte that is no text
TOLERANCE = 0.05  # seconds that `end` may lie beyond the audio


@dataclass(frozen=True)
class Table:
    """Recordings by id; `segmented` if the table names parts of audio files. With faults, the recordings may be
    incomplete; `ids` has the ids of all rows that have one and `audio` their files. `complete` is false if there may be
    others, in rows that cannot be read."""

    recordings: dict[str, Recording]
    ids: frozenset[str]
    audio: tuple[Path, ...]
    segmented: bool
    faults: list[str]
    complete: bool = True


def read_table(folder: Path) -> Table:
    """Read recordings.csv: a header with `id,audio` and any of `speaker,set,start,end`, and a row a recording.

    Audio files are relative to the folder. A recording without speaker is its own speaker. An utterance is named by
    speaker and id, see `name_utterance`. Either all recordings name their set or none does.

    Raises:
        MissingInputError: if there is no such table; all faults are collected
    """
    path = folder / TABLE
    try:
        data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except FileNotFoundError:
        raise MissingInputError(f"{path} does not exist; write it as egs/csv/README.md describes") from None
    faults = list[str]()
    delimiter, rows = _parse_rows(_decode(data, faults), faults)
    header = [name.lower() for name in rows[0][1]] if rows else []
    if any(UNREADABLE in name for name in header):
        return Table({}, frozenset(), (), False, faults, complete=False)
    _check_header(header, faults)
    columns = {name: header.index(name) for name in COLUMNS if name in header}
    sound: list[tuple[int, dict[str, str]]] = []
    kept: dict[str, int] = {}  # lines of damaged rows by id
    damaged, complete = False, "id" in columns and len(rows) > 1
    for line, fields in rows[1:]:
        entry = dict.fromkeys(COLUMNS, "") | {name: fields[at] for name, at in columns.items() if at < len(fields)}
        if _is_damaged(line, fields, len(header), delimiter, faults):
            damaged = True
            if (
                (columns.get("id") == 0 or len(fields) == len(header))
                and is_id(entry["id"])
                and UNREADABLE not in entry["id"]
            ):
                kept.setdefault(entry["id"], line)
            else:
                complete = False
        elif "id" in columns:
            sound.append((line, entry))
    if len(rows) == 1:
        faults.append(f"{TABLE} names no recording; add a row for each")
    names_sets = any(entry["set"] for _, entry in sound)
    recordings: dict[str, Recording] = {}
    lines = dict(kept)
    for line, entry in sound:
        key, where = entry["id"], f"{TABLE}:{line}: "
        known = len(faults)
        if not is_id(key) or "/" in key:
            faults.append(f"{where}{key!r} is not an id; use letters, digits, '_' and '-', no blanks or slashes")
        if lines.setdefault(key, line) != line:
            faults.append(f"{where}the id {key} is also that of line {lines[key]}; give each recording its own")
        speaker = entry["speaker"] or key
        if entry["speaker"] and (not is_id(speaker) or "/" in speaker):
            faults.append(
                f"{where}{key}: {speaker!r} is not a speaker's name; use letters, digits, '_' and '-', no blanks or "
                "slashes"
            )
        if names_sets and entry["set"] not in SETS:
            faults.append(f"{where}{key}: the set is {entry['set']!r}; train, dev or test is expected in every row")
        duration = _measure(folder, entry["audio"], f"{where}{key}: ", faults) if "audio" in columns else None
        if len(faults) == known and duration is not None:
            recording = Recording(
                key,
                name_utterance(key, speaker),
                folder / entry["audio"],
                speaker,
                entry["set"],
                0.0,
                duration,
                f"{TABLE}:{line}",
            )
            recordings[key] = _cut(recording, entry["start"], entry["end"], f"{where}{key}: ", faults)
    faults += find_naming_faults(recordings.values())
    if names_sets and not damaged:
        for name in ("train", "dev"):
            if not any(entry["set"] == name for _, entry in sound):
                faults.append(f"{TABLE}: no recording is in the set {name}; train and dev are needed")
    return Table(
        recordings,
        frozenset({entry["id"] for _, entry in sound} | kept.keys()),
        tuple(folder / entry["audio"] for _, entry in sound if entry["audio"]),
        any(entry["start"] or entry["end"] for _, entry in sound),
        faults,
        complete,
    )


def _decode(data: bytes, faults: list[str]) -> str:
    """Return the text of a table, with UNREADABLE for each byte that is none; record a fault if there are any."""
    text = data.decode(errors="replace").replace("\0", UNREADABLE)
    if UNREADABLE in text:
        line = text[: text.index(UNREADABLE)].count("\n") + 1
        faults.append(f"{TABLE}:{line}: the text is not UTF-8; save it as CSV in UTF-8")
    return text


def _parse_rows(text: str, faults: list[str]) -> tuple[str, list[tuple[int, list[str]]]]:
    """Return the delimiter, and the lines and fields of the rows that are not blank."""
    delimiter = max(",;\t", key=next(iter(text.splitlines()), "").count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[tuple[int, list[str]]] = []
    while True:
        line = reader.line_num + 1
        try:
            fields = [field.strip() for field in next(reader)]
        except StopIteration:
            return delimiter, rows
        except csv.Error as error:
            faults.append(f"{TABLE}:{line}: {error}; is a quotation mark left open?")
            return delimiter, [*rows, (line, [UNREADABLE])]
        if any(fields):
            rows.append((line, fields))


def _check_header(header: list[str], faults: list[str]) -> None:
    """Record what is wrong with the names of the columns."""
    for name in dict.fromkeys(header):
        if name not in COLUMNS:
            faults.append(f"{TABLE}:1: there is no column {name!r}; the columns are {', '.join(COLUMNS)}")
        if header.count(name) > 1:
            faults.append(f"{TABLE}:1: two columns are named {name}; keep one")
    faults += [f"{TABLE}:1: the column {name} is missing; add it" for name in COLUMNS[:2] if name not in header]
    if ("start" in header) != ("end" in header):
        faults.append(f"{TABLE}:1: start and end, in seconds, are needed together; add the other")


def _is_damaged(line: int, fields: list[str], width: int, delimiter: str, faults: list[str]) -> bool:
    """Return whether the fields of a row may not be those of its columns; record the fault."""
    if any(UNREADABLE in field for field in fields):
        return True  # the first such line is a fault already
    if any("\n" in field or "\r" in field for field in fields):
        faults.append(f"{TABLE}:{line}: a line break within a field; close the quotation mark before it")
        return True
    if len(fields) != width:
        mark = {",": "comma", ";": "semicolon", "\t": "tab"}[delimiter]
        remedy = (
            f'put a name that has a {mark} into quotation marks ("my{delimiter} talk.wav"), or remove fields'
            if len(fields) > width
            else f"add the missing fields; an empty one is a {mark} alone"
        )
        faults.append(f"{TABLE}:{line}: {len(fields)} fields, where the header has {width}; {remedy}")
    return len(fields) != width


def _measure(folder: Path, name: str, where: str, faults: list[str]) -> float | None:
    """Return the duration of an audio file in seconds, or record a fault."""
    if not name:
        faults.append(f"{where}no audio file is named; name it relative to {folder}")
        return None
    if not (folder / name).exists():
        faults.append(f"{where}the audio file {folder / name} does not exist; correct its name or remove the row")
        return None
    try:
        return read_duration(folder / name)
    except DataError as error:
        faults.append(f"{where}{error}")
        return None


def _cut(recording: Recording, start: str, end: str, where: str, faults: list[str]) -> Recording:
    """Return the part of a recording between two times given as text; an empty one is that of the audio."""
    times = []
    for name, text, default in (("start", start, 0.0), ("end", end, recording.end)):
        time = parse_number(text) if text else default
        if time is None or math.isnan(time) or time < 0:
            faults.append(
                f"{where}the {name} is {text!r}; write the seconds in the audio, such as 12.5, or leave it empty for "
                f"the {name} of the audio"
            )
        else:
            times.append(time)
    if len(times) < 2:
        return recording
    low, high = times
    for name, time in (("start", low), ("end", high)):
        if time > recording.end + TOLERANCE:
            faults.append(
                f"{where}it {name}s at {time:g} s, but the audio lasts {recording.end:.2f} s; correct the {name}"
            )
            return recording
    if not low < high:
        faults.append(f"{where}it starts at {low:g} s and ends at {high:g} s; the start must be the earlier one")
        return recording
    return replace(recording, start=low, end=min(high, recording.end))


def draw_sets(recordings: Mapping[str, Recording], unrated: set[str], seed: int) -> dict[str, str]:
    """Draw a set for each speaker, so that train, dev and test have .6, .2 and .2 of the duration.

    They are assigned as by `draw_speakers`. A speaker who has a recording without ratings goes to test, since train and
    dev need ratings of all.

    Args:
        recordings: by id
        unrated: ids of the recordings that lack ratings
        seed: of the order, which decides between speakers of equal duration

    Returns:
        set by speaker

    Raises:
        DataError: if fewer than two speakers have all ratings
    """
    seconds = _sum_durations(recordings)
    fixed = {recording.speaker for key, recording in recordings.items() if key in unrated}
    free = {speaker: seconds[speaker] for speaker in seconds.keys() - fixed}
    if len(free) < 2:
        raise DataError(
            f"{TABLE}: {len(free)} speaker(s) with ratings of all recordings, but train and dev need one each; add "
            "ratings or speakers, or name the sets in a column set"
        )
    filled = {"test": sum(seconds[speaker] for speaker in fixed)}
    return dict.fromkeys(sorted(fixed), "test") | draw_speakers(free, SHARES, seed, filled)


def describe_draw(recordings: Mapping[str, Recording], sets: Mapping[str, str]) -> list[str]:
    """Describe in a note a draw that misses the shares of the sets by more than FAR.

    Args:
        recordings: by id
        sets: by speaker
    """
    seconds = _sum_durations(recordings)
    total = sum(seconds.values())
    shares = {name: sum(seconds[speaker] for speaker in seconds if sets[speaker] == name) / total for name in SETS}
    if all(abs(shares[name] - SHARES[name]) <= FAR for name in SETS):
        return []
    drawn, aimed = (" ".join(f"{name} {values[name]:.2f}" for name in SETS) for values in (shares, SHARES))
    return [
        f"the draw of {len(seconds)} speakers gives shares of the duration of {drawn}, instead of {aimed}; add "
        "speakers, or name the sets in a column set"
    ]


def _sum_durations(recordings: Mapping[str, Recording]) -> dict[str, float]:
    """Return the seconds of each speaker."""
    return sum_durations((recording.speaker, recording.duration) for recording in recordings.values())
