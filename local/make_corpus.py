#!/usr/bin/env python3
"""Write a synthetic corpus of emotional French speech in the layout of the AVEC 2016 package.

It stands in for RECOLA, which needs a licence: eSpeak's voices speak sentences, coloured by a latent arousal
and valence, which six synthetic raters follow. The same arguments give the same bytes. A corpus made with
other arguments is replaced; any other folder is left alone and is an error.

Example:
  local/make_corpus.py --seconds 30 --recordings 2 corpus
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import _recipe  # noqa: F401
import numpy as np
from latents import FRAME_RATE, draw_courses
from numpy.typing import NDArray

from emoseq import SETS, DataError
from emoseq.io.files import write_bytes, write_text
from emoseq.labels.gold_standard import compute_gold_standard
from emoseq.recipe.log import log
from emoseq.recipe.options import Parser
from emoseq.recipe.stamp import digest_code
from emoseq.recipe.step import run_step

# raters and speech take a second to import, so they are imported only when a corpus is made.

DIMENSIONS = ("arousal", "valence")
RECORD = "corpus.json"  # arguments and versions of a corpus; a folder without this file is never replaced
MODULES = ("make_corpus.py", "latents.py", "raters.py", "sentences.py", "speech.py")
LIBRARIES = ("numpy", "scipy", "soxr", "praat-parselmouth")  # on which the bytes depend


def get_parser() -> Parser:
    parser = Parser(__doc__, "corpus", plans=True)
    parser.add_argument(
        "--seconds", type=_make_whole_number_parser(5), required=True, metavar="X", help="length of a recording"
    )
    parser.add_argument(
        "--seed", type=_make_whole_number_parser(0), required=True, metavar="X", help="seed of all random numbers"
    )
    parser.add_argument(
        "--recordings",
        type=_make_whole_number_parser(1),
        required=True,
        metavar="X",
        help="recordings in each of train, dev and test",
    )
    parser.add_argument("out_dir", metavar="OUT_DIR", type=Path, help="folder for the corpus")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    out_dir = args.out_dir.resolve()
    options = {"seconds": args.seconds, "seed": args.seed, "recordings": args.recordings}
    made_with = options | _describe_versions()
    if _read_record(out_dir) == made_with and all(
        path.is_file() for name in _name_recordings(args.recordings) for path in _list_files(out_dir, name)
    ):
        log(f"{args.out_dir}: up to date")
        return 0
    if args.dry_run:
        log(f"{args.out_dir}: would run ({'options or code' if out_dir.exists() else 'missing'})")
        return 0
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out_dir.name}.", dir=out_dir.parent) as scratch:
        corpus = Path(scratch) / "corpus"
        write_corpus(corpus, **options)
        write_text(corpus / RECORD, json.dumps(made_with, indent=1) + "\n")
        if out_dir.exists():
            out_dir.rename(Path(scratch) / "replaced")
        corpus.rename(out_dir)
    log(f"wrote {len(SETS) * args.recordings} recordings of {args.seconds} s to {args.out_dir}")
    return 0


@dataclass(frozen=True)
class Recording:
    """One recording before it is rendered; rows are at 25 Hz and begin at time 0.

    `emotion` is the latent arousal and valence, shape (rows, 2), of variance 1 around the level of the recording;
    `ratings` has the published traces of each dimension, shape (rows, raters).
    """

    name: str
    emotion: NDArray[np.float64]
    ratings: dict[str, NDArray[np.float64]]


def draw_recordings(*, seconds: int, seed: int, recordings: int) -> list[Recording]:
    """Draw everything about a corpus but its audio; `recordings` is the number in each set."""
    from raters import LONGEST_DELAY, MARGINALS, draw_raters, rate, shape_marginal

    rows = seconds * FRAME_RATE + 1
    names = _name_recordings(recordings)
    fitted = 2 * recordings  # train and dev, the sets that the paper's Table 1 is about
    emotion = np.empty((len(names), rows, len(DIMENSIONS)))
    ratings = {}
    for column, dimension in enumerate(DIMENSIONS):
        rng = np.random.default_rng([seed, column])
        raters = draw_raters(rng)
        courses = [
            course for _ in SETS for course in draw_courses(rng, recordings=recordings, frames=rows, lead=LONGEST_DELAY)
        ]
        emotion[:, :, column] = [course.sample(rows) for course in courses]
        traces = [rate(rng, course, raters, frames=rows, dimension=dimension) for course in courses]
        published = shape_marginal(traces[:fitted], traces[fitted:], MARGINALS[dimension])
        ratings[dimension] = published[0] + published[1]
    return [
        Recording(name, emotion[i], {dimension: ratings[dimension][i] for dimension in DIMENSIONS})
        for i, name in enumerate(names)
    ]


def write_corpus(folder: Path, *, seconds: int, seed: int, recordings: int, processes: int | None = None) -> None:
    """Write all files of a corpus into a new folder; the bytes do not depend on the number of processes."""
    corpus = draw_recordings(seconds=seconds, seed=seed, recordings=recordings)
    jobs = []
    for index, recording in enumerate(corpus):
        audio, *labels = _list_files(folder, recording.name)
        for path in (audio, *labels):
            path.parent.mkdir(parents=True, exist_ok=True)
        _write_labels(recording, labels)
        # 0 and 1 in the middle are the seeds of the dimensions.
        jobs.append((audio, recording.emotion, index % recordings, [seed, len(DIMENSIONS), index]))
    _run_in_fresh_processes(_write_audio, jobs, processes or os.cpu_count() or 1)


def _name_recordings(recordings: int) -> list[str]:
    return [f"{part}_{number}" for part in SETS for number in range(1, recordings + 1)]


def _list_files(folder: Path, name: str) -> list[Path]:
    """List the files of a recording: audio, ratings of each dimension, gold standard of each dimension."""
    return [
        folder / "recordings_audio" / f"{name}.wav",
        *(folder / "ratings_individual" / dimension / f"{name}.csv" for dimension in DIMENSIONS),
        *(folder / "ratings_gold_standard" / dimension / f"{name}.arff" for dimension in DIMENSIONS),
    ]


def _write_labels(recording: Recording, paths: list[Path]) -> None:
    from raters import RATERS

    texts = []
    for ratings in recording.ratings.values():
        rows = (";".join(f"{value:.2f}" for value in [i / FRAME_RATE, *row]) for i, row in enumerate(ratings))
        texts.append(["time;" + " ;".join(RATERS), *rows])
    for ratings in recording.ratings.values():
        gold = compute_gold_standard(ratings) + 0.0  # adding 0 turns -0.000000 into 0.000000
        times = (f"{i / FRAME_RATE:.2f}".rstrip("0").rstrip(".") for i in range(len(gold)))
        rows = (f"{recording.name},{time},{value:.6f}" for time, value in zip(times, gold, strict=True))
        header = [
            "@attribute Instance_name string",
            "@attribute frameTime numeric",
            "@attribute GoldStandard numeric",
        ]
        texts.append(["@relation GOLDSTANDARD", "", *header, "", "@data", *rows])
    for path, lines in zip(paths, texts, strict=True):
        write_text(path, "\n".join(lines) + "\n")


def _write_audio(path: Path, emotion: NDArray, number: int, seed: list[int]) -> None:
    import soundfile
    from speech import SAMPLE_RATE, draw_speaker, render

    rng = np.random.default_rng(seed)
    stream = io.BytesIO()
    samples = render(rng, draw_speaker(rng, number), emotion)
    soundfile.write(stream, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    write_bytes(path, stream.getbuffer())


def _run_in_fresh_processes(function: Callable, jobs: Iterable[tuple], processes: int) -> None:
    """Call `function(*job)` for each job, each in a process that has rendered no speech before.

    The processes fork from a server that has loaded the libraries but rendered nothing. Forks of this process
    would inherit the state of eSpeak if it had been used here.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["emoseq.recipe.options", "emoseq.recipe.stamp", "parselmouth", "scipy.signal", "soundfile", "soxr"]
    )
    running: dict[Any, Any] = {}
    try:
        for job in jobs:
            if len(running) >= processes:
                _reap(running)
            process = context.Process(target=_run_job, args=(function, job))
            process.start()
            running[process.sentinel] = process
        while running:
            _reap(running)
    finally:
        for process in running.values():
            process.terminate()
            process.join()


