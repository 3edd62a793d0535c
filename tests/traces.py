"""Facts about ratings, counted on traces and gold standards with no code of the corpus.

A trace rounded to two decimals climbs a slow ramp in stairs. Two steps less than PAUSE frames apart are therefore one
movement.
"""

from itertools import combinations, groupby, pairwise

import numpy as np
from series import direct_ccc

RATE = 25  # frames per second
PAUSE = 5  # frames


def split_runs(trace):
    """List (moves, first, last) of each hold and each movement, from frame `first` to frame `last`."""
    runs, start = [], 0
    for moves, group in groupby(a != b for a, b in pairwise(trace)):
        length = len(list(group))
        inside = start > 0 and start + length < len(trace) - 1
        moves = moves or (inside and length < PAUSE)
        if runs and runs[-1][0] == moves:
            runs[-1] = (moves, runs[-1][1], start + length)
        else:
            runs.append((moves, start, start + length))
        start += length
    return runs


def list_holds(trace):
    """Seconds of each hold."""
    return [(last - first) / RATE for moves, first, last in split_runs(trace) if not moves]


def list_speeds(trace):
    """Standard deviations a second in each frame of a movement; a step is spread over the pause before it."""
    speeds = []
    for moves, first, last in split_runs(trace):
        if moves:
            stairs = [first, *(i for i in range(first + 1, last + 1) if trace[i] != trace[i - 1])]
            for before, after in pairwise(stairs):
                speed = abs(trace[after] - trace[before]) * RATE / (after - before) / np.std(trace)
                speeds += [speed] * (after - before)
    return speeds


def share_still(trace):
    """Share of the frames in which a trace stands still."""
    return sum(list_holds(trace)) * RATE / (len(trace) - 1)


def count_regions(values, centers):
    """Maximal runs of one nearest center."""
    return sum(1 for _ in groupby(np.abs(np.subtract.outer(values, centers)).argmin(axis=1)))


def share_between(series):
    """Share of the variance of all frames that lies between series of equal length."""
    return np.var([np.mean(values) for values in series]) / np.var(np.concatenate(series))


def describe_raters(ratings):
    """Facts about the traces of raters, one array (frames, raters) a recording."""
    traces = [trace for columns in ratings for trace in columns.T]
    still = np.reshape([share_still(trace) for trace in traces], (len(ratings), -1)).mean(axis=0)
    holds = [hold for trace in traces for hold in list_holds(trace)]
    speeds = [speed for trace in traces for speed in list_speeds(trace)]
    steps = [step for trace in traces for step in np.abs(np.diff(trace)) * RATE / np.std(trace) if step]
    return {
        "still": still.mean(),
        "still, 10 %": np.quantile(still, 0.1),
        "still, 90 %": np.quantile(still, 0.9),
        "hold": np.median(holds),
        "hold, 90 %": np.quantile(holds, 0.9),
        "speed": np.median(speeds),
        "speed, 90 %": np.quantile(speeds, 0.9),
        "step, 90 %": np.quantile(steps, 0.9),
        "agreement": np.mean([direct_ccc(a, b) for columns in ratings for a, b in combinations(columns.T, 2)]),
    }


def describe_gold(gold, centers):
    """Facts about gold standards, one array (frames,) a recording; `centers` are lists of cluster means."""
    facts = {"gold still": np.mean([np.mean(np.diff(values) == 0) for values in gold])}
    minutes = sum(map(len, gold)) / RATE / 60
    for means in centers:
        facts[f"regions, K = {len(means)}"] = sum(count_regions(values, means) for values in gold) / minutes
    return facts | {"between": share_between(gold)}


def find_delay(trace, emotion, longest=6.0):
    """Delay in seconds at which a trace correlates best with the emotion; both of shape (frames,)."""
    lags = range(round(longest * RATE))
    return max(lags, key=lambda lag: np.corrcoef(emotion[: len(emotion) - lag], trace[lag:])[0, 1]) / RATE
