"""Score of a label sequence, term by term (paper, Sec. 4.3).

`acoustic_score` is AM(l) of Eq. 9, `language_model_score` is LM(B(l)) of Eq. 8, and `total_score` adds them up as
Eq. 8 does. `Scoring` holds the weights. The decoders search for the sequence of the highest total, and what they
return is scored here, from the definitions.
"""

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
    """Weights of the terms of Eq. 8, and the base of the language model's logarithms."""

    lm_weight: float = option("weight of the language model", default=0.0)
    acoustic_scale: float = option("scale of the log posteriors", default=1.0)
    score_end: bool = option("score </s> after the last region", default=True)
    log_base: str = option("base of the language model's logarithms in the score, e or 10", default="e")

    def __post_init__(self) -> None:
        if not 0 <= self.lm_weight <= MAX_WEIGHT:
            raise ValueError(f"--lm-weight {self.lm_weight:g}: a number from 0 to {MAX_WEIGHT:g} is needed")
        if not 0 < self.acoustic_scale <= MAX_WEIGHT:
            raise ValueError(
                f"--acoustic-scale {self.acoustic_scale:g}: a number above 0, to {MAX_WEIGHT:g}, is needed"
            )
        if self.log_base not in LOG_BASES:
            raise ValueError(f"--log-base {self.log_base}: choose {' or '.join(LOG_BASES)}")

    @property
    def natural_weight(self) -> float:
        """Weight of natural logarithms, such as those of a language model table."""
        return self.lm_weight / LOG_BASES[self.log_base]


PLAIN = Scoring()  # a hidden Markov model, no language model


def acoustic_score(
    labels: ArrayLike,
    posteriors: ArrayLike,
    transitions: ArrayLike,
    scoring: Scoring,
    *,
    initial: ArrayLike | None = None,
) -> float:
    """Return AM(l) of Eq. 9, its log posteriors scaled, with log P(first class) where `initial` is given.

    AM(l) = scale * sum_f log y_f(l_f) + sum_f log P(l_f+1 | l_f) + log pi(l_1), in natural logarithms. The paper has
    neither the scale nor the last term; they vanish by default.

    Args:
        labels: l, shape (frames,)
        posteriors: y, probabilities of shape (frames, K)
        transitions: P(next class | class), shape (K, K)
        scoring: weights, of which the acoustic scale counts here
        initial: pi, P(first class) of shape (K,)

    >>> posteriors, transitions = [[0.5, 0.5], [0.25, 0.75]], [[0.9, 0.1], [0.4, 0.6]]
    >>> score = acoustic_score([0, 1], posteriors, transitions, Scoring())
    >>> round(float(np.exp(score)), 6)  # 0.5 * 0.75 * 0.1
    0.0375
    """
    path = np.asarray(labels)
    with np.errstate(divide="ignore"):
        chosen = np.asarray(posteriors)[np.arange(len(path)), path].astype(np.float64)
        score = scoring.acoustic_scale * np.log(chosen).sum()
        score += np.log(np.asarray(transitions, dtype=np.float64))[path[:-1], path[1:]].sum()
        if initial is not None:
            score += np.log(np.asarray(initial, dtype=np.float64)[path[0]])
    return float(score)


def language_model_score(labels: ArrayLike, lm: Lm, scoring: Scoring) -> float:
    """Return LM(B(l)) of Eq. 8, log P_LM of the regions of a label sequence, unweighted.

    Args:
        labels: l, shape (frames,)
        lm: language model
        scoring: the base of the logarithm, and whether `</s>` is scored

    >>> half, third = np.log(1 / 2), np.log(1 / 3)
    >>> unigram = np.array([half, third, third])  # of r0, r1 and </s>
    >>> score = language_model_score([0, 0, 1, 1, 1, 0], unigram, Scoring())
    >>> round(float(np.exp(score)), 6)  # r0 r1 r0 </s>: 1/2 * 1/3 * 1/2 * 1/3
    0.027778
    """
    logarithm = score_sequence(lm, collapse(labels).tolist(), end=scoring.score_end)
    return logarithm / LOG_BASES[scoring.log_base]


def total_score(am: float, lm: float, scoring: Scoring) -> float:
    """Return the score that decoding maximises, AM(l) + weight * LM(B(l)) (Eq. 8).

    With weight 0 the language model may call a sequence impossible: an `lm` of minus infinity then counts for nothing.

    >>> total_score(-3.0, -2.0, Scoring(lm_weight=6.0))
    -15.0
    """
    return am + scoring.lm_weight * lm if scoring.lm_weight else am


def scale_log_posteriors(
    posteriors: ArrayLike, num_classes: int, scoring: Scoring, *, first: int = 0
) -> NDArray[np.float64]:
    """Return scaled log posteriors of shape (frames, K), the acoustic term of each class at each frame.

    Args:
        posteriors: probabilities of shape (frames, K)
        num_classes: K
        scoring: weights, of which the acoustic scale counts here
        first: number of the first frame in the utterance, for messages

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
