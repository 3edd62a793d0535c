"""Score of a label sequence, Eqs. 8 and 9, term by term."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq.lm.regions import collapse
from emoseq.lm.table import Lm, score_sequence
from emoseq.recipe.options import option

LOG_BASES = {"e": 1.0, "10": float(np.log(10))}


MAX_WEIGHT = 1e6


@dataclass(frozen=True)
class Scoring:
    """How the parts of Eq. 8 are weighed."""

    lm_weight: float = option("of the language model", default=0.0)
    acoustic_scale: float = option("of the log posteriors", default=1.0)
    score_end: bool = option("whether </s> after the last region is scored", default=True)
    log_base: str = option("of the language model's logarithms in the score, e or 10", default="e")

    def __post_init__(self) -> None:
        if not 0 <= self.lm_weight <= MAX_WEIGHT:
            raise ValueError(f"--lm-weight {self.lm_weight:g}: a number from 0 to {MAX_WEIGHT:g} is needed")
        if not 0 < self.acoustic_scale <= MAX_WEIGHT:
            raise ValueError(
                f"--acoustic-scale {self.acoustic_scale:g}: a number above 0, to {MAX_WEIGHT:g}, is needed"
            )
        if self.log_base not in LOG_BASES:
            raise ValueError(f"--log-base {self.log_base}: choose {' or '.join(LOG_BASES)}")

    def total(self, am: float, lm: float) -> float:
        """Eq. 8; with weight 0 the language model may call a sequence impossible."""
        return am + self.lm_weight * lm if self.lm_weight else am

    @property
    def natural_weight(self) -> float:
        """What the table's natural logarithms are multiplied by."""
        return self.lm_weight / LOG_BASES[self.log_base]


PLAIN = Scoring()  # a hidden Markov model, no language model


def scale_log_posteriors(
    posteriors: ArrayLike, num_classes: int, scoring: Scoring, *, first: int = 0
) -> NDArray[np.float64]:
    """Scaled log posteriors, shape (frames, K), of the frames from number `first` on.

    Raises:
        ValueError: if `posteriors` are not probabilities of that many classes that sum to 1 in each frame
    """
    probabilities = np.asarray(posteriors, dtype=np.float64)
    if probabilities.ndim != 2 or probabilities.shape[1] != num_classes:
        raise ValueError(f"posteriors of shape {probabilities.shape} for {num_classes} classes")
    if not len(probabilities):
        raise ValueError("no frames")
    sums = probabilities @ np.ones(num_classes)
    if not np.isfinite(sums).all():
        raise ValueError("posteriors must be probabilities, not NaN or infinite")
    if probabilities.min() < 0:
        raise ValueError("posteriors must be probabilities, not negative; are they logarithms?")
    worst = int(np.argmax(np.abs(sums - 1)))
    if abs(sums[worst] - 1) > 1e-3:
        raise ValueError(f"the posteriors of frame {first + worst + 1} sum to {sums[worst]:.6g}, not to 1")
    with np.errstate(divide="ignore"):
        scores = np.log(probabilities)
    return scores if scoring.acoustic_scale == 1 else scores * scoring.acoustic_scale


def path_score(
    labels: ArrayLike,
    posteriors: ArrayLike,
    transitions: ArrayLike,
    lm: Lm,
    scoring: Scoring,
    *,
    initial: ArrayLike | None = None,
) -> tuple[float, float]:
    """Scores of one label sequence from the definitions.

    Returns:
        the scaled acoustic score with transitions and initial probability (Eq. 9), and the unweighted
        LM score in the base of `scoring`
    """
    path = np.asarray(labels)
    with np.errstate(divide="ignore"):
        chosen = np.asarray(posteriors)[np.arange(len(path)), path].astype(np.float64)
        am = scoring.acoustic_scale * np.log(chosen).sum()
        am += np.log(np.asarray(transitions, dtype=np.float64))[path[:-1], path[1:]].sum()
        if initial is not None:
            am += np.log(np.asarray(initial, dtype=np.float64)[path[0]])
    logarithm = score_sequence(lm, collapse(path).tolist(), end=scoring.score_end)
    return float(am), logarithm / LOG_BASES[scoring.log_base]
