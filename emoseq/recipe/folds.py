"""Folds of a cross-validation over speakers.

Fold i is the test set of models chosen on fold i + 1 (fold 1 after the last) and trained on the others. Each recording
is thus in one test set and in one dev set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emoseq import SETS, DataError, MissingInputError
from emoseq.io.datadir import read_frame_shift, read_table
from emoseq.recipe.corpus import list_sets, read_dimensions
from emoseq.recipe.draw import draw_speakers, sum_durations
from emoseq.recipe.options import check_range, option

FEWEST = 3  # folds: one each for test, dev and train


@dataclass(frozen=True)
class FoldOptions:
    """Options of the draw of folds (conf/folds.conf)."""

    seed: int = option("of the draw of speakers", default=1)

    def __post_init__(self) -> None:
        check_range(self, "seed", low=0)


@dataclass(frozen=True)
class Division:
    """Division of recordings into folds.

    Attributes:
        speakers: by utterance, of those that have ratings in all dimensions
        seconds: duration by speaker
        folds: from 1, by speaker
        unrated: utterances that lack ratings and are in no fold
    """

    speakers: dict[str, str]
    seconds: dict[str, float]
    folds: dict[str, int]
    unrated: list[str]


def check_count(count: int) -> None:
    """Check a number of folds.

    Raises:
        DataError: if it is less than 3
    """
    if count < FEWEST:
        raise DataError(
            f"--folds {count}: at least {FEWEST} are needed: one to test, one to choose settings and one to train"
        )


def draw_folds(seconds: Mapping[str, float], count: int, seed: int) -> dict[str, int]:
    """Draw a fold from 1 to `count` for each speaker as `draw_speakers`, so that folds have about equal durations.

    Raises:
        DataError: if there are fewer than 3 folds or fewer speakers than folds
    """
    check_count(count)
    if len(seconds) < count:
        raise DataError(
            f"--folds {count}: each fold needs a speaker of its own, and the corpus has {len(seconds)} speakers with "
            f"ratings; choose {FEWEST} to {len(seconds)} folds, or add speakers"
            if len(seconds) >= FEWEST
            else f"--folds {count}: {FEWEST} speakers with ratings are needed, not {len(seconds)}; add speakers"
        )
    return draw_speakers(seconds, dict.fromkeys(range(1, count + 1), 1.0), seed)


def divide_recordings(data: Path, count: int, seed: int) -> Division:
    """Divide the recordings of all sets in `data` into folds by speaker (utt2spk).

    Raises:
        DataError: if there are no sets, a table is missing or malformed, or as `draw_folds`
    """
    dimensions, sources = read_dimensions(data), [data / name for name in list_sets(data)]
    if not sources:
        raise MissingInputError(f"{data / 'train' / 'wav.scp'} does not exist; stage 0 writes it")
    speakers, lasts, unrated = dict[str, str](), list[tuple[str, float]](), list[str]()
    for source in sources:
        rated = [
            {
                utt
                for kind in ("ratings", "published")
                if (source / f"{kind}.{dim}.scp").exists()
                for utt in read_table(source / f"{kind}.{dim}.scp")
            }
            for dim in dimensions
        ]
        shift, lengths = read_frame_shift(source), read_table(source / "utt2num_frames")
        for utt, speaker in read_table(source / "utt2spk").items():
            if all(utt in ids for ids in rated):
                speakers[utt] = speaker
                lasts.append((speaker, shift * int(lengths[utt])))
            else:
                unrated.append(utt)
    seconds = sum_durations(lasts)
    return Division(speakers, seconds, draw_folds(seconds, count, seed), unrated)


def choose_set(fold: int, tested: int, count: int) -> str:
    """Return the set to which a fold belongs in the run whose test set is the fold `tested`.

    >>> [choose_set(fold, 3, 4) for fold in (1, 2, 3, 4)]
    ['train', 'train', 'test', 'dev']
    """
    train, dev, test = SETS
    return test if fold == tested else dev if fold == tested % count + 1 else train


def list_folds(folder: Path, count: int) -> list[Path]:
    """List fold_1 to fold_<count> below the folder of a run or of its data; for a count of 0, the folder itself."""
    return [folder / f"fold_{i}" for i in range(1, count + 1)] or [folder]


def check_folds(data: Path, count: int, seed: int) -> None:
    """Check that the recordings in `data` have been divided into the folds of this draw.

    Raises:
        DataError: if they have not
    """
    table = data / "folds"
    if not table.exists():
        raise MissingInputError(f"{table} is missing, which stage 2 writes: run --folds {count} --stage 2 first")
    found = {speaker: int(fold) for speaker, fold in read_table(table).items()}
    if max(found.values()) != count:
        raise DataError(
            f"{table}: {max(found.values())} folds, not {count}: run --folds {count} --stage 2 first, "
            f"or --folds {max(found.values())}"
        )
    if found != divide_recordings(data, count, seed).folds:
        raise DataError(
            f"{table}: not the draw of --seed={seed} from these recordings: run --folds {count} --stage 2 first"
        )
