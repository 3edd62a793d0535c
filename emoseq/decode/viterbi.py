"""Viterbi search over a state graph, frame by frame, for exact and for streaming decoding."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from emoseq.decode.graph import IMPOSSIBLE, StateGraph
from emoseq.labels.kmeans import Labels


class Viterbi:
    """Search for the best path through the frames seen so far.

    Args:
        graph: states and moves
        history: frames that can be traced back: those of the utterance or, when streaming, the lag
        streaming: return the label of a frame once `history` frames have come after it
    """

    def __init__(self, graph: StateGraph, history: int, *, streaming: bool = False) -> None:
        self._graph = graph
        self._lag = history if streaming else -1
        self._source = graph.sources()
        self._only_stay = np.flatnonzero(self._source < 0)
        self._spread = _measure_spread(graph.moves)
        # Unsigned, as compiled code checks signed indices for negative ones. Moves that do not exist lead to one
        # state behind the last.
        self._targets = np.where(graph.targets < 0, graph.num_states, graph.targets).astype(np.uint64)
        self._back = np.empty((history + streaming, graph.num_states + 1), np.uint8)
        self._score = np.full((2, graph.num_states + 1), -np.inf)
        self._frames = 0
        self._returned = 0

    def advance(self, scores: NDArray[np.float64]) -> Labels:
        """Take further frames of log posteriors, shape (frames, K).

        Returns:
            when streaming, the labels that became final, shape (frames,); otherwise none

        Raises:
            ValueError: if labels are due but no sequence has a probability above zero, or the utterance
                is longer than its history
        """
        graph, first = self._graph, self._frames
        self._frames += len(scores)
        if self._lag < 0 and self._frames > len(self._back):
            raise ValueError(f"{self._frames} frames, but a history of {len(self._back)}")
        due = max(0, self._frames - self._lag - self._returned) if self._lag >= 0 else 0
        labels = np.full(due, -1, np.int32)
        _advance(
            scores, graph.moves, self._targets, graph.classes, graph.stays, graph.starts, graph.start_states,
            self._source, self._only_stay, self._spread, self._back, self._score, first, self._lag, labels,
        )  # fmt: skip
        self._returned += due
        return _check_possible(labels)

    def finish(self) -> Labels:
        """Return the labels of all frames that `advance` has not returned, the end of the utterance scored.

        Raises:
            ValueError: if no sequence has a probability above zero
        """
        graph, last = self._graph, self._frames - 1
        totals = self._score[last % 2, :-1] + graph.ends
        state = int(np.argmax(totals))
        labels = np.full(self._frames - self._returned, -1, np.int32)
        if totals[state] > -np.inf:
            width = graph.moves.shape[1]
            _trace(self._back, graph.classes, self._source, width, state, last, self._returned, labels)
        return _check_possible(labels)


def _check_possible(labels: Labels) -> Labels:
    if len(labels) and labels.min() < 0:
        raise ValueError(IMPOSSIBLE)
    return labels


def _measure_spread(moves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest difference between moves from one group to one class, shape (groups,)."""
    highest, lowest = moves.max(axis=1), moves.min(axis=1)
    possible = highest > -np.inf
    differences = np.where(possible, highest - np.where(possible, lowest, 0.0), 0.0)
    return differences.max(axis=1)


@njit(cache=True)
def _advance(  # type: ignore[no-untyped-def]
    scores, moves, targets, classes, stays, starts, start_states,
    source, only_stay, spread, back, score, first_frame, lag, labels,
):  # fmt: skip
    """Compute the scores of the states after each frame, alternately in the two rows of `score`.

    A backpointer is one byte: the oldest region of the predecessor, whose other regions follow from
    the state itself, or `width` for a frame that stays. Ties go to staying, then to lower indices.
    A state is left out if it is worse than the best of its group by more than their moves differ.
    """
    groups, width, num_classes = moves.shape
    stay = np.uint64(width)
    alive, values = np.empty(width, np.uint64), np.empty(width)
    arguments, bests = np.empty(num_classes, np.uint64), np.empty(num_classes)
    returned = 0
    for row in range(len(scores)):
        frame = first_frame + row
        old, new = score[(frame + 1) % 2], score[frame % 2]
        pointers = back[frame % len(back)]
        if frame == 0:
            for label in range(num_classes):
                new[start_states[label]] = starts[label] + scores[0, label]
        for group in range(groups if frame else 0):
            first = np.uint64(group) * stay
            threshold = old[first]
            for oldest in range(1, width):
                threshold = max(threshold, old[first + np.uint64(oldest)])
            threshold -= spread[group]
            count = np.uint64(0)
            for oldest in range(width):
                value = old[first + np.uint64(oldest)]
                if value >= threshold:
                    alive[count], values[count] = oldest, value
                    count += np.uint64(1)
            if groups == 1:  # most states are alive; a loop over labels is vectorised
                for label in range(num_classes):
                    bests[label], arguments[label] = old[targets[0, label]] + stays[label], stay
                for i in range(count):
                    value, oldest = values[i], alive[i]
                    for label in range(num_classes):
                        moved = value + moves[0, oldest, label]
                        moves_in = moved > bests[label]
                        bests[label] = moved if moves_in else bests[label]
                        arguments[label] = oldest if moves_in else arguments[label]
                for label in range(num_classes):
                    new[targets[0, label]] = bests[label] + scores[row, label]
                    pointers[targets[0, label]] = arguments[label]
            elif count == 1:  # mostly
                oldest, value = alive[0], values[0]
                for label in range(num_classes):
                    target = targets[group, label]
                    stayed = old[target] + stays[label]
                    moved = value + moves[group, oldest, label]
                    moves_in = moved > stayed
                    new[target] = (moved if moves_in else stayed) + scores[row, label]
                    pointers[target] = oldest if moves_in else stay
            else:
                for label in range(num_classes):
                    target = targets[group, label]
                    best, pointer = old[target] + stays[label], stay
                    for i in range(count):
                        moved = values[i] + moves[group, alive[i], label]
                        if moved > best:
                            best, pointer = moved, alive[i]
                    new[target] = best + scores[row, label]
                    pointers[target] = pointer
        for i in range(len(only_stay) if frame else 0):  # <s> and one region
            state = only_stay[i]
            new[state] = old[state] + stays[classes[state]] + scores[row, classes[state]]
            pointers[state] = width
        if lag >= 0 and frame >= lag:
            highest = int(np.argmax(new))
            if new[highest] > -np.inf:
                due = labels[returned : returned + 1]
                _trace(back, classes, source, width, highest, frame, frame - lag, due)
            returned += 1


@njit(cache=True)
def _trace(back, classes, source, width, state, last, first, labels):  # type: ignore[no-untyped-def]
    """Fill `labels` of the frames from `first` on, those of the best path to a state at the last frame."""
    for frame in range(last, first - 1, -1):
        if frame - first < len(labels):
            labels[frame - first] = classes[state]
        pointer = back[frame % len(back), state]
        if frame and pointer < width:
            state = source[state] * width + pointer
