#!/usr/bin/env python3
"""Count what the check of ratings finds in synthetic corpora of three recordings, undamaged and damaged.

. ./path.sh && PYTHONPATH=.:local:tests python3 bench/ratings.py people 100 110

The arguments are the raters, `people` of tests/people.py (4 or 6) or `arousal` or `valence` of local/make_corpus.py
(6), the first seed, and the one after the last. Prints in how many corpora each damaged rater, and any other, is
named. Rater 1 is stuck from .3 of each recording on, rater 2 inverted and rater 3 late.
"""

from __future__ import annotations

import sys
from collections import Counter

import make_corpus
import numpy as np
from people import RATE, name_raters, rate_like_people

from emoseq.labels.rating_checks import check_ratings

LENGTHS = (45, 60, 120, 180, 300)
# Damage: seconds that rater 3 reacts later, seconds without a movement at the start, whether 1 is stuck and 2 inverted
DAMAGE = {
    "none": (0, 0, False),
    "+5 s": (5, 0, False),
    "+8 s": (8, 0, False),
    "+5 s, stuck, inverted": (5, 0, True),
    "+8 s, stuck, inverted": (8, 0, True),
    "late start, stuck, inverted": (0, 35, True),
}


def draw(kind: str, seed: int, seconds: int) -> dict[str, np.ndarray]:
    if kind == "people":
        return rate_like_people(seed, seconds=seconds, raters=4 + 2 * (seed % 2))
    corpus = make_corpus.draw_recordings(seconds=seconds, seed=seed, recordings=1)
    return {recording.name: recording.ratings[kind] for recording in corpus}


def damage(ratings: dict[str, np.ndarray], delay: int, start: int, others: bool) -> dict[str, np.ndarray]:
    damaged = {}
    for recording, traces in ratings.items():
        traces, late = np.array(traces, dtype=float), delay * RATE
        traces[late:, 2] = traces[: len(traces) - late, 2]
        traces[: max(late, start * RATE), 2] = 0
        if others:
            stuck = round(0.3 * len(traces))
            traces[stuck:, 0] = traces[stuck, 0]
            traces[:, 1] *= -1
        damaged[recording] = traces
    return damaged


def main() -> None:
    kind, seeds = sys.argv[1], range(*map(int, sys.argv[2:4]))
    for name, (delay, start, others) in DAMAGE.items():
        for seconds in LENGTHS:
            if start and seconds < 3 * start:
                continue
            found: Counter[str] = Counter()
            false = 0
            expected = set(["R1", "R2"] * others + ["R3"] * bool(delay or start))
            for seed in seeds:
                ratings = damage(draw(kind, seed, seconds), delay, start, others)
                checked = check_ratings(ratings, name_raters(ratings), 1 / RATE)
                named = {trace.rater for trace in checked.traces if trace.findings}
                found.update(named & expected)
                false += bool(named - expected)
            cells = [f"{found[rater]}" if rater in expected else "-" for rater in ("R1", "R2", "R3")]
            print("|", " | ".join([kind, name, f"{seconds}", *cells, str(false)]), "|", flush=True)


if __name__ == "__main__":
    main()
