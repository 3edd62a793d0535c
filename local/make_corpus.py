#!/usr/bin/env python3
"""Write a synthetic corpus of emotional French speech in the layout of the AVEC 2016 package.

It stands in for RECOLA, which needs a licence: sentences are spoken by eSpeak's voices, and six
synthetic raters follow the latent arousal and valence that moved the voices. The same arguments give
the same bytes.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoseq import DataError
from emoseq.conf import log, run_step
from emoseq.ratings import gold_standard

SETS = ("train", "dev", "test")
DIMENSIONS = ("arousal", "valence")
RECORD = "corpus.json"  # what a corpus was made with; a folder without it is not ours to replace
MODULES = ("make_corpus.py", "latents.py", "raters.py", "sentences.py", "speech.py")


def get_parser() -> argparse.ArgumentParser:
    """Options of the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=_at_least(5), default=60, help="length of a recording (default 60)")
    parser.add_argument("--seed", type=_at_least(0), default=1, help="of all that is random (default 1)")
    parser.add_argument("--recordings", type=_at_least(1), default=9, help="of each of the three sets (default 9)")
    parser.add_argument("out_dir", metavar="OUT_DIR", type=Path, help="is replaced if it holds another such corpus")
    return parser


@dataclass(frozen=True)
class Recording:
    """One recording before it is spoken.

    `emotion` is the latent arousal and valence of shape (rows, 2), `ratings` the published traces of shape
    (rows, raters) per dimension; rows are at 25 Hz and begin at time 0.
    """

    name: str
    emotion: NDArray[np.float64]
    ratings: dict[str, NDArray[np.float64]]


def draw_recordings(*, seconds: int, seed: int, recordings: int) -> list[Recording]:
    """All that is written down about the corpus; `recordings` is the number per set."""
    from latents import FRAME_RATE, latent_emotion
    from raters import LAG, MARGINALS, draw_raters, rate, shape_marginal

    rows = seconds * FRAME_RATE + 1
    lead = round(max(LAG) * FRAME_RATE)
    names = [f"{part}_{number}" for part in SETS for number in range(1, recordings + 1)]
    emotions, ratings = [], []
    for column, dimension in enumerate(DIMENSIONS):
        rng = np.random.default_rng([seed, column])
        raters = draw_raters(rng)
        latents = [latent_emotion(rng, rows, lead=lead) for _ in names]
        traces = [rate(rng, latent, raters, lead=lead, dimension=dimension) for latent in latents]
        fitted = 2 * recordings  # train and dev: the sets that Table 1 is about
        published = shape_marginal(traces[:fitted], traces[fitted:], MARGINALS[dimension])
        emotions.append([latent[lead:] for latent in latents])
        ratings.append(published[0] + published[1])
    return [
        Recording(
            name,
            np.stack([columns[i] for columns in emotions], axis=1),
            {dimension: columns[i] for dimension, columns in zip(DIMENSIONS, ratings, strict=True)},
        )
        for i, name in enumerate(names)
    ]


def write_labels(folder: Path, recording: Recording) -> None:
    """Write the ratings (CSV) and the gold standard (ARFF) of one recording."""
    from latents import FRAME_RATE
    from raters import RATERS

    for dimension, ratings in recording.ratings.items():
        times = [f"{row / FRAME_RATE:.2f}" for row in range(len(ratings))]
        lines = ["time;" + " ;".join(RATERS)]
        lines += [";".join([time, *(f"{r:.2f}" for r in row)]) for time, row in zip(times, ratings, strict=True)]
        _write(folder / "ratings_individual" / dimension / f"{recording.name}.csv", lines)

        gold = gold_standard(ratings) + 0.0  # adding 0 turns -0.000000 into 0.000000
        lines = ["@relation GOLDSTANDARD", "", "@attribute Instance_name string"]
        lines += ["@attribute frameTime numeric", "@attribute GoldStandard numeric", "", "@data"]
        lines += [
            f"{recording.name},{time.rstrip('0').rstrip('.')},{value:.6f}"
            for time, value in zip(times, gold, strict=True)
        ]
        _write(folder / "ratings_gold_standard" / dimension / f"{recording.name}.arff", lines)


