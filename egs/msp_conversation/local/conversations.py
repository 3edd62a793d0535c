"""The package of MSP-Conversation: its conversations, the parts of them that were rated, and the ratings.

    partitions.txt                       MSP-Conversation_0079;Train          or Validation or Test
    Audios/MSP-Conversation_0079.wav     one conversation; the folder may be called Audio
    Time_Labels/conversations.txt        MSP-Conversation_0079;start;end      seconds; may be absent
    Time_Labels/conversation_parts.txt   MSP-Conversation_0079_1;start;end    seconds
    Annotations/{Arousal,Valence,Dominance}/MSP-Conversation_0079_1_001.csv   ratings of part 1 by rater 001

The layout is inferred from public readers of the corpus. Times of conversations and parts count from the beginning of
the podcast, but the audio begins with the conversation, so its start is subtracted. One reader takes the start from
conversations.txt, three take that of the first part; the two are assumed to agree. Here it is that of conversations.txt
if the file names the conversation, else that of the first part. Times of ratings count from the beginning of the part,
see `emoseq.labels.trace_formats.parse_msp_conversation`.

Each part is an utterance and keeps its name. The layout does not say who speaks. A conversation must not be split
between sets, so it stands for the speaker. All names of conversations have the same length, as Kaldi's order requires.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from emoseq import DataError
from emoseq.io.audio import read_duration
from emoseq.labels.joining import Raters, describe_unknown_raters, join_traces
from emoseq.labels.resampling import ResamplingOptions
from emoseq.labels.trace_formats import parse
from emoseq.labels.traces import find_values_outside
from emoseq.recipe.recordings import Corpus, Recording, RecordingRatings, count, divide_into_sets, format_faults

PARTITIONS = "partitions.txt"
CONVERSATIONS = "Time_Labels/conversations.txt"
PARTS = "Time_Labels/conversation_parts.txt"
ANNOTATIONS = "Annotations"
SET_NAMES = {"Train": "train", "Validation": "dev", "Test": "test"}
DIMENSIONS = ("arousal", "valence", "dominance")
PART = re.compile(r"(MSP-Conversation_\d{4})_\d+")
RATING_FILE = re.compile(rf"({PART.pattern})_(\w+)\.csv")
SCALE = (-100.0, 100.0)
TOLERANCE = 0.5  # seconds that the end of a part may lie beyond the audio
AGAIN = "copy it from the package again"


class Part(NamedTuple):
    """A line of conversation_parts.txt; `start` and `end` in seconds of the podcast."""

    where: str
    conversation: str
    start: float
    end: float


def list_files(folder: Path) -> list[Path]:
    """List the files of the package that `load_corpus` reads, in a fixed order."""
    ratings = [path for dimension in DIMENSIONS for path in _list_rating_files(folder, dimension)]
    return [
        *(folder / name for name in (PARTITIONS, CONVERSATIONS, PARTS)),
        *sorted(_find_audio(folder).glob("*.wav")),
        *ratings,
    ]


def load_corpus(folder: Path, resampling: ResamplingOptions, shift: float) -> Corpus:
    """Read the package.

    A part of the test set without ratings stays, to be predicted and not scored. One of train or dev that lacks ratings
    in any dimension is left out with a note, since both need all.

    Args:
        folder: of the package
        resampling: see `ResamplingOptions`
        shift: seconds between labels

    Raises:
        DataError: with all faults of the package, one a line, if there are any
    """
    faults, notes = list[str](), list[str]()
    sets = _read_partitions(folder, faults)
    named, names = _read_parts(folder, sets, faults)
    parts = _locate_parts(folder, named, sets, faults)
    ratings: dict[str, dict[str, RecordingRatings]] = {}
    for dimension in DIMENSIONS:
        ratings[dimension] = {}
        unrated = dict(parts)
        for part, files in _group_rating_files(folder, dimension, names, faults).items():
            unrated.pop(part, None)
            raters = _read_raters(folder, dimension, files, faults)
            if raters and part in parts:
                ratings[dimension][part] = join_traces(
                    parts[part], dimension, raters, resampling, shift, faults=faults, notes=notes
                )
        for part, recording in unrated.items():
            if recording.set == "test":
                notes.append(f"{part}: no ratings of {dimension}; predicted but not scored")
            else:
                notes.append(f"{part}: no ratings of {dimension}, which {recording.set} needs; left out")
    if not faults:
        parts = {
            part: recording
            for part, recording in parts.items()
            if recording.set == "test" or all(part in ratings[dimension] for dimension in DIMENSIONS)
        }
        for partition, name in SET_NAMES.items():
            if name != "test" and not any(recording.set == name for recording in parts.values()):
                faults.append(f"{PARTITIONS}: no part of {partition} has all ratings; train and dev need one each")
    if faults:
        raise DataError(format_faults(folder, faults))
    partless = sorted(sets.keys() - {part.conversation for part in named.values()})
    if partless:
        notes.append(f"{PARTS} has no part of {count(len(partless), 'conversation')}: {' '.join(partless)}; left out")
    notes += describe_unknown_raters(resampling, ratings)
    return Corpus(DIMENSIONS, divide_into_sets(parts), ratings, True, notes, nouns=("part", "conversation"))


def _read_rows(folder: Path, name: str, form: str, faults: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield file and line, and the fields of each line that is not blank and in the form, such as `name;start;end`."""
    try:
        text = (folder / name).read_bytes().decode("utf-8-sig", errors="replace")
    except FileNotFoundError:
        faults.append(f"{name} does not exist; copy it from the package")
        return
    for number, line in enumerate(text.splitlines(), 1):
        fields = [field.strip() for field in line.split(";")]
        if len(fields) == form.count(";") + 1:
            yield f"{name}:{number}", fields
        elif any(fields):
            faults.append(f"{name}:{number}: {line.strip()!r} is not {form}; correct the line")