def _run_job(function: Callable, job: tuple) -> None:
    sys.exit(run_step(lambda: function(*job)))


def _reap(running: dict[Any, Any]) -> None:
    """Wait until a process ends and remove it from `running`.

    Raises:
        DataError: if it failed; it has printed the reason, unless a signal killed it
    """
    for sentinel in wait(list(running)):
        process = running.pop(sentinel)
        process.join()
        if process.exitcode:
            signalled = "; a signal killed it: is there enough memory?" if process.exitcode < 0 else ""
            raise DataError(f"a process that renders speech ended with status {process.exitcode}{signalled}")


def _read_record(out_dir: Path) -> dict[str, Any] | None:
    """Read the arguments and versions of the corpus in a folder; None if the folder is empty or missing.

    Raises:
        DataError: if the folder holds files that this script did not write
    """
    if not out_dir.exists() or (out_dir.is_dir() and not any(out_dir.iterdir())):
        return None
    try:
        made_with = json.loads((out_dir / RECORD).read_text())
    except (OSError, ValueError):
        made_with = None
    if not isinstance(made_with, dict) or "code" not in made_with:
        raise DataError(f"{out_dir} is not a synthetic corpus; remove it or name another folder")
    return made_with


def _describe_versions() -> dict[str, Any]:
    """Return the code and the library versions on which the bytes of a corpus depend."""
    folder = Path(__file__).resolve().parent
    return {
        "code": [digest_code(folder / module) for module in MODULES],
        "libraries": {library: version(library) for library in LIBRARIES},
    }


def _make_whole_number_parser(lowest: int) -> Callable[[str], int]:
    """Make the type of an option that is a whole number."""

    def parse_whole_number(text: str) -> int:
        if not text.isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of {lowest} or more")
        return int(text)

    return parse_whole_number


if __name__ == "__main__":
    sys.exit(run_step(main))
