"""Beam search for Eq. 8 (paper, footnote 1), its hypotheses merged on the language model's state.

A beam is a number of hypotheses. Two hypotheses that end in the same n - 1 regions have the same future,
so the better one stands for both, and a beam that holds all states is exact. Without merging, near copies
of one hypothesis fill the beam.

The language model is asked only for histories that a hypothesis reaches, so the order and the number
of classes are not limited by memory.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from emoseq.decode.graph import IMPOSSIBLE, compute_log_parameters
from emoseq.decode.score import Scoring
from emoseq.labels.kmeans import Labels
from emoseq.lm.table import Lm


def beam_search(
    scores: NDArray[np.float64],
    transitions: ArrayLike,
    lm: Lm,
    scoring: Scoring,
    *,
    initial: ArrayLike | None = None,
    beam: int,
) -> tuple[Labels, bool]:
    """Return the best label sequence that a beam finds.

    Args:
        scores: scaled log posteriors, shape (frames, K)
        transitions: P(next class | class), shape (K, K)
        lm: language model
        scoring: weights
        initial: P(first class), shape (K,)
        beam: hypotheses that each frame keeps

    Returns:
        labels of shape (frames,), and true if a hypothesis was ever dropped

    Raises:
        ValueError: if no hypothesis has a probability above zero
    """
    num_classes = scores.shape[1]
    size = num_classes + 1
    log_transitions, log_initial = compute_log_parameters(transitions, lm, initial)
    # The last max(1, n - 1) regions, read as a number in base K + 1, are the state.
    length = max(1, lm.ndim - 1)
    modulus = size**length
    weights = _Weights(lm, length, size, scoring.natural_weight)

    beam = min(beam, num_classes * size ** (length - 1))
    labels = np.empty((len(scores), beam), np.int16)
    back = np.empty((len(scores), beam), np.int32)
    first = weights.get_row(modulus - 1)[:num_classes] + log_initial + scores[0]
    possible = np.flatnonzero(first > -np.inf)
    kept = np.sort(possible[np.argsort(-first[possible], kind="stable")[:beam]])
    states = np.zeros(beam, np.int64)
    totals = np.full(beam, -np.inf)
    states[: len(kept)], totals[: len(kept)], labels[0, : len(kept)] = (
        (modulus - size + kept) % modulus,
        first[kept],
        kept,
    )
    # The kernel stops at a frame where a hypothesis has a history without a row; the row is made and it goes on.
    counters = np.array([1, len(kept), len(kept) < len(possible)], np.int64)  # next frame, alive, pruned
    while True:
        for state in states[: counters[1]].tolist():
            weights.get_row(state)
        if counters[0] == len(scores) or not counters[1]:
            break
        _advance(scores, log_transitions, weights.keys, weights.rows, modulus, states, totals, labels, back, counters)
    alive = int(counters[1])
    if scoring.score_end:
        totals[:alive] += [weights.get_row(state)[num_classes] for state in states[:alive].tolist()]
    if not alive or totals[:alive].max() == -np.inf:
        cause = "all hypotheses of the beam died out; take a larger --beam" if counters[2] else IMPOSSIBLE
        raise ValueError(cause)
    return _trace(labels, back, int(np.argmax(totals[:alive]))), bool(counters[2])


class _Weights:
    """Weighted scores of what may follow a state: a row for each state reached, and a hash table to find it."""

    def __init__(self, lm: Lm, length: int, size: int, weight: float) -> None:
        self._lm, self._length, self._size, self._weight = lm, length, size, weight
        self._indices: dict[int, int] = {}
        self.rows = np.empty((512, size))
        self.keys = np.full((2048, 2), -1, np.int64)  # state, row

    def get_row(self, state: int) -> NDArray[np.float64]:
        """Return the weighted log probabilities of each region and of `</s>` after a state, shape (K + 1,)."""
        index = self._indices.get(state)
        if index is None:
            index = self._indices[state] = len(self._indices)
            if index == len(self.rows):
                self.rows = np.concatenate([self.rows, np.empty_like(self.rows)])
                self.keys = np.full((2 * len(self.keys), 2), -1, np.int64)
                for known, row in self._indices.items():
                    _insert(self.keys, known, row)
            else:
                _insert(self.keys, state, index)
            digits = tuple(state // self._size**power % self._size for power in reversed(range(self._length)))
            history = digits[: self._lm.ndim - 1]
            self.rows[index] = self._weight * self._lm[history] if self._weight else 0.0
        return self.rows[index]


@njit(cache=True)
def _find(keys, state):  # type: ignore[no-untyped-def]
    """Return the slot of a state, or the empty slot where it belongs."""
    mask = len(keys) - 1
    slot = (state * 0x9E3779B1 >> 7) & mask
    while keys[slot, 0] >= 0 and keys[slot, 0] != state:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True)
def _insert(keys, state, value):  # type: ignore[no-untyped-def]
    slot = _find(keys, state)
    keys[slot, 0], keys[slot, 1] = state, value


@njit(cache=True)
def _advance(scores, transitions, keys, rows, modulus, states, totals, labels, back, counters):  # type: ignore[no-untyped-def]
    num_classes = scores.shape[1]
    size = num_classes + 1
    beam = len(states)
    capacity = 16
    while capacity < 2 * beam * num_classes:
        capacity *= 2
    reached = np.full((capacity, 2), -1, np.int64)  # state, candidate
    slots = np.empty(beam * num_classes, np.int64)
    new_states = np.empty(beam * num_classes, np.int64)
    new_totals = np.empty(beam * num_classes)
    origin = np.empty(beam * num_classes, np.int32)
    for frame in range(counters[0], len(scores)):
        alive = counters[1]
        for index in range(alive):
            if keys[_find(keys, states[index]), 0] < 0:
                counters[0] = frame
                return
        count = 0
        for index in range(alive):
            state = states[index]
            current = state % size
            row = keys[_find(keys, state), 1]
            for label in range(num_classes):
                score = totals[index] + transitions[current, label] + scores[frame, label]
                target = state
                if label != current:
                    score += rows[row, label]
                    target = (state * size + label) % modulus
                if score == -np.inf:
                    continue
                slot = _find(reached, target)
                candidate = reached[slot, 1]
                if reached[slot, 0] < 0:
                    reached[slot, 0], reached[slot, 1] = target, count
                    slots[count] = slot
                    candidate = count
                    new_totals[count] = -np.inf
                    count += 1
                if score > new_totals[candidate]:
                    new_states[candidate], new_totals[candidate], origin[candidate] = target, score, index
        worst, ties = -np.inf, count
        if count > beam:
            counters[2] = 1
            worst = np.partition(new_totals[:count], count - beam)[count - beam]
            ties = beam - np.sum(new_totals[:count] > worst)
        kept = 0
        for candidate in range(count):
            reached[slots[candidate], 0] = -1
            if new_totals[candidate] == worst:
                ties -= 1
            if new_totals[candidate] > worst or (new_totals[candidate] == worst and ties >= 0):
                states[kept], totals[kept] = new_states[candidate], new_totals[candidate]
                labels[frame, kept] = new_states[candidate] % size
                back[frame, kept] = origin[candidate]
                kept += 1
        counters[1] = kept
        if not kept:
            return
    counters[0] = len(scores)


@njit(cache=True)
def _trace(labels, back, index):  # type: ignore[no-untyped-def]
    path = np.empty(len(labels), np.int32)
    for frame in range(len(labels) - 1, -1, -1):
        path[frame] = labels[frame, index]
        index = back[frame, index]
    return path
