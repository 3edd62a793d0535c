"""Recordings and ratings of a corpus, as the scripts in its local/ read them, and the messages about them.

`emoseq.recipe.data_dirs` writes them as data directories.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoseq import SETS

SHOWN = 20  # faults or notes


@dataclass(frozen=True)
class Recording:
    """A whole audio file, or the part of it from `start` to `end` in seconds.

    `id` is the corpus's own name for it, `utterance` that in data directories, which begins with the speaker.
    """

    id: str
    utterance: str
    audio: Path
    speaker: str
    set: str  # one of SETS, or empty if it is to be drawn
    start: float
    end: float
    where: str  # file and line that name it, for messages

    @property
    def duration(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class RecordingRatings:
    """Ratings of one recording in one dimension on the scale from -1 to 1, shape (frames, raters), NaN if unrated."""

    values: NDArray[np.float32]
    raters: tuple[str, ...]


@dataclass(frozen=True)
class Corpus:
    """Recordings by set and id, and ratings by dimension and id.

    `segmented` says whether recordings are parts of audio files. `notes` are messages for the user. `nouns` are the
    words for a recording and a speaker in messages; their plurals end in s.
    """

    dimensions: tuple[str, ...]
    sets: dict[str, dict[str, Recording]]
    ratings: dict[str, dict[str, RecordingRatings]]
    segmented: bool
    notes: list[str] = field(default_factory=list)
    nouns: tuple[str, str] = ("recording", "speaker")


def divide_into_sets(recordings: Mapping[str, Recording]) -> dict[str, dict[str, Recording]]:
    """Return the recordings by set and id, the ids sorted."""
    return {name: {key: rec for key, rec in sorted(recordings.items()) if rec.set == name} for name in SETS}


def name_utterance(key: str, speaker: str) -> str:
    """Return the utterance of a recording: its id if that is the speaker or begins with the speaker and '-', else both.

    >>> name_utterance("anna-1", "anna"), name_utterance("talk1", "anna"), name_utterance("talk1", "talk1")
    ('anna-1', 'anna-talk1', 'talk1')
    """
    return key if key == speaker or key.startswith(f"{speaker}-") else f"{speaker}-{key}"


def find_naming_faults(recordings: Iterable[Recording]) -> list[str]:
    """Find utterances that share a name, and speakers that are not in the order of their utterances.

    Kaldi sorts the tables of a data directory by utterance and requires that this sorts them by speaker as well. That
    can fail only if one speaker's name begins with another's: utterance `a-b-1` of speaker `a-b` comes before `a-c` of
    `a`, but `a-b` comes after `a`.
    """
    faults, named = [], dict[str, Recording]()
    for recording in recordings:
        other = named.setdefault(recording.utterance, recording)
        if other is not recording:
            faults.append(
                f"{recording.where}: {recording.id}: its utterance {recording.utterance} is also that of {other.id} "
                f"({other.where}); rename one of the two"
            )
    mixed: dict[tuple[str, str], tuple[Recording, Recording]] = {}
    for before, after in pairwise(named[utterance] for utterance in sorted(named)):
        if after.speaker < before.speaker:
            mixed.setdefault((after.speaker, before.speaker), (before, after))
    return faults + [
        f"{after.where}: {after.id}: its utterance {after.utterance} comes after {before.utterance}, but its speaker "
        f"{after.speaker} before {before.speaker}; rename one of these speakers so that neither begins with the other"
        for before, after in mixed.values()
    ]


def name_audio(files: Iterable[Path]) -> dict[Path, str]:
    """Return an id for each audio file: its name without extension, with a number if the name is taken.

    Blanks and control characters become underscores.

    >>> list(name_audio([Path("a/talk 1.wav"), Path("b/talk 1.wav")]).values())
    ['talk_1', 'talk_1_2']
    """
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for path in sorted(set(files)):
        stem = "_".join("".join(mark if mark.isprintable() else " " for mark in path.stem).split()) or "audio"
        names[path] = next(name for name in (stem, *(f"{stem}_{i}" for i in range(2, 10**6))) if name not in taken)
        taken.add(names[path])
    return names


def describe_shared_speakers(recordings: Iterable[Recording]) -> list[str]:
    """Describe the speakers who are in two sets or more."""
    sets: dict[str, set[str]] = {}
    for recording in recordings:
        sets.setdefault(recording.speaker, set()).add(recording.set)
    return [
        f"speaker {speaker} is in {' and '.join(name for name in SETS if name in names)}; scores will be higher than "
        "on speakers unseen in training"
        for speaker, names in sorted(sets.items())
        if len(names) > 1
    ]


def describe_set(corpus: Corpus, name: str) -> str:
    """Describe a set: its size, and the numbers of raters in each dimension."""
    recordings, (noun, group) = corpus.sets[name], corpus.nouns
    if not recordings:
        return f"no {noun}s"
    speakers = len({recording.speaker for recording in recordings.values()})
    minutes = sum(recording.duration for recording in recordings.values()) / 60
    parts = [f"{count(len(recordings), noun)} of {count(speakers, group)}, {minutes:.1f} min"]
    for dimension in corpus.dimensions:
        sizes = sorted(
            len(corpus.ratings[dimension][key].raters) for key in recordings if key in corpus.ratings[dimension]
        )
        if not sizes:
            parts.append(f"{dimension}: no ratings")
            continue
        raters = f"{sizes[0]} to {sizes[-1]} raters" if sizes[0] < sizes[-1] else count(sizes[0], "rater")
        parts.append(f"{dimension}: {raters} of {count(len(sizes), noun)}")
    return "; ".join(parts)


def format_faults(source: Path, faults: list[str]) -> str:
    """Format the faults of a corpus: their number, then one per line."""
    return format_list(f"{source}: {count(len(faults), 'fault')}", faults)


def format_list(heading: str, items: list[str]) -> str:
    """Format a heading and one item a line, the first SHOWN of them."""
    rest = [f"and {len(items) - SHOWN} more"] if len(items) > SHOWN else []
    return "\n  ".join([f"{heading}:", *items[:SHOWN], *rest])


def count(number: int, noun: str) -> str:
    """Return a number and a noun whose plural ends in s.

    >>> count(1, "rater"), count(2, "rater")
    ('1 rater', '2 raters')
    """
    return f"{number} {noun}{'s' * (number != 1)}"
