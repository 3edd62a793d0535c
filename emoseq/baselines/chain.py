"""Post-processing chain of the AVEC challenges, tuned on the dev set (Valstar et al. 2016).

The steps are median filter, centring, scaling and time shift, in this order. A step is kept only if it raises the dev
CCC; its parameters from the dev set then apply to every series.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq.baselines.options import Choice
from emoseq.baselines.smoothing import filter_median
from emoseq.labels.delay import delay
from emoseq.metrics import align_series, concordance


@dataclass(frozen=True)
class Chain:
    """Parameters of the chain; the defaults leave a series of frames of `frame_shift` seconds unchanged."""

    frame_shift: float
    median: float = 0.0  # seconds
    bias: float = 0.0  # added
    scale: float = 1.0  # of the distance from `centre`
    centre: float = 0.0
    shift: int = 0  # frames by which the series is delayed

    def __call__(self, series: ArrayLike) -> NDArray[np.float32]:
        """Apply all steps to a series of shape (frames,)."""
        values = filter_median(series, self.median, self.frame_shift) + self.bias
        return delay(self.centre + self.scale * (values - self.centre), self.shift).astype(np.float32)


def tune_chain(
    series: Mapping[str, NDArray],
    gold: Mapping[str, NDArray],
    *,
    medians: Sequence[float],
    shifts: Sequence[int],
    frame_shift: float,
) -> tuple[Chain, list[Choice]]:
    """Tune the chain on the dev set; return it with the CCC of all settings that were tried.

    Args:
        series, gold: prediction and gold standard (frames,) of each utterance of the dev set
        medians: widths of the filter to try, in seconds
        shifts: delays to try, in frames
        frame_shift: seconds

    Raises:
        ValueError: as `emoseq.metrics.align_series` and `concordance`
    """
    predictions, golds = align_series(series, gold)
    true = np.concatenate(golds)
    rated = ~np.isnan(true)

    def apply(chain: Chain) -> NDArray[np.float32]:
        return np.concatenate([chain(values) for values in predictions])[rated]

    def score(chain: Chain) -> float:
        return concordance(apply(chain), true[rated])

    chain = Chain(frame_shift)
    best = score(chain)
    choices = [Choice(("regression", "as it is"), best)]
    for step in ("median", "centring", "scaling", "shift"):
        tried = [
            (Choice((step, setting), score(candidate)), candidate)
            for setting, candidate in _list_candidates(step, chain, apply(chain), true[rated], medians, shifts)
        ]
        choices += [choice for choice, _ in tried]
        for choice, candidate in tried:
            if choice.score > best:
                best, chain = choice.score, candidate
    return chain, choices


def _list_candidates(
    step: str,
    chain: Chain,
    predicted: NDArray,
    true: NDArray,
    medians: Sequence[float],
    shifts: Sequence[int],
) -> Iterator[tuple[str, Chain]]:
    """Yield the settings of one step, each with the chain that adds it to the steps before."""
    now = predicted.astype(np.float64)
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
