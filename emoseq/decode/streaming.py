"""Beyond the paper: decoding of a stream, frame by frame, with a fixed delay.

The label of a frame is final once `lag` frames have come after it. It is the label on the best path so far, so with a
lag that covers the utterance the labels are those of `emoseq.decode.decoder.Decoder`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from emoseq.decode.decoder import Decoded, Decoder
from emoseq.decode.graph import StateGraph, check_size
from emoseq.decode.score import Scoring, scale_log_posteriors
from emoseq.decode.viterbi import Viterbi
from emoseq.labels.kmeans import Labels


class StreamingDecoder:
    """Exact search of one utterance whose frames arrive in pieces.

    Args:
        graph: of an exact `Decoder`, or `emoseq.decode.graph.build_graph`
        scoring: weights, those of the graph
        lag: frames after which a label is final

    Raises:
        ValueError: if the lag is negative
    """

    def __init__(self, graph: StateGraph, scoring: Scoring, *, lag: int) -> None:
        if lag < 0:
            raise ValueError(f"a lag of {lag} frames")
        self._scoring, self._num_classes = scoring, graph.num_classes
        self._search = Viterbi(graph, lag, streaming=True)

    def push(self, posteriors: ArrayLike) -> Labels:
        """Take one or more frames, shape (frames, K), and return the labels that are final now, shape (frames,).

        Raises:
            ValueError: as `Decoder`
        """
        return self._search.advance(scale_log_posteriors(posteriors, self._num_classes, self._scoring))

    def finish(self) -> Labels:
        """Return the last labels, `</s>` scored, at the end of the utterance.

        Raises:
            ValueError: as `Decoder`
        """
        return self._search.finish()


def decode_as_stream(decoder: Decoder, lag: int) -> Callable[[ArrayLike], Decoded]:
    """Return a function that decodes whole utterances as a stream with that lag, the decoder's search being exact."""

    def decode_stream(posteriors: ArrayLike) -> Decoded:
        frames = len(np.asarray(posteriors))
        check_size(decoder.lm.ndim, len(decoder.transitions), frames=min(lag, frames))
        stream = StreamingDecoder(decoder.graph, decoder.scoring, lag=min(lag, frames))
        return decoder.rate(np.concatenate([stream.push(posteriors), stream.finish()]), posteriors)

    return decode_stream
