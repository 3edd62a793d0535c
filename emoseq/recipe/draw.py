"""Draw of speakers into sets or folds, whose shares of the duration are given."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import TypeVar

K = TypeVar("K")


def sum_durations(recordings: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Return the seconds of each speaker from speaker and seconds of each recording.

    >>> sum_durations([("anna", 2.0), ("ben", 3.0), ("anna", 4.0)])
    {'anna': 6.0, 'ben': 3.0}
    """
    seconds: dict[str, float] = {}
    for speaker, duration in recordings:
        seconds[speaker] = seconds.get(speaker, 0.0) + duration
    return seconds


def draw_speakers(
    seconds: Mapping[str, float], shares: Mapping[K, float], seed: int, filled: Mapping[K, float] | None = None
) -> dict[str, K]:
    """Assign each speaker to a group, so that groups come near their shares of the duration.

    Speakers are taken by decreasing duration, in random order among equals. Each goes to the first group that is empty
    or, if none is, to the one that then exceeds its share least.

    Args:
        seconds: duration by speaker
        shares: by group, in any unit
        seed: of the order
        filled: seconds that are in the groups already

    Returns:
        group by speaker; none is empty if there are as many speakers as groups
    """
    order = sorted(seconds)
    random.Random(seed).shuffle(order)
    lasts = dict.fromkeys(shares, 0.0) | dict(filled or {})
    groups = {}
    for speaker in sorted(order, key=lambda name: -seconds[name]):
        chosen = min(shares, key=lambda group: (lasts[group] > 0, (lasts[group] + seconds[speaker]) / shares[group]))
        groups[speaker] = chosen
        lasts[chosen] += seconds[speaker]
    return groups