def _read_partitions(folder: Path, faults: list[str]) -> dict[str, str]:
    """Read the set of each conversation."""
    sets: dict[str, str] = {}
    for where, (conversation, partition) in _read_rows(folder, PARTITIONS, "conversation;partition", faults):
        if not PART.fullmatch(f"{conversation}_1"):
            faults.append(
                f"{where}: {conversation!r} is not a conversation; MSP-Conversation_ and four digits are expected"
            )
        elif partition not in SET_NAMES:
            faults.append(f"{where}: {conversation}: the partition is {partition!r}; write Train, Validation or Test")
        elif conversation in sets:
            faults.append(f"{where}: {conversation} is listed twice; keep one line")
        sets.setdefault(conversation, SET_NAMES.get(partition, ""))
    return sets


def _parse_times(where: str, name: str, start: str, end: str, faults: list[str]) -> tuple[float, float] | None:
    """Return two times, or record a fault if they are none or the earlier one is not first."""
    try:
        times = float(start), float(end)
    except ValueError:
        times = math.nan, math.nan
    if 0 <= times[0] < times[1] < math.inf:
        return times
    faults.append(
        f"{where}: {name}: start {start!r} and end {end!r}: two times in seconds, start before end, are expected"
    )
    return None


def _read_parts(folder: Path, sets: dict[str, str], faults: list[str]) -> tuple[dict[str, Part], set[str]]:
    """Read the parts of the conversations; besides those without a fault return the names of all."""
    parts: dict[str, Part] = {}
    names: set[str] = set()
    unknown: set[str] = set()
    for where, (name, start, end) in _read_rows(folder, PARTS, "part;start;end", faults):
        match = PART.fullmatch(name)
        if not match:
            faults.append(f"{where}: {name!r} is not a part; a conversation, '_' and a number are expected")
            continue
        if name in names:
            faults.append(f"{where}: {name} is listed twice; keep one line")
            continue
        names.add(name)
        conversation, times = match[1], _parse_times(where, name, start, end, faults)
        if conversation not in sets and conversation not in unknown:
            faults.append(f"{where}: {name}: {conversation} is not in {PARTITIONS}; add it there or remove its parts")
            unknown.add(conversation)
        elif times and sets.get(conversation):
            parts[name] = Part(where, conversation, *times)
    return parts, names


