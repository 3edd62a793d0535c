"""The latent emotion behind the synthetic speech, which the raters follow."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

FRAME_RATE = 25  # rows of ratings per second
CHANGE_SECONDS = 8.5  # mean time from one change of the emotion to the next
TRANSITION_SECONDS = 1.0  # duration of a change
PERSISTENCE = 0.7  # correlation of the values before and after a change
# Standard deviation between recordings, relative to that within a recording. About 0.3 of the variance of the gold
# standard then lies between recordings, the middle of 0.2 to 0.4; the raters' errors and delays take part in that.
LEVEL = 0.6


@dataclass(frozen=True)
class Course:
    """One dimension of the emotion of one recording, which holds a value, changes, and holds the next.

    `times` are the starts of the changes in seconds from the start of the recording, ascending; the first ones are
    negative. `values` are the emotion after each change; before the first change it has the first value. Both have
    shape (changes,).
    """

    times: NDArray[np.float64]
    values: NDArray[np.float64]

    def sample(self, frames: int) -> NDArray[np.float64]:
        """Compute the emotion at each frame of the recording, shape (frames,)."""
        starts = self.times[1:]
        ends = np.minimum(starts + TRANSITION_SECONDS, np.append(starts[1:], np.inf))
        knots = np.stack([starts, ends], axis=1).ravel()
        values = np.stack([self.values[:-1], self.values[1:]], axis=1).ravel()
        return np.interp(np.arange(frames) / FRAME_RATE, knots, values)


def draw_courses(rng: np.random.Generator, *, recordings: int, frames: int, lead: float) -> list[Course]:
    """Draw one dimension of the emotion of each recording of a set.

    Within a recording the emotion has variance 1. The means of the recordings, their levels, are the quantiles of a
    Gaussian in random order, so that every set has all levels.

    Args:
        rng: source of randomness
        recordings: number of recordings
        frames: of each recording
        lead: seconds before a recording, to whose changes raters with a delay still respond
    """
    ranks = (rng.permutation(recordings) + 0.5) / recordings
    return [_draw_course(rng, frames, lead, level=LEVEL * NormalDist().inv_cdf(rank)) for rank in ranks]


def _draw_course(rng: np.random.Generator, frames: int, lead: float, *, level: float) -> Course:
    seconds = (frames - 1) / FRAME_RATE
    slot = min(CHANGE_SECONDS, seconds / 2)  # one change in each; a short recording still has two
    before = int(np.ceil(lead / slot)) + 1
    count = before + int(np.ceil(seconds / slot))
    times = (np.arange(count) - before + rng.random(count)) * slot
    values = rng.standard_normal(count)
    for i in range(1, count):
        values[i] = PERSISTENCE * values[i - 1] + np.sqrt(1 - PERSISTENCE**2) * values[i]
    audible = Course(times, values).sample(frames)
    return Course(times, (values - audible.mean()) / audible.std() + level)
