"""Facts about ratings, measured directly on the traces of raters and on gold standards.

A trace rounded to two decimals climbs a slow ramp in stairs, so a pause of less than PAUSE frames between two
steps belongs to the movement.
"""

from itertools import groupby, pairwise

import numpy as np

PAUSE = 5  # frames of 40 ms
RATE = 25  # frames per second


def split_runs(trace, pause=PAUSE):
    """List (moves, first, last) of each hold and each movement: the trace between frames `first` and `last`."""
    steps = [a != b for a, b in pairwise(trace)]
    runs, start = [], 0
    for moves, group in groupby(steps):
        length = len(list(group))
        inside = start > 0 and start + length < len(steps)
        moves = moves or (inside and length < pause)
        if runs and runs[-1][0] == moves:
            runs[-1] = (moves, runs[-1][1], start + length)
        else:
            runs.append((moves, start, start + length))
        start += length
    return runs


def measure_holds(trace, pause=PAUSE):
    """Seconds of each hold."""
    return [(last - first) / RATE for moves, first, last in split_runs(trace, pause) if not moves]


def measure_speeds(trace, pause=PAUSE):
    """Standard deviations a second in each frame of movement, over the pause before and after it at most."""
    deviation = np.std(trace)
    speeds = []
    for moves, first, last in split_runs(trace, pause):
        if not moves:
            continue
        times = [t for t in range(first, last + 1) if t in (first, last) or trace[t] != trace[t - 1]]
        for before, after in pairwise(times):
            speed = abs(trace[after] - trace[before]) * RATE / (after - before) / deviation
            speeds += [speed] * (after - before)
    return speeds


def measure_still_share(trace, pause=PAUSE):
    """Share of the frames in which a trace stands still."""
    return sum(measure_holds(trace, pause)) * RATE / (len(trace) - 1)


def count_regions(classes):
    """Maximal runs of one class."""
    return sum(1 for _ in groupby(classes))


def share_between(series):
    """Share of the variance of all frames that lies between the means of the series, which are of equal length."""
    return np.var([np.mean(values) for values in series]) / np.var(np.concatenate(series))
