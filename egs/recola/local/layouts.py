"""Layouts of the packages of RECOLA: find the audio and label files of each.

`avec2016` is the package of the AVEC 2016 challenge. `ges2018` is that of AVEC 2018's gold standard
sub-challenge, which may hold several gold standards. `recola` is the corpus's own distribution, which has no
partition into sets; the user names one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from emoseq import SETS, DataError, MissingInputError

DIMENSIONS = ("arousal", "valence")
LAYOUTS = ("avec2016", "ges2018", "recola")
AUDIO = (".wav", ".flac")
DEFAULT_PARTITION = Path("conf/partition")  # in the current folder
RATINGS, PUBLISHED = "ratings", "published"  # kinds of labels: individual ratings, gold standard of the package


@dataclass(frozen=True)
class Corpus:
    """Audio files by set and utterance, and label files by (set, kind, dimension) and utterance.

    `absent` has the recordings that the partition names and the package lacks.
    """

    recordings: dict[str, dict[str, Path]]
    labels: dict[tuple[str, str, str], dict[str, Path]] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


def find_corpus(folder: Path, layout: str, *, gold_standard: str | None, partition: Path | None) -> Corpus:
    """Find the files of a corpus: all labels of a kind for train and dev or none of them, any for test.

    Args:
        folder: the package
        layout: one of LAYOUTS, or "auto"
        gold_standard: name within `ges2018`; None for its only one
        partition: of `recola`, lines `<set> <id> <id> ...`; None for DEFAULT_PARTITION, if that exists

    Raises:
        DataError: if a file or folder is missing, or the layout, gold standard or partition is ambiguous
    """
    layout = recognise(folder) if layout == "auto" else layout
    if gold_standard and layout != "ges2018":
        raise DataError(
            f"--gold-standard {gold_standard}: {folder} is in layout {layout}, which has at most one gold standard; "
            "omit --gold-standard"
        )
    if partition and layout != "recola":
        raise DataError(
            f"--partition {partition}: {folder} is in layout {layout}, whose file names give the sets; omit --partition"
        )
    if layout == "recola":
        return _find_recola(folder, partition or (DEFAULT_PARTITION if DEFAULT_PARTITION.is_file() else None))
    recordings = _find_avec_recordings(folder)
    published = "ratings_gold_standard"
    if layout == "ges2018":
        published = f"labels/{_choose_gold_standard(folder / 'labels', gold_standard)}"
    sources = [(PUBLISHED, published, ".arff"), (RATINGS, "ratings_individual", ".csv")]
    corpus = Corpus(recordings)
    for kind, source, suffix in sources:
        for dimension in DIMENSIONS:
            labels = folder / source / dimension
            for name in SETS:
                _add_labels(corpus, name, kind, dimension, {utt: labels / f"{utt}{suffix}" for utt in recordings[name]})
                # Numbered files only: some users keep a train_all.arff beside them.
                strays = {path.stem for path in labels.glob(f"{name}_[0-9]*{suffix}")} - set(recordings[name])
                if strays:
                    raise DataError(
                        f"{folder}/recordings_audio/{min(strays)}.wav does not exist, but {source} has its {dimension}"
                    )
    _check_labels(corpus, folder, " or ".join(source for _, source, _ in sources))
    return corpus


def recognise(folder: Path) -> str:
    """Recognise the layout of a folder by the names in it.

    Raises:
        DataError: if the folder is in none of LAYOUTS
    """
    if (folder / "RECOLA-Annotation").is_dir():
        return "recola"
    if (folder / "labels").is_dir() and not (folder / "ratings_gold_standard").is_dir():
        return "ges2018"
    if (folder / "recordings_audio").is_dir():
        return "avec2016"
    raise MissingInputError(
        f"{folder}/recordings_audio does not exist, nor RECOLA-Annotation; --corpus must name a folder in the layout "
        f"{', '.join(LAYOUTS[:-1])} or {LAYOUTS[-1]}"
    )


def _find_avec_recordings(folder: Path) -> dict[str, dict[str, Path]]:
    """Find the audio files of each set, whose name begins the file name."""
    sets: dict[str, dict[str, Path]] = {name: {} for name in SETS}
    for stem, path in _list_audio(folder / "recordings_audio").items():
        name = stem.partition("_")[0]
        if name in sets:
            sets[name][stem] = path
    for name, recordings in sets.items():
        if not recordings:
            raise DataError(f"{folder}/recordings_audio holds no {name}_*.wav; is the copy complete?")
    return sets


def _choose_gold_standard(labels: Path, name: str | None) -> str:
    """Return the name of the gold standard to use in `ges2018`."""
    names = sorted(path.name for path in labels.iterdir() if path.is_dir()) if labels.is_dir() else []
    if not names:
        raise DataError(f"{labels} holds no gold standard; is the copy complete?")
    if name is None and len(names) > 1:
        raise DataError(f"{labels} holds {len(names)} gold standards; choose with --gold-standard: {', '.join(names)}")
    if name is not None and name not in names:
        raise DataError(f"--gold-standard {name}: {labels} has {', '.join(names)}")
    return name or names[0]


def _find_recola(folder: Path, partition: Path | None) -> Corpus:
    if partition is None:
        raise DataError(f"{folder}: the distribution has no sets; name them with --partition FILE")
    audio = _list_audio(folder / "RECOLA-Audio-recordings")
    sets = read_partition(partition)
    recordings: dict[str, dict[str, Path]] = {}
    for name, ids in sets.items():
        recordings[name] = {utt: audio[utt] for utt in sorted(ids) if utt in audio}
        if not recordings[name]:
            free = sorted(set(audio).difference(*sets.values()))
            raise DataError(
                f"{partition}: none of the {name} recordings is in {folder}/RECOLA-Audio-recordings; name others with "
                f"--partition FILE (in no set are: {' '.join(free) or 'none'})"
            )
    corpus = Corpus(recordings, absent=tuple(sorted(set().union(*sets.values()) - set(audio))))
    annotation = folder / "RECOLA-Annotation" / "emotional_behaviour"
    for dimension in DIMENSIONS:
        for name in SETS:
            files = {utt: annotation / dimension / f"{utt}.csv" for utt in recordings[name]}
            _add_labels(corpus, name, RATINGS, dimension, files)
    _check_labels(corpus, folder, "RECOLA-Annotation/emotional_behaviour")
    return corpus


def read_partition(path: Path) -> dict[str, set[str]]:
    """Read the ids of each set from lines `<set> <id> <id> ...`; a set may have several lines, `#` begins a comment.

    Raises:
        DataError: if the file is missing, a line is malformed, a set is missing or an id is repeated
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        raise DataError(
            f"{path} does not exist or is not a text file; it must hold lines `train P16 P21 ...`"
        ) from None
    sets: dict[str, set[str]] = {name: set() for name in SETS}
    for number, line in enumerate(lines, 1):
        name, *ids = line.partition("#")[0].split() or [""]
        if not name:
            continue
        if name not in sets or not ids:
            raise DataError(f"{path}:{number}: not a line `train P16 P21 ...` for one of {', '.join(SETS)}")
        for utt in ids:
            if any(utt in others for others in sets.values()):
                raise DataError(f"{path}:{number}: {utt} is repeated; name it in one set")
            sets[name].add(utt)
    for name, members in sets.items():
        if not members:
            raise DataError(f"{path}: names no {name} recordings; add a line `{name} <id> <id> ...`")
    return sets


