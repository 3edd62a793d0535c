"""Synthetic raters, and the marginal distribution to which their gold standard is shaped.

A rater holds still until a change of the emotion has been noticed, and then moves the hand towards the new value in a
few strokes with holds between them, as people do who rate with a controller. Traces of people, 60 s long, stand still
in 0.80 to 0.82 of the frames (0.62 to 0.93 from the 10th to the 90th percentile of people). A hold lasts 0.8 s in the
median and more than 4.3 s in one of ten. A moving trace moves by 0.6 of its standard deviation a second in the median
and by 5 in one of ten. The constants below were set by these numbers and by those of gold standards (docs/design.md),
not by the score of any system.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from latents import FRAME_RATE, Course
from numpy.typing import NDArray
from scipy.stats import gennorm, norm

from emoseq.labels.gold_standard import compute_gold_standard

RATERS = ("FM1", "FM2", "FM3", "FF1", "FF2", "FF3")
DELAY = (1.0, 4.0)  # seconds from the speech to the hand: the means of different raters
DELAY_DEVIATION = 0.4  # seconds, standard deviation of the delays of one rater in different recordings
SHORTEST_DELAY, LONGEST_DELAY = 0.5, 5.0  # seconds, in any recording
GAIN = (0.6, 1.4)
OFFSET = 0.06  # standard deviation over recordings, on the scale from -1 to 1
STROKES = (1.0, 2.2, 3.3, 4.5, 6.0, 12.0)  # mean number of strokes after a change; each rater has one of these
FIRST_STROKE = 0.75  # of the way to the new value, unless the first stroke is the only one
# Median and spread (standard deviation of the natural logarithm) of quantities that are log-normal.
FIRST_SPEED = (7.0, 0.3)  # of the first stroke, standard deviations of the emotion a second
SPEED = (0.5, 0.3)  # of the other strokes
HOLD = (0.7, 0.8)  # seconds between two strokes
# Probabilities of the quantiles that are mapped: few, since a fine map would put steps into ramps.
MAPPED = norm.cdf(np.linspace(-3, 3, 9))
CORRECTIONS = 6  # iterations; a map of the traces moves their mean only roughly as intended


@dataclass(frozen=True)
class Marginal:
    """Distribution of a gold standard over all frames: generalised normal, mean 0.

    `deviation` is the standard deviation, `shape` the exponent (2 is a Gaussian, more is lighter in the tails).
    """

    deviation: float
    shape: float

    def compute_quantiles(self, probabilities: NDArray) -> NDArray[np.float64]:
        """Compute the values below which the given shares of the frames lie."""
        return gennorm.ppf(probabilities, self.shape) * (self.deviation / gennorm.std(self.shape))


# Fitted to the paper's Table 1: how well k-means with 4, 6, 8 and 10 clusters reconstructs the gold standard of
# train and dev. A search over deviation (steps of 0.0005) and shape (steps of 0.05), with the optimal clusters
# of 60,000 quantiles, minimised the largest error over the eight numbers of a dimension: 0.0005 for arousal, 0.0015
# for valence.
MARGINALS = {
    "arousal": Marginal(deviation=0.1905, shape=3.55),
    "valence": Marginal(deviation=0.125, shape=1.85),
}
# Error of each stroke in standard deviations of the emotion; people agree less on valence.
NOISE = {"arousal": 0.36, "valence": 0.46}


@dataclass(frozen=True)
class Rater:
    """Properties of a rater that are the same in every recording."""

    delay: float  # seconds, the mean over recordings
    gain: float
    strokes: float  # mean number after a change


def draw_raters(rng: np.random.Generator) -> list[Rater]:
    """Draw one rater for each name in RATERS."""
    return [
        Rater(delay=rng.uniform(*DELAY), gain=rng.uniform(*GAIN), strokes=strokes)
        for strokes in rng.permutation(STROKES)
    ]


def rate(
    rng: np.random.Generator, course: Course, raters: Sequence[Rater], *, frames: int, dimension: str
) -> NDArray[np.float64]:
    """Rate one recording: each trace is that of a hand which follows the emotion late, scaled, shifted and with errors.

    Args:
        rng: source of randomness
        course: the emotion
        raters: one trace each
        frames: of the recording
        dimension: key of MARGINALS

    Returns:
        shape (frames, raters), not rounded
    """
    times = np.arange(frames) / FRAME_RATE
    traces = []
    for rater in raters:
        delay = np.clip(rng.normal(rater.delay, DELAY_DEVIATION), SHORTEST_DELAY, LONGEST_DELAY)
        felt = Course(course.times + delay, rater.gain * course.values)
        hand = np.interp(times, *_draw_hand(rng, felt, rater.strokes, NOISE[dimension]))
        traces.append(MARGINALS[dimension].deviation * hand + rng.normal(0, OFFSET))
    return np.stack(traces, axis=1)


def _draw_hand(
    rng: np.random.Generator, felt: Course, mean_strokes: float, noise: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the knots of a hand that holds and ramps: times in seconds and values, both of shape (knots,)."""
    times, values = [felt.times[0]], [felt.values[0]]
    for clock, end, target in zip(felt.times, np.append(felt.times[1:], np.inf), felt.values, strict=True):
        strokes = 1 + rng.poisson(mean_strokes - 1)
        way = np.linspace(FIRST_STROKE, 1, strokes) if strokes > 1 else np.ones(1)
        aims = values[-1] + (target - values[-1]) * way + noise * rng.standard_normal(strokes)
        speeds = _draw_log_normal(rng, *SPEED, strokes)
        speeds[0] = _draw_log_normal(rng, *FIRST_SPEED, 1)[0]
        for aim, speed, hold in zip(aims, speeds, _draw_log_normal(rng, *HOLD, strokes), strict=True):
            if clock >= end:
                break
            start, way_to_go = values[-1], aim - values[-1]
            stop = min(clock + abs(way_to_go) / speed, end)  # the next change cuts a stroke short
            times += [clock, stop]
            values += [start, start + np.sign(way_to_go) * speed * (stop - clock)]
            clock = stop + hold
    return np.array(times), np.array(values)


