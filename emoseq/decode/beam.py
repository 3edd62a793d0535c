"""Beam search for Eq. 8 (paper, footnote 1), its hypotheses merged on the language model's state.

A beam is a number of hypotheses. Two of them that end in the same n - 1 regions have the same future,
so the better one stands for both; a beam that holds all states is therefore exact. Without merging,
near copies of one hypothesis fill the beam.

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
    """The best label sequence that a beam finds.

    Args:
        scores: scaled log posteriors, shape (frames, K)
        transitions: P(next class | class), shape (K, K)
        lm: language model
        scoring: weights
        initial: P(first class), shape (K,)
        beam: hypotheses that each frame keeps

    Returns:
        labels of shape (frames,), and whether a hypothesis was ever dropped

    Raises:
        ValueError: if no hypothesis has a probability above zero
    """
    num_classes = scores.shape[1]
    size = num_classes + 1
    log_transitions, log_initial = compute_log_parameters(transitions, lm, initial)
    # A state is the number that the last max(1, n - 1) regions are in base K + 1.
    length = max(1, lm.ndim - 1)
    modulus = size**length
    weights = _Weights(lm, length, size, scoring.natural_weight)

    beam = min(beam, num_classes * size ** (length - 1))
    labels = np.empty((len(scores), beam), np.int16)
    back = np.empty((len(scores), beam), np.int32)
    first = weights.row(modulus - 1)[:num_classes] + log_initial + scores[0]
    possible = np.flatnonzero(first > -np.inf)
    kept = np.sort(possible[np.argsort(-first[possible], kind="stable")[:beam]])
    states = np.zeros(beam, np.int64)
    totals = np.full(beam, -np.inf)
    states[: len(kept)], totals[: len(kept)], labels[0, : len(kept)] = (
        (modulus - size + kept) % modulus,
        first[kept],
        kept,
    )
    # The kernel stops at a frame before which a hypothesis has reached a history that it has no row for.
    counters = np.array([1, len(kept), len(kept) < len(possible)], np.int64)  # next frame, alive, pruned
    while True:
        for state in states[: counters[1]].tolist():
            weights.row(state)
        if counters[0] == len(scores) or not counters[1]:
            break
        _advance(scores, log_transitions, weights.keys, weights.rows, modulus, states, totals, labels, back, counters)
    alive = int(counters[1])
    if scoring.score_end:
        totals[:alive] += [weights.row(state)[num_classes] for state in states[:alive].tolist()]
    if not alive or totals[:alive].max() == -np.inf:
        cause = "all hypotheses of the beam died out; take a larger --beam" if counters[2] else IMPOSSIBLE
        raise ValueError(cause)
    return _trace(labels, back, int(np.argmax(totals[:alive]))), bool(counters[2])


class _Weights:
    """Weighted successors of the states asked for: rows, and a hash table of the states whose they are."""

    def __init__(self, lm: Lm, length: int, size: int, weight: float) -> None:
        self._lm, self._length, self._size, self._weight = lm, length, size, weight
        self._places: dict[int, int] = {}
        self.rows = np.empty((512, size))
        self.keys = np.full((2048, 2), -1, np.int64)  # state, row

    def row(self, state: int) -> NDArray[np.float64]:
        place = self._places.get(state)
        if place is None:
            place = self._places[state] = len(self._places)
            if place == len(self.rows):
                self.rows = np.concatenate([self.rows, np.empty_like(self.rows)])
                self.keys = np.full((2 * len(self.keys), 2), -1, np.int64)
                for known, where in self._places.items():
                    _insert(self.keys, known, where)
            else:
                _insert(self.keys, state, place)
            digits = tuple(state // self._size**power % self._size for power in reversed(range(self._length)))
            history = digits[: self._lm.ndim - 1]
            self.rows[place] = self._weight * self._lm[history] if self._weight else 0.0
        return self.rows[place]


@njit(cache=True)
def _find(keys, state):  # type: ignore[no-untyped-def]
    """Slot of a state, or the empty slot where it belongs."""
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
        for place in range(alive):
            if keys[_find(keys, states[place]), 0] < 0:
                counters[0] = frame
                return
        count = 0
        for place in range(alive):
            state = states[place]
            current = state % size
            row = keys[_find(keys, state), 1]
            for label in range(num_classes):
                score = totals[place] + transitions[current, label] + scores[frame, label]
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
                    new_states[candidate], new_totals[candidate], origin[candidate] = target, score, place
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
def _trace(labels, back, place):  # type: ignore[no-untyped-def]
    path = np.empty(len(labels), np.int32)
    for frame in range(len(labels) - 1, -1, -1):
        path[frame] = labels[frame, place]
        place = back[frame, place]
    return path