def _list_audio(folder: Path) -> dict[str, Path]:
    """List the audio files of a folder by file stem, the utterance id."""
    if not folder.is_dir():
        raise DataError(f"{folder} does not exist; is the copy complete?")
    audio: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in AUDIO:
            continue
        if path.stem in audio:
            raise DataError(f"{path}: {path.stem} is also the id of {audio[path.stem].name}; keep one of the two")
        if any(character.isspace() for character in path.stem):
            raise DataError(f"{path}: an id must not contain white space; rename the file")
        audio[path.stem] = path.absolute()
    return audio


def _add_labels(corpus: Corpus, name: str, kind: str, dimension: str, files: dict[str, Path]) -> None:
    """Add the label files that exist; only test may lack some."""
    existing = {utt: path for utt, path in files.items() if path.is_file()}
    missing = [path for utt, path in files.items() if utt not in existing]
    if existing and missing and name != "test":
        raise DataError(f"{missing[0]} does not exist, but other {name} recordings have theirs")
    if existing:
        corpus.labels[name, kind, dimension] = existing


def _check_labels(corpus: Corpus, folder: Path, sources: str) -> None:
    """Raise a DataError if train or dev has neither kind of labels in a dimension."""
    for name in ("train", "dev"):
        for dimension in DIMENSIONS:
            if not {(name, RATINGS, dimension), (name, PUBLISHED, dimension)} & set(corpus.labels):
                raise DataError(f"{folder}: no {dimension} of {name} in {sources}; is the copy complete?")