def _draw_log_normal(rng: np.random.Generator, median: float, spread: float, count: int) -> NDArray[np.float64]:
    return median * np.exp(spread * rng.standard_normal(count))


def shape_marginal(
    fitted: Sequence[NDArray], others: Sequence[NDArray], marginal: Marginal
) -> tuple[list[NDArray], list[NDArray]]:
    """Move ratings so that the pooled gold standard of `fitted` has the given marginal distribution.

    Quantiles of the gold standard are mapped onto those of the marginal, and so are the values of all traces: where a
    trace holds still, it still does. The gold standard is a mean of traces, so its marginal comes out only roughly;
    a few iterations correct it. `others`, a test set, go through the same maps.

    Args:
        fitted: ratings of shape (frames, raters), one array a recording
        others: further recordings, not counted in the pool
        marginal: the target distribution

    Returns:
        both lists as published: rounded to two decimals, in [-1, 1]
    """
    fitted, others = list(fitted), list(others)
    target = marginal.compute_quantiles(MAPPED)
    for _ in range(CORRECTIONS):
        pool = np.quantile(np.concatenate([compute_gold_standard(traces) for traces in fitted]), MAPPED)
        fitted = [_map(traces, pool, target) for traces in fitted]
        others = [_map(traces, pool, target) for traces in others]
    return [_publish(traces) for traces in fitted], [_publish(traces) for traces in others]


def _map(traces: NDArray, pool: NDArray, target: NDArray) -> NDArray:
    """Map values from the quantiles `pool` to the quantiles `target`, linearly beyond the ends of the pool."""
    inside = np.clip(traces, pool[0], pool[-1])
    return np.interp(inside, pool, target) + (traces - inside) * (target.std() / pool.std())


def _publish(traces: NDArray) -> NDArray:
    """Round and clip traces as RECOLA publishes them."""
    return np.clip(np.round(traces, 2), -1, 1) + 0.0  # adding 0 turns -0.00 into 0.00
