"""Emotion decoding (paper, Sec. 4.3): the label sequence that maximises Eq. 8.

`score` defines the score, `graph` the states; `viterbi` finds the maximum, `beam` searches as the paper does. Five
modules of this package go beyond the paper: `streaming` decodes frame by frame, `forward_backward` gives class
posteriors, `nbest` the best region sequences, `joint` decodes all resolutions at once, and `semi_markov` has explicit
durations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from emoseq.decode.beam import beam_search
from emoseq.decode.graph import DEFAULT_BEAM, SEARCHES, build_graph, check_size, compute_log_parameters
from emoseq.decode.score import (
    PLAIN,
    Scoring,
    acoustic_score,
    language_model_score,
    scale_log_posteriors,
    total_score,
)
from emoseq.decode.viterbi import Viterbi
from emoseq.labels.kmeans import Labels
from emoseq.lm.table import LazyTable, Lm

BLOCK = 1000  # frames whose logarithms are in memory at once


@dataclass(frozen=True)
class Decoded:
    """A label sequence of shape (frames,) and its score.

    `am` is Eq. 9 with its transitions, `lm` the unweighted log P_LM(B(l)), and `total` is
    am + weight * lm. `pruned` is true if the beam ever dropped a hypothesis; if it did not, the result is
    exact.
    """

    labels: Labels
    am: float
    lm: float
    total: float
    pruned: bool = False


class Decoder:
    """Search for the best label sequence under Eq. 8, for any number of utterances.

    Args:
        transitions: P(next class | class) of shape (K, K)
        lm: language model, a table of shape (K + 1,) * n or an `emoseq.lm.table.LazyTable`
        scoring: weights
        initial: P(first class) of shape (K,), none for the paper's Eq. 9
        search: "exact" for Viterbi, "beam" for the best hypotheses only, merged on the LM state
        beam: hypotheses that the beam keeps at each frame

    Raises:
        ValueError: if shapes disagree, or the states are too many for exact search

    Three frames and two classes. The posteriors alone prefer class 0, then 1, then 0 again:

    >>> posteriors = [[0.9, 0.1], [0.3, 0.7], [0.8, 0.2]]
    >>> transitions = [[0.6, 0.4], [0.4, 0.6]]

    The language model is a bigram that gives every possible successor probability 1/2. Its rows are the region before:
    r0, r1, and `<s>` at the beginning; its columns the next one: r0, r1, and `</s>` at the end.

    >>> half, never = np.log(0.5), -np.inf
    >>> lm = np.array([[never, half, half], [half, never, half], [half, half, never]])

    For two of the eight paths, exp(AM) and exp(LM) are

        0 1 0:  0.9 * 0.7 * 0.8 * 0.4 * 0.4 = 0.08064,  <s> r0 r1 r0 </s>: 1/2^4 = 0.0625
        0 0 0:  0.9 * 0.3 * 0.8 * 0.6 * 0.6 = 0.07776,  <s> r0 </s>:       1/2^2 = 0.25

    Without a language model, 0 1 0 is the best of all. With weight 1 it is 0 0 0, at 0.07776 * 0.25 = 0.01944:

    >>> Decoder(transitions, lm)(posteriors).labels.tolist()
    [0, 1, 0]
    >>> best = Decoder(transitions, lm, Scoring(lm_weight=1.0))(posteriors)
    >>> best.labels.tolist()
    [0, 0, 0]
    >>> [round(float(np.exp(score)), 6) for score in (best.am, best.lm, best.total)]
    [0.07776, 0.25, 0.01944]
    """

    def __init__(
        self,
        transitions: ArrayLike,
        lm: Lm,
        scoring: Scoring = PLAIN,
        *,
        initial: ArrayLike | None = None,
        search: str = "exact",
        beam: int = DEFAULT_BEAM,
    ) -> None:
        if search not in SEARCHES or beam < 1:
            raise ValueError(f"search {search!r} with a beam of {beam}: choose {' or '.join(SEARCHES)}, and 1 or more")
        self.transitions = np.asarray(transitions, dtype=np.float64)
        self.lm, self.scoring, self.initial, self._search, self._beam = lm, scoring, initial, search, beam
        compute_log_parameters(transitions, lm, initial)  # which checks the shapes
        if search == "exact":
            check_size(lm.ndim, len(lm) - 1)
            table = lm.full() if isinstance(lm, LazyTable) else lm
            self.graph = build_graph(transitions, table, scoring, initial=initial)

    def __call__(self, posteriors: ArrayLike) -> Decoded:
        """Return the best label sequence of an utterance.

        Args:
            posteriors: probabilities of shape (frames, K), one frame or more

        Raises:
            ValueError: if posteriors are not probabilities of K classes, no sequence has a probability
                above zero, or the utterance is too long for exact search
        """
        num_classes = len(self.transitions)
        if self._search == "beam":
            scores = scale_log_posteriors(posteriors, num_classes, self.scoring)
            labels, pruned = beam_search(
                scores, self.transitions, self.lm, self.scoring, initial=self.initial, beam=self._beam
            )
            return self.rate(labels, posteriors, pruned=pruned)
        probabilities = np.asarray(posteriors)
        check_size(self.lm.ndim, num_classes, frames=len(probabilities))
        viterbi = Viterbi(self.graph, len(probabilities))
        for first in range(0, max(1, len(probabilities)), BLOCK):
            block = scale_log_posteriors(probabilities[first : first + BLOCK], num_classes, self.scoring, first=first)
            viterbi.advance(block)
        return self.rate(viterbi.finish(), posteriors)

    def rate(self, labels: Labels, posteriors: ArrayLike, *, pruned: bool = False) -> Decoded:
        """Return a label sequence with its scores, computed from the definitions."""
        am = acoustic_score(labels, posteriors, self.transitions, self.scoring, initial=self.initial)
        lm = language_model_score(labels, self.lm, self.scoring)
        return Decoded(labels, am, lm, total_score(am, lm, self.scoring), pruned)


def decode(posteriors: ArrayLike, transitions: ArrayLike, lm: Lm, scoring: Scoring = PLAIN, **options: Any) -> Decoded:
    """Return the best label sequence of one utterance; arguments and errors are those of `Decoder`."""
    return Decoder(transitions, lm, scoring, **options)(posteriors)
