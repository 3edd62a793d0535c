"""Synthetic corpora in the layout of MSP-Conversation: noise whose loudness follows what synthetic raters rate.

The podcast of a conversation begins 100 s before it, and a pause of 1 s lies between its parts.
"""

import numpy as np
import soundfile
from people import RATE, rate_like_people

DIMENSIONS = ("Arousal", "Valence", "Dominance")
BEGIN, PAUSE = 100.0, 1.0
METADATA = [
    '"Time of Rating","05-Feb-2019 10:15:00"',
    '"Multimedia File","synthetic.wav"',
    '"Lower Label","low"',
    '"Upper Label","high"',
    '"Minimum Value","-100"',
    '"Maximum Value","100"',
    '"Number of Steps","9"',
    '"Second","Rating"',
    '"%%%%%%","%%%%%%"',
]


def name_conversation(number):
    return f"MSP-Conversation_{number:04d}"


def write_trace(path, times, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{time:.3f},{value:.2f}" for time, value in zip(times, values, strict=True)]
    path.write_text("\n".join([*METADATA, *rows]) + "\n")


def draw_times(random, seconds):
    """Irregular times of about 50 rows a second, the last at the end."""
    times = np.cumsum(random.choice([0.017, 0.018, 0.034], size=round(60 * seconds), p=[0.6, 0.3, 0.1]))
    return np.append(times[times < seconds - 0.01], seconds)


def write_corpus(folder, partitions, *, seconds=12, parts=2, raters=("001", "002", "003"), rate=8000, seed=1):
    """Write conversations of some parts each, numbered from 1; `partitions` has the name of each one's set."""
    random = np.random.default_rng(seed)
    for name in ("Audios", "Time_Labels", "Annotations"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    lists = {"partitions.txt": [], "Time_Labels/conversations.txt": [], "Time_Labels/conversation_parts.txt": []}
    total = parts * seconds + (parts - 1) * PAUSE
    for number, partition in enumerate(partitions, 1):
        conversation = name_conversation(number)
        lists["partitions.txt"].append(f"{conversation};{partition}")
        lists["Time_Labels/conversations.txt"].append(f"{conversation};{BEGIN:.2f};{BEGIN + total:.2f}")
        samples = random.normal(size=round(total * rate)) / 30
        for part in range(1, parts + 1):
            first = (part - 1) * (seconds + PAUSE)
            start = BEGIN + first
            lists["Time_Labels/conversation_parts.txt"].append(
                f"{conversation}_{part};{start:.2f};{start + seconds:.2f}"
            )
            ratings = rate_like_people(int(random.integers(2**31)), len(DIMENSIONS), seconds, len(raters))
            for dimension, traces in zip(DIMENSIONS, ratings.values(), strict=True):
                for rater, trace in zip(raters, traces.T, strict=True):
                    times = draw_times(random, seconds)
                    values = np.interp(times, (np.arange(len(trace)) + 1) / RATE, 100 * trace)
                    path = folder / "Annotations" / dimension / f"{conversation}_{part}_{rater}.csv"
                    write_trace(path, times, np.clip(values, -100, 100))
            loudness = np.exp(2 * ratings["rec_1"].mean(axis=1))
            samples[round(first * rate) :][: seconds * rate] *= np.repeat(loudness, rate // RATE)
        soundfile.write(folder / f"Audios/{conversation}.wav", samples, rate)
    for name, lines in lists.items():
        (folder / name).write_text("\n".join(lines) + "\n")
    return folder
