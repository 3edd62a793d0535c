"""A small synthetic corpus in the layout of egs/csv, and settings with which a run on it takes seconds."""

from typing import NamedTuple

import numpy as np
import soundfile


class Row(NamedTuple):
    """A row of recordings.csv."""

    seconds: int
    speaker: str
    set: str = ""


def write_corpus(folder, rows, dimension="liking"):
    """Write recordings r0, r1, ... whose loudness follows the ratings of two raters at 10 Hz, who pause and stop early.

    Every recording is unrated from 3.0 to 4.5 s and in its last second.
    """
    (folder / "ratings" / dimension).mkdir(parents=True)
    random = np.random.default_rng(3)
    named = any(row.set for row in rows)
    lines = ["id,audio,speaker" + ",set" * named]
    for number, row in enumerate(rows):
        emotion = np.repeat(random.normal(size=row.seconds // 2 + 1), 20)[: 10 * row.seconds]
        samples = np.repeat(np.exp(emotion), 1600) * random.normal(size=1600 * 10 * row.seconds) / 100
        soundfile.write(folder / f"r{number}.wav", samples, 16000)
        lines.append(f"r{number},r{number}.wav,{row.speaker}" + f",{row.set}" * named)
        rated = np.column_stack([np.tanh(emotion), np.tanh(emotion + 0.1 * random.normal(size=len(emotion)))])
        samples = [
            f"{(i + 1) / 10:.1f},{a:.3f},{b:.3f}\n"
            for i, (a, b) in enumerate(rated)
            if not 30 <= i < 45 and i < len(rated) - 10
        ]
        (folder / "ratings" / dimension / f"r{number}.csv").write_text("time,x,y\n" + "".join(samples))
    (folder / "recordings.csv").write_text("\n".join(lines) + "\n")
    return folder


def write_conf(folder):
    """Write settings of a network that is trained in seconds, at 10 labels a second."""
    folder.mkdir()
    settings = {
        "fbank": "--stack=10",
        "model": "--hidden-size=6",
        "labels": "--num-classes=3,4",
        "score": "--bootstrap-samples=50",
        "decode": "--lm-weights=0,4",
        "train": "--systems=cls\n--layers=1\n--seeds=1\n--first-stage-epochs=1\n--max-epochs=2",
    }
    for name, text in settings.items():
        (folder / f"{name}.conf").write_text(f"{text}\n")
    return folder