def _read_begins(folder: Path, parts: dict[str, Part], faults: list[str]) -> dict[str, float]:
    """Return where the audio of each conversation begins in the podcast, in seconds."""
    begins: dict[str, float] = {}
    for part in parts.values():
        begins[part.conversation] = min(part.start, begins.get(part.conversation, math.inf))
    if (folder / CONVERSATIONS).exists():
        for where, (conversation, start, end) in _read_rows(folder, CONVERSATIONS, "conversation;start;end", faults):
            times = _parse_times(where, conversation, start, end, faults)
            if times and conversation in begins:
                begins[conversation] = times[0]
    return begins


def _locate_parts(
    folder: Path, parts: dict[str, Part], sets: dict[str, str], faults: list[str]
) -> dict[str, Recording]:
    """Return the parts that lie within the audio of their conversations."""
    begins, durations = _read_begins(folder, parts, faults), dict[str, float | None]()
    recordings = {}
    for name, (where, conversation, start, end) in parts.items():
        audio = _find_audio(folder) / f"{conversation}.wav"
        if conversation not in durations:
            durations[conversation] = _measure(folder, audio, f"{where}: {name}", faults)
        duration, begin = durations[conversation], begins[conversation]
        if duration is None:
            continue
        if start < begin:
            faults.append(
                f"{where}: {name} begins at {start:g} s, before its conversation, which begins at {begin:g} s by "
                f"{CONVERSATIONS}; correct one of them"
            )
        elif end - begin > duration + TOLERANCE:
            faults.append(
                f"{where}: {name} ends {end - begin:g} s after the beginning of its conversation, whose audio lasts "
                f"{duration:.2f} s; copy {audio.relative_to(folder)} again or correct the times"
            )
        else:
            last = min(end - begin, duration)
            recordings[name] = Recording(
                name, name, audio, conversation, sets[conversation], start - begin, last, where
            )
    return recordings


def _measure(folder: Path, audio: Path, where: str, faults: list[str]) -> float | None:
    """Return the duration of a conversation's audio in seconds, or record a fault."""
    if not audio.exists():
        name = audio.relative_to(folder)
        faults.append(f"{where}: {name} does not exist; copy it from the package or remove the conversation's parts")
        return None
    try:
        return read_duration(audio)
    except DataError as error:
        faults.append(f"{where}: {error}; {AGAIN}")
        return None


def _find_audio(folder: Path) -> Path:
    return folder / ("Audio" if (folder / "Audio").is_dir() else "Audios")


def _list_rating_files(folder: Path, dimension: str) -> list[Path]:
    files = (folder / ANNOTATIONS / dimension.title()).glob("*.csv")
    return sorted(path for path in files if not path.name.startswith("."))


def _group_rating_files(folder: Path, dimension: str, names: set[str], faults: list[str]) -> dict[str, dict[str, Path]]:
    """Return the files of a dimension by part and rater."""
    if not (folder / ANNOTATIONS / dimension.title()).is_dir():
        faults.append(f"{ANNOTATIONS}/{dimension.title()} does not exist; copy it from the package")
    groups: dict[str, dict[str, Path]] = {}
    for path in _list_rating_files(folder, dimension):
        where, match = path.relative_to(folder), RATING_FILE.fullmatch(path.name)
        if not match:
            faults.append(f"{where}: the name is not <part>_<rater>.csv; rename or remove the file")
        elif match[1] not in names:
            faults.append(f"{where}: there is no part {match[1]} in {PARTS}; add it there or remove this file")
        else:
            groups.setdefault(match[1], {})[match[3]] = path
    return groups


def _read_raters(folder: Path, dimension: str, files: dict[str, Path], faults: list[str]) -> Raters:
    """Read the traces of a part by rater."""
    raters: Raters = {}
    for rater, path in files.items():
        where = str(path.relative_to(folder))
        parsed = parse("msp-conversation", path.read_bytes())
        outside = [find_values_outside(trace, *SCALE, f"correct it, or {AGAIN}") for trace in parsed.traces]
        wrong = parsed.faults or [fault for fault in outside if fault]
        faults += [f"{where}:{line}: {message}" if line else f"{where}: {message}" for line, message in wrong]
        if not wrong:
            (raters[rater],) = ((where, trace) for trace in parsed.traces)
    return raters
