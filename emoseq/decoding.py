"""Emotion decoding (paper, Sec. 4.3): the label sequence that maximises Eq. 8.

The score of a sequence depends on its past only through the last max(1, n - 1) regions, so Viterbi
over those states is exact. The state graph is this: a state is a history of regions, the last one
being the current class; from every state a frame either stays, or begins a region of another class
and forgets the oldest region of the history.

Numbers here are natural logarithms. A language model is a table as in `emoseq.ngram`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from emoseq import ngram
from emoseq.labels import Labels, collapse

SEARCHES = ("exact", "beam")
DEFAULT_BEAM = 100
MAX_CLASSES = 254  # a backpointer is one byte
MAX_MOVES = 50_000_000  # doubles in the table of moves, 400 MB


@dataclass(frozen=True)
class Decoded:
    """A label sequence of shape (frames,) and its score.

    `am` is Eq. 9 with its transitions, `lm` the unweighted log P_LM(B(l)) including `</s>`, and
    `total` is am + weight * lm. `pruned` says whether the beam ever dropped a hypothesis; if not,
    the result is exact.
    """

    labels: Labels
    am: float
    lm: float
    total: float
    pruned: bool = False


@dataclass(frozen=True)
class StateGraph:
    """The moves between histories for one transition matrix, language model and weight.

    States come in groups of `width` that differ in their oldest region only: state = group * width +
    oldest. `moves[group, class, oldest]` is the log weight of leaving a state for a region of that
    class, and `targets[group, class]` the state it leads to, -1 where the class is the current one.
    """

    moves: NDArray[np.float64]
    targets: NDArray[np.int64]
    stays: NDArray[np.float64]  # (states,)
    starts: NDArray[np.float64]  # (classes,), weight of the first region
    start_states: NDArray[np.int64]  # (classes,)
    ends: NDArray[np.float64]  # (states,), weight of </s>
    classes: NDArray[np.int64]  # (states,), the current class


def state_graph(transitions: ArrayLike, table: NDArray, *, lm_weight: float) -> StateGraph:
    """Join the transition matrix and a language model table of any order.

    Args:
        transitions: P(next class | class) of shape (K, K)
        table: of shape (K + 1,) * n
        lm_weight: alpha of Eq. 8

    Raises:
        ValueError: if the shapes disagree or there are too many states for a table of moves
    """
    matrix = np.asarray(transitions, dtype=np.float64)
    num_classes = len(table) - 1
    if matrix.shape != (num_classes, num_classes):
        raise ValueError(f"transition matrix of shape {matrix.shape}, language model of {num_classes} classes")
    with np.errstate(divide="ignore"):
        log_transitions = np.log(matrix)
    weighted = lm_weight * table if lm_weight else np.zeros_like(table)
    if table.ndim == 1:  # a unigram is a bigram that forgets
        weighted = np.broadcast_to(weighted, (num_classes + 1, num_classes + 1))
    if num_classes > MAX_CLASSES:
        raise ValueError(f"{num_classes} classes; {MAX_CLASSES} at most")
    begin = (num_classes,) * (weighted.ndim - 1)
    size = num_classes + 1
    if weighted.ndim == 2:
        # The only region of the history is the current one: one group, from any state to any other.
        width, groups = num_classes, 1
        moves = (weighted[:num_classes, :num_classes] + log_transitions).T[None]
        moves[0, np.arange(num_classes), np.arange(num_classes)] = -np.inf
        targets = np.arange(num_classes)[None]
        current = np.arange(num_classes)
        ends = weighted[:num_classes, num_classes]
        start_states = np.arange(num_classes)
    else:
        # Histories (oldest, middle ..., current); all but the current region may be <s>.
        width, middles = size, size ** (weighted.ndim - 3)
        groups = middles * num_classes
        if groups * width * num_classes > MAX_MOVES:
            raise ValueError(
                f"order {weighted.ndim} with {num_classes} classes has {groups * width} states; "
                "take a lower order or fewer classes"
            )
        by_history = weighted.reshape(width, middles, size, size)
        current_of_group = np.tile(np.arange(num_classes), middles)
        moves = by_history[:, :, :num_classes, :num_classes] + log_transitions
        moves = np.ascontiguousarray(moves.reshape(width, groups, num_classes).transpose(1, 2, 0))
        # Group g is (middle, current) with the middle's first region the next one to be the oldest.
        middle, last = np.divmod(np.arange(groups), num_classes)
        oldest, rest = np.divmod(middle * size + last, middles)
        targets = (rest[:, None] * num_classes + np.arange(num_classes)) * width + oldest[:, None]
        targets[current_of_group[:, None] == np.arange(num_classes)] = -1
        current = np.repeat(current_of_group, width)
        ends = by_history[:, :, :num_classes, num_classes].reshape(width, groups).T.ravel()
        start_states = ((middles - 1) * num_classes + np.arange(num_classes)) * width + num_classes
    return StateGraph(
        moves=np.ascontiguousarray(moves),
        targets=np.ascontiguousarray(targets),
        stays=log_transitions.diagonal()[current].copy(),
        starts=weighted[begin][:num_classes].copy(),
        start_states=start_states,
        ends=np.ascontiguousarray(ends),
        classes=current,
    )


def decode(
    posteriors: ArrayLike,
    transitions: ArrayLike,
    table: NDArray,
    *,
    lm_weight: float = 0.0,
    search: str = "exact",
    beam: int = DEFAULT_BEAM,
    graph: StateGraph | None = None,
) -> Decoded:
    """The best label sequence under Eq. 8.

    Args:
        posteriors: probabilities of shape (frames, K), one frame or more
        transitions: P(next class | class) of shape (K, K)
        table: language model of shape (K + 1,) * n, natural log
        lm_weight: alpha of Eq. 8
        search: "exact" for Viterbi, "beam" for the best hypotheses only, merged on the LM state
        beam: hypotheses that the beam keeps at each frame
        graph: what `state_graph` made of the same transitions, table and weight, to save making it

    Raises:
        ValueError: if shapes disagree, values are negative or not finite, or no sequence has a
            probability above zero
    """
    probabilities = np.asarray(posteriors, dtype=np.float64)
    graph = graph or state_graph(transitions, table, lm_weight=lm_weight)
    num_classes = graph.moves.shape[1]
    if probabilities.ndim != 2 or probabilities.shape[1] != num_classes or not len(probabilities):
        raise ValueError(f"posteriors of shape {probabilities.shape} for {num_classes} classes")
    if not np.isfinite(probabilities).all() or probabilities.min() < 0:
        raise ValueError("posteriors must be probabilities, not NaN, infinite or negative")
    with np.errstate(divide="ignore"):
        scores = np.log(probabilities)
    arrays = (
        scores, graph.moves, graph.targets, graph.stays, graph.starts, graph.start_states, graph.ends, graph.classes
    )  # fmt: skip
    if search == "exact":
        labels, pruned = _viterbi(*arrays), False
    elif search == "beam":
        labels, pruned = _beam(*arrays, max(1, beam))
    else:
        raise ValueError(f"search {search!r}: choose {' or '.join(SEARCHES)}")
    if not len(labels):
        raise ValueError("no label sequence has a probability above zero")
    am, lm = path_score(labels, probabilities, transitions, table)
    return Decoded(labels, am, lm, am + lm_weight * lm, bool(pruned))


def path_score(labels: ArrayLike, posteriors: ArrayLike, transitions: ArrayLike, table: NDArray) -> tuple[float, float]:
    """AM (Eq. 9) and unweighted LM score of one label sequence, computed from the definitions."""
    path = np.asarray(labels)
    with np.errstate(divide="ignore"):
        am = np.log(np.asarray(posteriors, dtype=np.float64)[np.arange(len(path)), path]).sum()
        am += np.log(np.asarray(transitions, dtype=np.float64)[path[:-1], path[1:]]).sum()
    return float(am), ngram.sequence_score(table, collapse(path))


@njit(cache=True)
def _viterbi(scores, moves, targets, stays, starts, start_states, ends, classes):  # type: ignore[no-untyped-def]
    """Labels of the best path, empty where every path is impossible.

    A backpointer is one byte: the oldest region of the predecessor, whose other regions follow from
    the state itself, or `width` for a frame that stays. Ties go to staying, then to lower indices.
    Most moves lose to staying by more than the predecessors of a group differ, so the best of them
    is looked for only where the group's best score with its best move could win.
    """
    frames = len(scores)
    groups, num_classes, width = moves.shape
    states = groups * width
    source = np.full(states, -1, np.int64)
    best_move = np.empty((groups, num_classes))
    for group in range(groups):
        for label in range(num_classes):
            best_move[group, label] = moves[group, label].max()
            if targets[group, label] >= 0:
                source[targets[group, label]] = group
    back = np.empty((frames, states), np.uint8)
    old = np.full(states, -np.inf)
    new = np.full(states, -np.inf)
    for label in range(num_classes):
        old[start_states[label]] = starts[label] + scores[0, label]
    for frame in range(1, frames):
        for state in range(states):
            new[state] = old[state] + stays[state]
            back[frame, state] = width
        for group in range(groups):
            first = group * width
            highest = old[first]
            for state in range(first + 1, first + width):
                highest = max(highest, old[state])
            for label in range(num_classes):
                target = targets[group, label]
                if target < 0 or highest + best_move[group, label] <= new[target]:
                    continue
                for oldest in range(width):
                    score = old[first + oldest] + moves[group, label, oldest]
                    if score > new[target]:
                        new[target] = score
                        back[frame, target] = oldest
        for state in range(states):
            new[state] += scores[frame, classes[state]]
        old, new = new, old
    best, state = -np.inf, -1
    for candidate in range(states):
        if old[candidate] + ends[candidate] > best:
            best, state = old[candidate] + ends[candidate], candidate
    if state < 0:
        return np.empty(0, np.int32)
    labels = np.empty(frames, np.int32)
    for frame in range(frames - 1, -1, -1):
        labels[frame] = classes[state]
        if frame and back[frame, state] < width:
            state = source[state] * width + back[frame, state]
    return labels


@njit(cache=True)
def _beam(scores, moves, targets, stays, starts, start_states, ends, classes, beam):  # type: ignore[no-untyped-def]
    """As `_viterbi` over the `beam` best states of each frame; also says whether any state was dropped."""
    frames = len(scores)
    groups, num_classes, width = moves.shape
    states = groups * width
    kept = min(beam, states)
    hypotheses = np.full((frames, kept), -1, np.int64)  # states, in ascending order
    back = np.full((frames, kept), -1, np.int64)  # places in the frame before
    old = np.full(states, -np.inf)
    new = np.full(states, -np.inf)
    origin = np.full(states, -1, np.int64)
    reached = np.empty(states, np.int64)
    pruned = False
    alive = 0
    for frame in range(frames):
        count = 0
        if frame == 0:
            for label in range(num_classes):
                score = starts[label] + scores[0, label]
                if score > -np.inf:
                    new[start_states[label]] = score
                    reached[count] = start_states[label]
                    count += 1
        for place in range(alive):
            state = hypotheses[frame - 1, place]
            group, oldest = divmod(state, width)
            for label in range(num_classes):
                if label == classes[state]:
                    target = state
                    score = old[state] + stays[state] + scores[frame, label]
                else:
                    target = targets[group, label]
                    score = old[state] + moves[group, label, oldest] + scores[frame, label]
                if score > new[target]:
                    if new[target] == -np.inf:
                        reached[count] = target
                        count += 1
                    new[target] = score
                    origin[target] = place
        survivors = np.sort(reached[:count])
        if count > kept:
            pruned = True
            order = np.argsort(-new[survivors], kind="mergesort")
            survivors = np.sort(survivors[order[:kept]])
        for place in range(alive):
            old[hypotheses[frame - 1, place]] = -np.inf
        alive = len(survivors)
        for place in range(alive):
            state = survivors[place]
            hypotheses[frame, place] = state
            back[frame, place] = origin[state]
            old[state] = new[state]
        for i in range(count):
            new[reached[i]] = -np.inf
    best, at = -np.inf, -1
    for place in range(alive):
        state = hypotheses[frames - 1, place]
        if old[state] + ends[state] > best:
            best = old[state] + ends[state]
            at = place
    if at < 0:
        return np.empty(0, np.int32), pruned
    labels = np.empty(frames, np.int32)
    for frame in range(frames - 1, -1, -1):
        labels[frame] = classes[hypotheses[frame, at]]
        at = back[frame, at]
    return labels, pruned
