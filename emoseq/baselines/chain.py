"""The chain of post-processing of the AVEC challenges, tuned on the dev set (Valstar et al. 2016).

Median filter, centring, scaling, time shift, in this order. Each step is kept only if it raises the dev CCC, and is
then applied to any series with the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq.baselines.options import Choice
from emoseq.baselines.smoothing import filter_median
from emoseq.features.windows import delay
from emoseq.metrics import concordance, pair_series


@dataclass(frozen=True)
class Chain:
    """What is done to a series; the defaults change nothing."""

    median: float = 0.0  # seconds
    bias: float = 0.0  # added
    scale: float = 1.0  # of what is above or below `centre`
    centre: float = 0.0
    shift: int = 0  # frames by which the series is delayed

    def __call__(self, series: ArrayLike) -> NDArray[np.float32]:
        """The series of shape (frames,) after all steps."""
        values = filter_median(series, self.median) + self.bias
        return delay(self.centre + self.scale * (values - self.centre), self.shift).astype(np.float32)


def tune_chain(
    series: Mapping[str, NDArray], gold: Mapping[str, NDArray], *, medians: Sequence[float], shifts: Sequence[int]
) -> tuple[Chain, list[Choice]]:
    """The chain that suits the dev set, and the CCC of all that was tried.

    Args:
        series, gold: prediction and gold standard (frames,) of each utterance of the dev set
        medians: widths of the filter to try, in seconds
        shifts: delays to try, in frames

    Raises:
        ValueError: as `emoseq.metrics.pair_series` and `concordance`
    """
    predictions, golds = pair_series(series, gold)
    true = np.concatenate(golds)

    def ccc_of(chain: Chain) -> float:
        return concordance(np.concatenate([chain(values) for values in predictions]), true)

    chain = Chain()
    best = ccc_of(chain)
    choices = [Choice("regression", "as it is", best)]
    for step in ("median", "centring", "scaling", "shift"):
        tried = [
            (Choice(step, setting, ccc_of(candidate)), candidate)
            for setting, candidate in _candidates(step, chain, predictions, true, medians, shifts)
        ]
        choices += [choice for choice, _ in tried]
        for choice, candidate in tried:
            if choice.score > best:
                best, chain = choice.score, candidate
    return chain, choices


def _candidates(
    step: str,
    chain: Chain,
    predictions: Sequence[NDArray],
    true: NDArray,
    medians: Sequence[float],
    shifts: Sequence[int],
) -> Iterator[tuple[str, Chain]]:
    """What a step of the chain may be, after the steps before it."""
    now = np.concatenate([chain(values) for values in predictions]).astype(np.float64)
    if step == "median":
        yield from ((f"{width:g} s", replace(chain, median=width)) for width in medians)
    elif step == "centring":
        bias = float(true.mean() - now.mean())
        yield f"{bias:+.6f}", replace(chain, bias=bias)
    elif step == "scaling" and now.std() > 0:
        scale = float(true.std() / now.std())
        yield f"times {scale:.6f}", replace(chain, scale=scale, centre=float(now.mean()))
    elif step == "shift":
        yield from ((f"{frames} frames", replace(chain, shift=frames)) for frames in shifts)
