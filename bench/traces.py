#!/usr/bin/env python3
"""Measure how long it takes to read and resample 200 traces of 60 s at 25 Hz; prints the best of three rounds.

. ./path.sh && bench/traces.py
"""

from __future__ import annotations

import time

import numpy as np

from emoseq.labels.resampling import METHODS, resample
from emoseq.labels.trace_formats import parse, recognise_format

TRACES, SECONDS, RATE, ROUNDS = 200, 60, 25, 3


def main() -> None:
    rng = np.random.default_rng(1)
    rows = SECONDS * RATE
    times = (np.arange(rows) + 1) / RATE
    files = []
    for _ in range(TRACES):
        values = np.clip(np.cumsum(rng.standard_normal(rows)) * 0.02, -1, 1)
        files.append(
            ("time,anna\n" + "".join(f"{t:.2f},{v:.4f}\n" for t, v in zip(times, values, strict=True))).encode()
        )
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        start = time.perf_counter()
        traces = [parse(recognise_format(content), content, duration=SECONDS).traces[0] for content in files]
        best["read"] = min(best.get("read", np.inf), time.perf_counter() - start)
        for method in METHODS:
            start = time.perf_counter()
            for trace in traces:
                resample(trace.times, trace.values, frames=rows, shift=1 / RATE, method=method)
            best[method] = min(best.get(method, np.inf), time.perf_counter() - start)
    for name, seconds in best.items():
        print(f"{name} {seconds:.2f} s")


if __name__ == "__main__":
    main()
