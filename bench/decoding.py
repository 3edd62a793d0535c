#!/usr/bin/env python3
"""Time of decoding one 300 s utterance, 10 classes: exact and beam, bigram and trigram, on one core.

Prints the median and the fastest of nine runs in milliseconds, compiled code warm, and the gap to the exact score.
Posteriors are drawn from a random walk through the classes, blurred until a third of the frames are ambiguous.
"""

from __future__ import annotations

import time

import numpy as np

from emoseq import decoding, ngram
from emoseq.labels import collapse, transitions

FRAMES, CLASSES, WEIGHT, RUNS = 7500, 10, 6.0, 9


def main() -> int:
    random = np.random.default_rng(0)
    labels = np.clip(np.cumsum(random.choice([-1, 0, 1], size=FRAMES, p=[0.01, 0.98, 0.01])), -4, 5) + 4
    logits = -0.5 * (np.arange(CLASSES) - labels[:, None] + random.normal(0, 1.0, size=(FRAMES, 1))) ** 2
    posteriors = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    matrix = transitions([labels], CLASSES)
    print(f"{'order':>5} {'search':>10} {'median ms':>10} {'fastest ms':>10} {'score gap':>10}")
    for order in (2, 3):
        tables = ngram.witten_bell([collapse(labels).tolist()], CLASSES, order)
        with np.errstate(divide="ignore"):
            table = np.maximum(np.log(tables[-1]), ngram.IMPOSSIBLE * np.log(10))
        exact = decoding.decode(posteriors, matrix, table, lm_weight=WEIGHT).total
        for search, beam in (("exact", 0), ("beam", 10), ("beam", 50), ("beam", 100)):
            seconds = []
            for _ in range(RUNS + 1):  # the first one compiles
                begin = time.perf_counter()
                best = decoding.decode(posteriors, matrix, table, lm_weight=WEIGHT, search=search, beam=beam)
                seconds.append(time.perf_counter() - begin)
            times = sorted(1000 * second for second in seconds[1:])
            name = f"{search} {beam}" if beam else search
            print(f"{order:>5} {name:>10} {times[RUNS // 2]:>10.2f} {times[0]:>10.2f} {exact - best.total:>10.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
