"""Synthetic raters, and the marginal distribution that their gold standard is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from latents import FRAME_RATE, slow_noise
from numpy.typing import NDArray
from scipy.stats import gennorm

from emoseq.labels.gold_standard import compute_gold_standard

RATERS = ("FM1", "FM2", "FM3", "FF1", "FF2", "FF3")
LAG = (1.0, 4.0)  # seconds from the speech to the hand
GAIN = (0.6, 1.4)
OFFSET = 0.06  # standard deviation over recordings, on the scale from -1 to 1
NOISE_SECONDS = 2.0  # time constant of a rater's wavering
CORRECTIONS = 4  # of the marginal; rater weights, and so the offset, move a little with each


@dataclass(frozen=True)
class Marginal:
    """Distribution of a gold standard over all frames: generalised normal, mean 0.

    `deviation` is the standard deviation, `shape` the exponent (2 is a Gaussian, more is lighter in the tails).
    """

    deviation: float
    shape: float

    def quantiles(self, count: int) -> NDArray[np.float64]:
        """The values whose ranks are 1 to `count`, shape (count,)."""
        values = gennorm.ppf((np.arange(count) + 0.5) / count, self.shape)
        return values * (self.deviation / gennorm.std(self.shape))


# The paper's Table 1 says how well K-means with 4, 6, 8 and 10 clusters reconstructs the gold standard of
# train and dev. These are the deviation (in steps of 0.0005) and the shape (in steps of 0.05) with the
# smallest largest deviation from its eight numbers per dimension, with the optimal clusters of 60,000
# quantiles: within 0.0005 for arousal, 0.0015 for valence.
MARGINALS = {
    "arousal": Marginal(deviation=0.1905, shape=3.55),
    "valence": Marginal(deviation=0.125, shape=1.85),
}
# A rater's wavering, in standard deviations of the emotion: people agree less on valence.
NOISE = {"arousal": 0.5, "valence": 0.7}


@dataclass(frozen=True)
class Rater:
    """What a rater brings to every recording."""

    lag: int  # frames
    gain: float


def draw_raters(rng: np.random.Generator) -> list[Rater]:
    """One rater for each of RATERS."""
    return [Rater(lag=round(rng.uniform(*LAG) * FRAME_RATE), gain=rng.uniform(*GAIN)) for _ in RATERS]


def rate(
    rng: np.random.Generator, latent: NDArray, raters: Sequence[Rater], *, lead: int, dimension: str
) -> NDArray[np.float64]:
    """Traces of the raters of one recording: late, scaled, shifted and wavering copies of the latent.

    Args:
        rng: source of randomness
        latent: shape (lead + frames,), unit variance
        raters: who listens
        lead: frames before the recording, no less than any lag
        dimension: key of MARGINALS

    Returns:
        shape (frames, raters), not rounded
    """
    frames = len(latent) - lead
    traces = []
    for rater in raters:
        response = rater.gain * latent[lead - rater.lag : lead - rater.lag + frames]
        wavering = NOISE[dimension] * slow_noise(rng, frames, NOISE_SECONDS)
        traces.append(MARGINALS[dimension].deviation * (response + wavering) + rng.normal(0, OFFSET))
    return np.stack(traces, axis=1)


def shape_marginal(
    fitted: Sequence[NDArray], others: Sequence[NDArray], marginal: Marginal
) -> tuple[list[NDArray], list[NDArray]]:
    """Move ratings so that the pooled gold standard of `fitted` has the marginal, whatever was drawn.

    The gold standard is mapped by its ranks onto the marginal's quantiles, and what the map adds to it is
    added to all raters alike, so that their lags and disagreements stay. `others` go through the same map,
    interpolated: a test set has no ranks of its own.

    Args:
        fitted: ratings of shape (frames, raters), one array a recording
        others: further recordings, not counted in the pool
        marginal: the distribution wanted

    Returns:
        both lists as they are published: rounded to two decimals, in [-1, 1]
    """
    fitted, others = list(fitted), list(others)
    target = marginal.quantiles(sum(len(traces) for traces in fitted))
    for _ in range(CORRECTIONS):
        golds = [compute_gold_standard(traces) for traces in fitted]
        pool = np.sort(np.concatenate(golds))
        fitted = [_move(traces, gold, pool, target) for traces, gold in zip(fitted, golds, strict=True)]
        others = [_move(traces, compute_gold_standard(traces), pool, target) for traces in others]
    return [_publish(traces) for traces in fitted], [_publish(traces) for traces in others]


def _move(traces: NDArray, gold: NDArray, pool: NDArray, target: NDArray) -> NDArray:
    inside = np.clip(gold, pool[0], pool[-1])
    beyond = (gold - inside) * target.std() / pool.std()
    return traces + (np.interp(inside, pool, target) + beyond - gold)[:, None]


def _publish(traces: NDArray) -> NDArray:
    return np.clip(np.round(traces, 2), -1, 1) + 0.0  # adding 0 turns -0.00 into 0.00
