"""Synthetic raters, and the marginal distribution to which their gold standard is shaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from latents import FRAME_RATE, draw_slow_noise
from numpy.typing import NDArray
from scipy.stats import gennorm

from emoseq.labels.gold_standard import compute_gold_standard

RATERS = ("FM1", "FM2", "FM3", "FF1", "FF2", "FF3")
LAG = (1.0, 4.0)  # seconds from the speech to the hand
GAIN = (0.6, 1.4)
OFFSET = 0.06  # standard deviation over recordings, on the scale from -1 to 1
NOISE_SECONDS = 2.0  # time constant of a rater's noise
CORRECTIONS = 4  # iterations; each changes the rater weights a little, and so the gold standard


@dataclass(frozen=True)
class Marginal:
    """Distribution of a gold standard over all frames: generalised normal, mean 0.

    `deviation` is the standard deviation, `shape` the exponent (2 is a Gaussian, more is lighter in the tails).
    """

    deviation: float
    shape: float

    def compute_quantiles(self, count: int) -> NDArray[np.float64]:
        """Compute the values of ranks 1 to `count`, shape (count,)."""
        values = gennorm.ppf((np.arange(count) + 0.5) / count, self.shape)
        return values * (self.deviation / gennorm.std(self.shape))


# Fitted to the paper's Table 1: how well k-means with 4, 6, 8 and 10 clusters reconstructs the gold standard of
# train and dev. A search over deviation (steps of 0.0005) and shape (steps of 0.05), with the optimal clusters
# of 60,000 quantiles, minimised the largest error over the eight numbers of a dimension: 0.0005 for arousal, 0.0015
# for valence.
MARGINALS = {
    "arousal": Marginal(deviation=0.1905, shape=3.55),
    "valence": Marginal(deviation=0.125, shape=1.85),
}
# A rater's noise in standard deviations of the emotion; people agree less on valence.
NOISE = {"arousal": 0.5, "valence": 0.7}


@dataclass(frozen=True)
class Rater:
    """Properties of a rater that are the same in every recording."""

    lag: int  # frames
    gain: float


def draw_raters(rng: np.random.Generator) -> list[Rater]:
    """Draw one rater for each name in RATERS."""
    return [Rater(lag=round(rng.uniform(*LAG) * FRAME_RATE), gain=rng.uniform(*GAIN)) for _ in RATERS]


def rate(
    rng: np.random.Generator, latent: NDArray, raters: Sequence[Rater], *, lead: int, dimension: str
) -> NDArray[np.float64]:
    """Rate one recording: each trace is a delayed, scaled, shifted and noisy copy of the latent emotion.

    Args:
        rng: source of randomness
        latent: shape (lead + frames,), unit variance
        raters: one trace each
        lead: frames before the recording, at least the largest lag
        dimension: key of MARGINALS

    Returns:
        shape (frames, raters), not rounded
    """
    frames = len(latent) - lead
    traces = []
    for rater in raters:
        response = rater.gain * latent[lead - rater.lag : lead - rater.lag + frames]
        noise = NOISE[dimension] * draw_slow_noise(rng, frames, NOISE_SECONDS)
        traces.append(MARGINALS[dimension].deviation * (response + noise) + rng.normal(0, OFFSET))
    return np.stack(traces, axis=1)


def shape_marginal(
    fitted: Sequence[NDArray], others: Sequence[NDArray], marginal: Marginal
) -> tuple[list[NDArray], list[NDArray]]:
    """Move ratings so that the pooled gold standard of `fitted` has the given marginal distribution.

    The gold standard is mapped by rank onto the quantiles of the marginal. The change of the gold standard is added
    to all raters alike, so that their lags and disagreements stay. `others`, a test set, go through the same map by
    interpolation.

    Args:
        fitted: ratings of shape (frames, raters), one array a recording
        others: further recordings, not counted in the pool
        marginal: the target distribution

    Returns:
        both lists as published: rounded to two decimals, in [-1, 1]
    """
    fitted, others = list(fitted), list(others)
    target = marginal.compute_quantiles(sum(len(traces) for traces in fitted))
    for _ in range(CORRECTIONS):
        golds = [compute_gold_standard(traces) for traces in fitted]
        pool = np.sort(np.concatenate(golds))
        fitted = [_move(traces, gold, pool, target) for traces, gold in zip(fitted, golds, strict=True)]
        others = [_move(traces, compute_gold_standard(traces), pool, target) for traces in others]
    return [_publish(traces) for traces in fitted], [_publish(traces) for traces in others]


def _move(traces: NDArray, gold: NDArray, pool: NDArray, target: NDArray) -> NDArray:
    """Shift traces (frames, raters) by the map from `pool` to `target`, linear beyond the ends of the pool."""
    inside = np.clip(gold, pool[0], pool[-1])
    beyond = (gold - inside) * target.std() / pool.std()
    return traces + (np.interp(inside, pool, target) + beyond - gold)[:, None]


def _publish(traces: NDArray) -> NDArray:
    """Round and clip traces as RECOLA publishes them."""
    return np.clip(np.round(traces, 2), -1, 1) + 0.0  # adding 0 turns -0.00 into 0.00
