#!/usr/bin/env python3
"""Facts about the labels of the embedded corpus, beside those of people and the paper's Table 1.

No audio is made. Seconds are the length of a recording; "table 1" is the largest deviation of a CCC or RMSE.

Example:
  PYTHONPATH=.:local:tests python3 bench/corpus.py 60 300
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from make_corpus import DIMENSIONS, draw_recordings
from traces import describe_gold, describe_raters, find_delay

from emoseq.labels.gold_standard import compute_gold_standard
from emoseq.labels.kmeans import cluster
from emoseq.report.measures import score_reconstruction

TABLE_1 = Path(__file__).resolve().parent.parent / "egs" / "recola" / "conf" / "published" / "table1.csv"
RECORDINGS = 9  # of each set
PEOPLE = {
    "still": 0.81,
    "still, 10 %": 0.62,
    "still, 90 %": 0.93,
    "hold": 0.8,
    "hold, 90 %": 4.3,
    "speed": 0.6,
    "speed, 90 %": 5,
    "step, 90 %": 5,
    "gold still": 0.5,
    "regions, K = 4": 9.5,
    "regions, K = 10": 24.5,
    "between": 0.3,
    "table 1": 0,
}


def main(lengths: list[int]) -> int:
    table = pd.read_csv(TABLE_1, comment="#")
    published = table.set_index(["dimension", "clusters"])
    columns = {"people": PEOPLE}
    for seconds in lengths:
        for seed in (1, 2, 3):
            recordings = draw_recordings(seconds=seconds, seed=seed, recordings=RECORDINGS)
            for column, dimension in enumerate(DIMENSIONS):
                ratings = [recording.ratings[dimension] for recording in recordings]
                gold = [compute_gold_standard(traces)[1:] for traces in ratings]
                pool = np.round(np.concatenate(gold[: 2 * RECORDINGS]), 3)
                centers = {clusters: cluster(pool, clusters) for clusters in (4, 6, 8, 10)}
                facts = describe_raters(ratings) | describe_gold(gold, [centers[4], centers[10]])
                deviations = [
                    np.subtract(score_reconstruction(pool, means), published.loc[(dimension, clusters)].to_numpy())
                    for clusters, means in centers.items()
                ]
                emotion = [recording.emotion[:, column] for recording in recordings]
                delays = np.array(
                    [[find_delay(trace, e) for trace in traces.T] for traces, e in zip(ratings, emotion, strict=True)]
                )
                columns[f"{seconds} {seed} {dimension[:3]}"] = facts | {
                    "table 1": np.abs(deviations).max(),
                    "delay": np.median(delays),
                    "delay, raters": np.std(np.median(delays, axis=0)),
                    "delay, recordings": np.median(np.std(delays, axis=0)),
                }
    rows = list(dict.fromkeys(fact for facts in columns.values() for fact in facts))
    print(f"| {'':17} | " + " | ".join(f"{name:8}" for name in columns) + " |")
    print("|---" * (1 + len(columns)) + "|")
    for fact in rows:
        values = (f"{facts[fact]:8.3g}" if fact in facts else " " * 8 for facts in columns.values())
        print(f"| {fact:17} | " + " | ".join(values) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main([int(seconds) for seconds in sys.argv[1:] or ("60", "300")]))
