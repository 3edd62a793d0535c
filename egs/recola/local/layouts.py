"""Where the packages in which RECOLA is given out keep what: each layout as one list of files.

`avec2016` is the package of the AVEC 2016 challenge, `ges2018` that of AVEC 2018's gold standard
sub-challenge, which may hold several gold standards, and `recola` the corpus's own distribution, whose
partition into sets is the user's to name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from emoseq import DIMENSIONS, SETS, DataError

LAYOUTS = ("avec2016", "ges2018", "recola")
AUDIO = (".wav", ".flac")
DEFAULT_PARTITION = Path("conf/partition")  # of the recipe in whose folder one works
RATINGS, PUBLISHED = "ratings", "published"  # individual ratings, and a gold standard of the package


@dataclass(frozen=True)
class Corpus:
    """Audio file of each utterance by set, and label file of each by (set, kind, dimension).

    `absent` are recordings that the partition names and the package lacks.
    """

    recordings: dict[str, dict[str, Path]]
    labels: dict[tuple[str, str, str], dict[str, Path]] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


def find_corpus(folder: Path, layout: str, *, gold_standard: str | None, partition: Path | None) -> Corpus:
    """The files of a corpus; those of train and dev complete or not there at all, of test whichever there are.

    Args:
        folder: the package
        layout: one of LAYOUTS, or "auto"
        gold_standard: which one of `ges2018`; None for the only one there is
        partition: of `recola`, lines `<set> <id> <id> ...`; None for DEFAULT_PARTITION where there is one

    Raises:
        DataError: if a file or folder is missing, or the layout or a choice within it is not clear
    """
    layout = recognise(folder) if layout == "auto" else layout
    if gold_standard and layout != "ges2018":
        raise DataError(f"--gold-standard {gold_standard}: {folder} is in layout {layout}, which has one or none")
    if partition and layout != "recola":
        raise DataError(f"--partition {partition}: {folder} is in layout {layout}, whose file names say the sets")
    if layout == "recola":
        return _recola(folder, partition or (DEFAULT_PARTITION if DEFAULT_PARTITION.is_file() else None))
    recordings = _avec_recordings(folder)
    published = "ratings_gold_standard"
    if layout == "ges2018":
        published = f"labels/{_chosen_gold_standard(folder / 'labels', gold_standard)}"
    places = [(PUBLISHED, published, ".arff"), (RATINGS, "ratings_individual", ".csv")]
    corpus = Corpus(recordings)
    for kind, place, suffix in places:
        for dimension in DIMENSIONS:
            labels = folder / place / dimension
            for name in SETS:
                _add(corpus, name, kind, dimension, {utt: labels / f"{utt}{suffix}" for utt in recordings[name]})
                # Numbers only: some users keep a train_all.arff beside them.
                strays = {path.stem for path in labels.glob(f"{name}_[0-9]*{suffix}")} - set(recordings[name])
                if strays:
                    raise DataError(
                        f"{folder}/recordings_audio/{min(strays)}.wav does not exist, but {place} has its {dimension}"
                    )
    return _checked(corpus, folder, " or ".join(place for _, place, _ in places))


def recognise(folder: Path) -> str:
    """The layout of a folder by the names in it.

    Raises:
        DataError: if it is none of LAYOUTS
    """
    if (folder / "RECOLA-Annotation").is_dir():
        return "recola"
    if (folder / "labels").is_dir() and not (folder / "ratings_gold_standard").is_dir():
        return "ges2018"
    if (folder / "recordings_audio").is_dir():
        return "avec2016"
    raise DataError(
        f"{folder}/recordings_audio does not exist, nor RECOLA-Annotation; --corpus must name a folder in the layout "
        f"{', '.join(LAYOUTS[:-1])} or {LAYOUTS[-1]}"
    )


def _avec_recordings(folder: Path) -> dict[str, dict[str, Path]]:
    found: dict[str, dict[str, Path]] = {name: {} for name in SETS}
    for stem, path in _audio(folder / "recordings_audio").items():
        name = stem.partition("_")[0]
        if name in found:
            found[name][stem] = path
    for name, recordings in found.items():
        if not recordings:
            raise DataError(f"{folder}/recordings_audio holds no {name}_*.wav; is the copy complete?")
    return found


def _chosen_gold_standard(labels: Path, name: str | None) -> str:
    names = sorted(path.name for path in labels.iterdir() if path.is_dir()) if labels.is_dir() else []
    if not names:
        raise DataError(f"{labels} holds no gold standard; is the copy complete?")
    if name is None and len(names) > 1:
        raise DataError(f"{labels} holds {len(names)} gold standards; choose with --gold-standard: {', '.join(names)}")
    if name is not None and name not in names:
        raise DataError(f"--gold-standard {name}: {labels} has {', '.join(names)}")
    return name or names[0]


def _recola(folder: Path, partition: Path | None) -> Corpus:
    if partition is None:
        raise DataError(f"{folder}: the distribution has no sets; name them with --partition FILE")
    audio = _audio(folder / "RECOLA-Audio-recordings")
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
            _add(corpus, name, RATINGS, dimension, files)
    return _checked(corpus, folder, "RECOLA-Annotation/emotional_behaviour")


def read_partition(path: Path) -> dict[str, set[str]]:
    """Ids of each set from lines `<set> <id> <id> ...`, a set on one line or more, `#` beginning a comment.

    Raises:
        DataError: if the file is missing, a line is malformed, a set is missing or an id comes twice
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        raise DataError(f"{path} does not exist or is no text; it must hold lines `train P16 P21 ...`") from None
    sets: dict[str, set[str]] = {name: set() for name in SETS}
    for number, line in enumerate(lines, 1):
        name, *ids = line.partition("#")[0].split() or [""]
        if not name:
            continue
        if name not in sets or not ids:
            raise DataError(f"{path}:{number}: not a line `train P16 P21 ...` of {', '.join(SETS)}")
        for utt in ids:
            if any(utt in others for others in sets.values()):
                raise DataError(f"{path}:{number}: {utt} comes twice")
            sets[name].add(utt)
    for name, of_set in sets.items():
        if not of_set:
            raise DataError(f"{path}: names no {name} recordings")
    return sets


def _audio(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"{folder} does not exist; is the copy complete?")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in AUDIO:
            continue
        if path.stem in found:
            raise DataError(f"{path}: {path.stem} is also the id of {found[path.stem].name}; keep one of the two")
        if any(character.isspace() for character in path.stem):
            raise DataError(f"{path}: an id may hold no blanks; rename the file")
        found[path.stem] = path.absolute()
    return found


def _add(corpus: Corpus, name: str, kind: str, dimension: str, files: dict[str, Path]) -> None:
    there = {utt: path for utt, path in files.items() if path.is_file()}
    missing = [path for utt, path in files.items() if utt not in there]
    if there and missing and name != "test":
        raise DataError(f"{missing[0]} does not exist, but other {name} recordings have theirs")
    if there:
        corpus.labels[name, kind, dimension] = there


def _checked(corpus: Corpus, folder: Path, places: str) -> Corpus:
    for name in ("train", "dev"):
        for dimension in DIMENSIONS:
            if not {(name, RATINGS, dimension), (name, PUBLISHED, dimension)} & set(corpus.labels):
                raise DataError(f"{folder}: no {dimension} of {name} in {places}")
    return corpus
