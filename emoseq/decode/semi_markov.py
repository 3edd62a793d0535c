"""Beyond the paper: explicit region durations, a semi-Markov decoder in place of the self-loops of Eq. 9.

Under a self-loop the length of a region is geometric, so the shortest length is the most likely.
Here a class has a hazard for each age of a region: the probability that a region that has lasted so
many frames ends with the present one (`emoseq.lm.regions.estimate_hazards`). A table of hazards has shape (K, ages).
Its last column holds for all higher ages, so durations have a geometric tail. A constant hazard of 1 - A[k, k] is
the self-loop.

An utterance cuts off its first and last region. The last one is known to last at least as long as it is
seen. Of the first one an unknown part came before, so its rest has the distribution of a region met at
a random time, P(rest = d) = P(duration >= d) / E[duration] (Cox 1962, Renewal Theory).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from emoseq.decode.decoder import Decoded
from emoseq.decode.graph import IMPOSSIBLE, build_graph, check_size
from emoseq.decode.score import Scoring, language_model_score, scale_log_posteriors, total_score
from emoseq.lm.regions import check_hazards, collapse


class DurationDecoder:
    """Exact decoding with explicit durations.

    Args:
        transitions: P(next class | class) of shape (K, K), of which only the ratios off the diagonal count
        table: language model of shape (K + 1,) * n
        hazard_table: of shape (K, ages), as `emoseq.lm.regions.estimate_hazards`
        scoring: weights
        initial: P(first class) of shape (K,), or none

    Raises:
        ValueError: as `emoseq.lm.regions.check_hazards` and `emoseq.decode.graph.build_graph`
    """

    def __init__(
        self,
        transitions: ArrayLike,
        table: NDArray,
        hazard_table: ArrayLike,
        scoring: Scoring,
        *,
        initial: ArrayLike | None = None,
    ) -> None:
        matrix = np.array(transitions, dtype=np.float64)
        np.fill_diagonal(matrix, 0.0)
        leaving = matrix.sum(axis=1, keepdims=True)
        self._moves = np.divide(matrix, leaving, out=np.zeros_like(matrix), where=leaving > 0)
        self._table, self._scoring, self._initial = table, scoring, initial
        self._hazards = check_hazards(hazard_table, len(matrix))
        self._graph = build_graph(self._moves, table, scoring, initial=initial)

    def __call__(self, posteriors: ArrayLike) -> Decoded:
        """Return the best label sequence; its `am` has the durations in place of the self-loops.

        Raises:
            ValueError: as `emoseq.decode.score.scale_log_posteriors`, or if no sequence has a probability above zero
        """
        graph = self._graph
        scores = scale_log_posteriors(posteriors, graph.num_classes, self._scoring)
        check_size(self._table.ndim, graph.num_classes, frames=len(scores), bytes_each=5)
        tables = (
            *_tabulate_durations(self._hazards, self._hazards.shape[1]),
            *_tabulate_rest(self._hazards, len(scores)),
        )
        survives, ends, rest, rest_ends = map(np.ascontiguousarray, tables)  # or the search is compiled for each layout
        labels = _search(
            scores, graph.moves, graph.targets, graph.classes, graph.starts, graph.start_states, graph.ends,
            graph.sources(), survives, ends, _take_log(self._hazards[:, -1]), _take_log(1 - self._hazards[:, -1]),
            rest, rest_ends,
        )  # fmt: skip
        if not len(labels):
            raise ValueError(IMPOSSIBLE)
        am = self.acoustic_score(labels, posteriors)
        lm = language_model_score(labels, self._table, self._scoring)
        return Decoded(labels, am, lm, total_score(am, lm, self._scoring))

    def acoustic_score(self, labels: ArrayLike, posteriors: ArrayLike) -> float:
        """Return Eq. 9 of a label sequence from the definitions, with its durations in place of the self-loops."""
        path = np.asarray(labels)
        regions = collapse(path).tolist()
        lengths = np.diff(np.flatnonzero(np.r_[True, np.diff(path) != 0, True]))
        am = self._scoring.acoustic_scale * _take_log(np.asarray(posteriors)[np.arange(len(path)), path]).sum()
        am += _take_log(self._moves[regions[:-1], regions[1:]]).sum()
        if self._initial is not None:
            am += _take_log(np.asarray(self._initial)[regions[0]])
        survives, ends = _tabulate_durations(self._hazards, len(path))
        rest, rest_ends = _tabulate_rest(self._hazards, len(path))
        last = len(regions) - 1
        for i, (region, length) in enumerate(zip(regions, lengths, strict=True)):
            at_least, exactly = (rest, rest_ends) if i == 0 else (survives, ends)
            am += (at_least if i == last else exactly)[region, length - 1]
        return float(am)


def _take_log(values: NDArray) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.log(values)


def _tabulate_durations(table: NDArray, frames: int) -> tuple[NDArray, NDArray]:
    """Return log P(duration >= d) and log P(duration = d) for d = 1 ... frames, each of shape (K, frames)."""
    hazard = table[:, np.minimum(np.arange(frames), table.shape[1] - 1)]
    survives = np.zeros_like(hazard)
    np.cumsum(_take_log(1 - hazard[:, :-1]), axis=1, out=survives[:, 1:])
    return survives, survives + _take_log(hazard)


def _tabulate_rest(table: NDArray, frames: int) -> tuple[NDArray, NDArray]:
    """Return log P(rest >= d) and log P(rest = d), the rest of a region met at a random time, as above."""
    ages = max(frames, table.shape[1])
    survives, _ = _tabulate_durations(table, ages)
    rest = survives.copy()
    rest[:, -1] -= np.log(table[:, -1])  # from the last age on the sum is that of a geometric series
    rest = np.logaddexp.accumulate(rest[:, ::-1], axis=1)[:, ::-1]
    mean = rest[:, :1]
    return (rest - mean)[:, :frames], (survives - mean)[:, :frames]


@njit(cache=True)
def _search(  # type: ignore[no-untyped-def]
    scores, moves, targets, classes, starts, start_states, ends_of_utterance,
    source, survives, ends, tail_ends, tail_stays, rest, rest_ends,
):  # fmt: skip
    """Return the labels of the best path, none if every path is impossible.

    `entry[state]` rings hold the score with which a region was entered at each of the last `ages` frames,
    less what its class had earned by then, so that staying costs nothing; `tail[state]` is the best of
    all older ones with their durations.
    """
    frames, num_classes = scores.shape
    groups, width, _ = moves.shape
    states = len(classes)
    ages = ends.shape[1]
    entry = np.full((states, 2 * ages), -np.inf)  # each frame stands twice, so that a window is never split
    tail = np.full(states, -np.inf)
    tail_begin = np.zeros(states, np.int32)
    first = starts.copy()  # score of staying in the first region, its duration not counted
    earned = np.zeros(num_classes)
    leave, entered = np.full(states, -np.inf), np.full(states, -np.inf)
    begin_of = np.zeros((frames, states), np.int32)
    came_from = np.zeros((frames, states), np.uint8)
    backwards = ends[:, ::-1].copy()
    best_state, best_begin, best = -1, 0, -np.inf
    for frame in range(frames):
        slot = frame % ages
        for state in range(states):
            label = classes[state]
            older = entry[state, slot] + survives[label, ages - 1]
            if older > tail[state]:
                tail[state] = older
                tail_begin[state] = frame - ages
            tail[state] += tail_stays[label]
            entered[state] = -np.inf
        if frame:
            for group in range(groups):
                for oldest in range(width):
                    score = leave[group * width + oldest]
                    if score > -np.inf:
                        for label in range(num_classes):
                            target = targets[group, label]
                            if target >= 0 and score + moves[group, oldest, label] > entered[target]:
                                entered[target] = score + moves[group, oldest, label]
                                came_from[frame, target] = oldest
        for state in range(states):
            entry[state, slot] = entry[state, slot + ages] = entered[state] - earned[classes[state]]
        for label in range(num_classes):
            if scores[frame, label] > -np.inf:
                earned[label] += scores[frame, label]
            else:
                first[label] = -np.inf
                for state in range(states):
                    if classes[state] == label:
                        entry[state] = -np.inf
                        tail[state] = -np.inf
        for state in range(states):
            label = classes[state]
            highest, at = tail[state] + tail_ends[label], -1
            window = entry[state, slot + 1 : slot + 1 + ages]
            for i in range(ages):
                score = window[i] + backwards[label, i]
                if score > highest:
                    highest, at = score, i
            leave[state] = highest + earned[label]
            begin_of[frame, state] = frame - ages + 1 + at if at >= 0 else tail_begin[state]
        for label in range(num_classes):
            score = first[label] + rest_ends[label, frame] + earned[label]
            if score > leave[start_states[label]]:
                leave[start_states[label]] = score
                begin_of[frame, start_states[label]] = 0
    for state in range(states):
        label = classes[state]
        constant = earned[label] + ends_of_utterance[state]
        if tail[state] + constant > best:
            best, best_state, best_begin = tail[state] + constant, state, tail_begin[state]
        for age in range(min(ages, frames)):
            score = entry[state, (frames - 1 - age) % ages] + survives[label, age] + constant
            if score > best:
                best, best_state, best_begin = score, state, frames - 1 - age
    for label in range(num_classes):
        score = first[label] + rest[label, frames - 1] + earned[label] + ends_of_utterance[start_states[label]]
        if score > best:
            best, best_state, best_begin = score, start_states[label], 0
    if best_state < 0:
        return np.empty(0, np.int32)
    labels = np.empty(frames, np.int32)
    end, state, begin = frames, best_state, best_begin
    while True:
        labels[begin:end] = classes[state]
        if begin == 0:
            return labels
        end, state = begin, source[state] * width + came_from[begin, state]
        begin = begin_of[end - 1, state]