def write_audio(path: Path, emotion: NDArray, number: int, seed: list[int]) -> None:
    """Speak one recording; runs in a process of its own."""
    import soundfile
    from speech import SAMPLE_RATE, draw_speaker, render

    rng = np.random.default_rng(seed)
    samples = render(rng, draw_speaker(rng, number), emotion)
    soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_16")


def write_corpus(folder: Path, *, seconds: int, seed: int, recordings: int, processes: int | None = None) -> None:
    """Write the whole corpus into an empty folder; what is written does not depend on `processes`."""
    corpus = draw_recordings(seconds=seconds, seed=seed, recordings=recordings)
    for kind in ("ratings_individual", "ratings_gold_standard"):
        for dimension in DIMENSIONS:
            (folder / kind / dimension).mkdir(parents=True)
    (folder / "recordings_audio").mkdir()
    for recording in corpus:
        write_labels(folder, recording)
    jobs = (
        (
            folder / "recordings_audio" / f"{recording.name}.wav",
            recording.emotion,
            index % recordings,
            [seed, len(DIMENSIONS), index],  # the numbers before it seed the dimensions
        )
        for index, recording in enumerate(corpus)
    )
    _in_fresh_processes(write_audio, jobs, processes or os.cpu_count() or 1)


def _in_fresh_processes(function: Any, jobs: Iterator[tuple], processes: int) -> None:
    """Call `function(*job)` for each job, each in a new process that has rendered nothing before.

    The processes come from a fork server that holds the imported libraries and has rendered nothing either;
    a fork of this process could not be sure of that.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["parselmouth", "scipy.signal", "soundfile", "soxr"])
    running: dict[Any, Any] = {}
    try:
        for job in jobs:
            if len(running) == processes:
                _reap(running)
            process = context.Process(target=function, args=job)
            process.start()
            running[process.sentinel] = process
        while running:
            _reap(running)
    finally:
        for process in running.values():
            process.terminate()


def _reap(running: dict[Any, Any]) -> None:
    for sentinel in wait(list(running)):
        process = running.pop(sentinel)
        process.join()
        if process.exitcode:
            raise RuntimeError(f"a process that renders speech ended with status {process.exitcode}")


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")


def _found(out_dir: Path) -> dict[str, Any] | None:
    """What the corpus in a folder was made with; None if there is nothing in the way.

    Raises:
        DataError: if the folder holds something that this script did not write
    """
    if not out_dir.exists() or (out_dir.is_dir() and not any(out_dir.iterdir())):
        return None
    try:
        made_with = json.loads((out_dir / RECORD).read_text())
    except (OSError, ValueError):
        made_with = None
    if not isinstance(made_with, dict) or "code" not in made_with:
        raise DataError(f"{out_dir}: holds something else than a synthetic corpus; name another folder")
    return made_with


def _replace(out_dir: Path, corpus: Path, spare: Path) -> None:
    """Put `corpus` in the place of `out_dir`; both folders and the free name `spare` are on one file system."""
    if out_dir.exists():
        out_dir.rename(spare)
    corpus.rename(out_dir)


def main(argv: list[str] | None = None) -> int:
    """Run the script."""
    args = get_parser().parse_args(argv)
    out_dir = args.out_dir.resolve()
    options = {"seconds": args.seconds, "seed": args.seed, "recordings": args.recordings}
    made_with = options | {"code": _code_version()}
    if _found(out_dir) == made_with:
        log(f"{args.out_dir} is up to date")
        return 0
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out_dir.name}.", dir=out_dir.parent) as scratch:
        corpus = Path(scratch) / "corpus"
        corpus.mkdir()
        write_corpus(corpus, **options)
        (corpus / RECORD).write_text(json.dumps(made_with, indent=1) + "\n")
        _replace(out_dir, corpus, Path(scratch) / "replaced")
    log(f"wrote {len(SETS) * args.recordings} recordings of {args.seconds} s to {args.out_dir}")
    return 0


def _code_version() -> str:
    pass


def _at_least(lowest: int) -> Any:
    """Type of an option that is a whole number."""

    def whole_number(text: str) -> int:
        if not text.isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of {lowest} or more")
        return int(text)

    return whole_number


if __name__ == "__main__":
    sys.exit(run_step(main))
