"""Emotion decoding (paper, Sec. 4.3): the label sequence that maximises Eq. 8.

`score` defines the score, `graph` the states, `viterbi` finds the maximum, `beam` searches as the paper does. Further
modules of this package decode class posteriors (`forward_backward`), the best region sequences (`nbest`), all
resolutions at once (`joint`) and explicit durations (`semi_markov`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from emoseq.decode.beam import beam_search
from emoseq.decode.graph import DEFAULT_BEAM, SEARCHES, StateGraph, build_graph, check_size, compute_log_parameters
from emoseq.decode.score import PLAIN, Scoring, path_score, scale_log_posteriors
from emoseq.decode.viterbi import Viterbi
from emoseq.labels.kmeans import Labels
from emoseq.lm.table import LazyTable, Lm

BLOCK = 1000  # frames whose logarithms are in memory at once


@dataclass(frozen=True)
class Decoded:
    """A label sequence of shape (frames,) and its score.

    `am` is Eq. 9 with its transitions, `lm` the unweighted log P_LM(B(l)), and `total` is
    am + weight * lm. `pruned` says whether the beam ever dropped a hypothesis; if not, the result is
    exact.
    """

    labels: Labels
    am: float
    lm: float
    total: float
    pruned: bool = False


class Decoder:
    """Finds the best label sequence under Eq. 8 of any number of utterances.

    Args:
        transitions: P(next class | class) of shape (K, K)
        lm: language model, a table of shape (K + 1,) * n or an `emoseq.lm.table.LazyTable`
        scoring: weights
        initial: P(first class) of shape (K,), none for the paper's Eq. 9
        search: "exact" for Viterbi, "beam" for the best hypotheses only, merged on the LM state
        beam: hypotheses that the beam keeps at each frame

    Raises:
        ValueError: if shapes disagree, or the states are too many for exact search
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
        compute_log_parameters(transitions, lm, initial)
        if search == "exact":
            check_size(lm.ndim, len(lm) - 1)
            table = lm.full() if isinstance(lm, LazyTable) else lm
            self.graph = build_graph(transitions, table, scoring, initial=initial)

    def __call__(self, posteriors: ArrayLike) -> Decoded:
        """The best label sequence of an utterance.

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
        """A label sequence with its scores, computed from the definitions."""
        am, lm = path_score(labels, posteriors, self.transitions, self.lm, self.scoring, initial=self.initial)
        return Decoded(labels, am, lm, self.scoring.total(am, lm), pruned)


def decode(posteriors: ArrayLike, transitions: ArrayLike, lm: Lm, scoring: Scoring = PLAIN, **options: Any) -> Decoded:
    """The best label sequence of one utterance; arguments and errors are those of `Decoder`."""
    return Decoder(transitions, lm, scoring, **options)(posteriors)


class StreamingDecoder:
    """Exact decoding frame by frame: the label of a frame is final once `lag` frames have come after it.

    It is the label on the best path so far, so with a lag that covers the utterance the labels are those
    of `Decoder`. One stream is one utterance.

    Args:
        graph: of `Decoder` or `emoseq.decode.graph.build_graph`
        scoring: weights, those of the graph
        lag: frames

    Raises:
        ValueError: if the lag is negative
    """

    def __init__(self, graph: StateGraph, scoring: Scoring, *, lag: int) -> None:
        if lag < 0:
            raise ValueError(f"a lag of {lag} frames")
        self._scoring, self._num_classes = scoring, graph.num_classes
        self._search = Viterbi(graph, lag, streaming=True)

    def push(self, posteriors: ArrayLike) -> Labels:
        """Take one or more frames, shape (frames, K); returns the labels that are final now, shape (frames,).

        Raises:
            ValueError: as `Decoder`
        """
        return self._search.advance(scale_log_posteriors(posteriors, self._num_classes, self._scoring))

    def finish(self) -> Labels:
        """The last labels, `</s>` scored, at the end of the utterance.

        Raises:
            ValueError: as `Decoder`
        """
        return self._search.finish()


def decode_as_stream(decoder: Decoder, lag: int) -> Callable[[ArrayLike], Decoded]:
    """What an exact decoder's stream with that lag makes of whole utterances."""

    def decode_stream(posteriors: ArrayLike) -> Decoded:
        check_size(decoder.lm.ndim, len(decoder.transitions), frames=min(lag, len(np.asarray(posteriors))))
        stream = StreamingDecoder(decoder.graph, decoder.scoring, lag=min(lag, len(np.asarray(posteriors))))
        return decoder.rate(np.concatenate([stream.push(posteriors), stream.finish()]), posteriors)

    return decode_stream
