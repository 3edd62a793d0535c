"""Joint decoding of all resolutions: one value fixes the class of every task.

The class boundaries of all tasks cut the rating axis into cells (4, 6, 8 and 10 classes: 25 at most),
and the cell of a frame is its class in every task. The path through the cells that maximises the sum
of the tasks' scores (Eq. 8, each with its own regions, transitions and language model) gives label
sequences that no two tasks disagree on. A region of a task ends when its label changes, so a move from
one cell to the next moves some tasks and leaves the others where they are.

With unigrams and bigrams the cells are the states. With trigrams a state is the cell and, for each
task, the region before the current one; they are too many for a table, but few of them matter: of two
states in one cell, the futures differ by no more than what each task's next move can make of its last
region but one. A state that is further behind than that is dropped, and the search stays exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from emoseq.decode.graph import IMPOSSIBLE, MAX_CLASSES, StateGraph
from emoseq.decode.options import MAX_JOINT_ORDER
from emoseq.decode.score import Scoring, acoustic_score, language_model_score, scale_log_posteriors, total_score
from emoseq.decode.viterbi import Viterbi
from emoseq.labels.kmeans import Labels, quantise

MAX_STATES = 2**26  # places in a table of int32, 256 MB


@dataclass(frozen=True)
class JointTask:
    """One resolution: cluster means (K,), transitions (K, K), LM table (K + 1,) * n."""

    centers: NDArray[np.float64]
    transitions: NDArray[np.float64]
    table: NDArray[np.float64]


def label_cells(centers: Sequence[NDArray]) -> Labels:
    """The class that each cell of the rating axis has in each task, ascending, shape (cells, tasks).

    >>> label_cells([np.array([0.0, 1.0]), np.array([0.0, 0.5, 1.0])]).tolist()
    [[0, 0], [0, 1], [1, 1], [1, 2]]
    """
    boundaries = np.unique(np.concatenate([(means[1:] + means[:-1]) / 2 for means in centers]))
    inside = np.r_[boundaries[0] - 1, (boundaries[1:] + boundaries[:-1]) / 2, boundaries[-1] + 1]
    return np.stack([quantise(inside, means) for means in centers], axis=1)


class JointDecoder:
    """Exact decoding of several tasks at once.

    Args:
        tasks: one for each resolution, their language models of one order, 1 to 3
        scoring: weights, the same for all tasks; the tasks share one network, so an acoustic scale of
            1 / len(tasks) counts its evidence once

    Raises:
        ValueError: if the language models are of different orders or above 3, or the states are too many
    """

    def __init__(self, tasks: Sequence[JointTask], scoring: Scoring) -> None:
        orders = {task.table.ndim for task in tasks}
        if len(orders) != 1 or max(orders) > MAX_JOINT_ORDER:
            raise ValueError(
                f"joint decoding takes language models of one order up to {MAX_JOINT_ORDER}, not {sorted(orders)}"
            )
        self._tasks, self._scoring = tasks, scoring
        self.labels = label_cells([task.centers for task in tasks])
        with np.errstate(divide="ignore"):
            self._transitions = [np.log(task.transitions) for task in tasks]
        weight = scoring.natural_weight
        self._tables = [weight * task.table if weight else np.zeros_like(task.table) for task in tasks]
        cells = len(self.labels)
        if cells > MAX_CLASSES:
            raise ValueError(f"{cells} cells of {len(tasks)} tasks; joint decoding takes {MAX_CLASSES} at most")
        self._moves = np.zeros((cells, cells))  # transitions of all tasks
        for labels, matrix in zip(self.labels.T, self._transitions, strict=True):
            self._moves += matrix[np.ix_(labels, labels)]
        trigram = orders == {3}
        self.graph = None if trigram else self._graph()
        if trigram:
            self._prepare_trigrams()

    def __call__(self, posteriors: Sequence[NDArray]) -> list[Labels]:
        """Labels of shape (frames,) for each task, from its posteriors of shape (frames, K).

        Raises:
            ValueError: if posteriors are not probabilities or their lengths differ, or no path has a
                probability above zero
        """
        scores = self.scores(posteriors)
        if self.graph:
            search = Viterbi(self.graph, len(scores))
            search.advance(scores)
            cells = search.finish()
        else:
            cells = _search(scores, self._moves, self.labels, *self._trigrams)
            if not len(cells):
                raise ValueError(IMPOSSIBLE)
        return list(self.labels[cells].T)

    def score(self, labels: Sequence[Labels], posteriors: Sequence[NDArray]) -> float:
        """Sum of the tasks' scores of label sequences, from the definition (Eq. 8)."""
        total = 0.0
        for path, matrix, task in zip(labels, posteriors, self._tasks, strict=True):
            am = acoustic_score(path, matrix, task.transitions, self._scoring)
            total += total_score(am, language_model_score(path, task.table, self._scoring), self._scoring)
        return total

    def scores(self, posteriors: Sequence[NDArray]) -> NDArray[np.float64]:
        """Scaled log posteriors of the cells, summed over tasks, shape (frames, cells).

        Raises:
            ValueError: as `emoseq.decode.score.scale_log_posteriors`, or if the tasks' lengths differ
        """
        if len({len(matrix) for matrix in posteriors}) != 1:
            raise ValueError(f"tasks of {', '.join(str(len(matrix)) for matrix in posteriors)} frames")
        scores = np.zeros((len(posteriors[0]), len(self.labels)))
        for matrix, task, labels in zip(posteriors, self._tasks, self.labels.T, strict=True):
            scores += scale_log_posteriors(matrix, len(task.centers), self._scoring)[:, labels]
        return scores

    def _graph(self) -> StateGraph:
        cells = np.arange(len(self.labels))
        moves = self._moves.copy()
        starts, ends = np.zeros(len(cells)), np.zeros(len(cells))
        for labels, table in zip(self.labels.T, self._tables, strict=True):
            successors = np.broadcast_to(table, (len(table), len(table)))
            changed = labels[:, None] != labels
            moves[changed] += successors[np.ix_(labels, labels)][changed]
            starts += successors[-1, labels]
            if self._scoring.score_end:
                ends += successors[labels, -1]
        stays = moves.diagonal().copy()
        moves[cells, cells] = -np.inf
        return StateGraph(moves[None], cells[None], cells, stays, starts, cells, ends)

    def _prepare_trigrams(self) -> None:
        sizes = np.array([len(table) for table in self._tables])
        largest = sizes.max()
        if max(len(self.labels) * np.prod(sizes.astype(float)), len(sizes) * largest**4.0) > MAX_STATES:
            raise ValueError(f"joint decoding of {len(sizes)} tasks with trigrams has too many states; take bigrams")
        # tables[task, region before, current, next]; the last column of next is </s>
        tables = np.full((len(sizes), largest, largest, largest + 1), -np.inf)
        loss = np.zeros((len(sizes), largest, largest, largest))
        starts = np.zeros(len(self.labels))
        for i, table in enumerate(self._tables):
            size = len(table)
            tables[i, :size, :size, : size - 1] = table[:, :, :-1]
            tables[i, :size, :size, -1] = table[:, :, -1] if self._scoring.score_end else 0.0
            starts += table[-1, -1, self.labels[:, i]]
            # loss[task, a, b, c]: how much better at most a move from c does with a before it than with b
            possible = tables[i, :size, : size - 1].copy()
            possible[:, np.arange(size - 1), np.arange(size - 1)] = -np.inf  # no region follows itself
            ours, theirs = possible[:, None], possible[None]
            with np.errstate(invalid="ignore"):
                difference = np.where(ours > -np.inf, ours - theirs, -np.inf)
            loss[i, :size, :size, : size - 1] = difference.max(axis=-1)
        self._trigrams = (tables, loss, starts, sizes)


@njit(cache=True)
def _search(scores, moves, labels, tables, loss, starts, sizes):  # type: ignore[no-untyped-def]
    """Cells of the best path, empty where every path is impossible."""
    frames, num_cells = scores.shape
    tasks = len(sizes)
    factors = np.empty(tasks, np.int64)
    states = num_cells
    for task in range(tasks):
        factors[task] = states
        states *= sizes[task]
    place_of = np.full(states, -1, np.int32)
    capacity = 4096
    cell, before, value, origin = _lists(capacity, tasks)
    new_cell, new_before, new_value, new_origin = _lists(capacity, tasks)
    trail_cell, trail_origin = np.empty(frames * 16, np.int16), np.empty(frames * 16, np.int32)
    first_of = np.zeros(frames + 1, np.int64)
    leader = np.empty(num_cells, np.int64)
    count = 0
    for label in range(num_cells):
        if starts[label] + scores[0, label] > -np.inf:
            cell[count], value[count], origin[count] = label, starts[label] + scores[0, label], -1
            before[count] = sizes - 1
            count += 1
    for frame in range(frames):
        if frame:
            if capacity < count * num_cells:
                while capacity < count * num_cells:
                    capacity *= 2
                new_cell, new_before, new_value, new_origin = _lists(capacity, tasks)
            reached = 0
            for place in range(count):
                here = cell[place]
                for there in range(num_cells):
                    score = value[place] + moves[here, there] + scores[frame, there]
                    state = there
                    for task in range(tasks):
                        a, b, c = before[place, task], labels[here, task], labels[there, task]
                        if b != c:
                            score += tables[task, a, b, c]
                            a = b
                        state += factors[task] * a
                    if score == -np.inf:
                        continue
                    at = place_of[state]
                    if at < 0:
                        at = place_of[state] = reached
                        new_cell[at], new_value[at] = there, -np.inf
                        for task in range(tasks):
                            b = labels[here, task]
                            new_before[at, task] = b if b != labels[there, task] else before[place, task]
                        reached += 1
                    if score > new_value[at]:
                        new_value[at], new_origin[at] = score, place
            leader[:] = -1
            for at in range(reached):
                state = new_cell[at]
                for task in range(tasks):
                    state += factors[task] * new_before[at, task]
                place_of[state] = -1
                if leader[new_cell[at]] < 0 or new_value[at] > new_value[leader[new_cell[at]]]:
                    leader[new_cell[at]] = at
            if len(cell) < reached:
                cell, before, value, origin = _lists(capacity, tasks)
            count = 0
            for at in range(reached):
                best = leader[new_cell[at]]
                at_most = new_value[at]
                for task in range(tasks):
                    current = labels[new_cell[at], task]
                    at_most += loss[task, new_before[at, task], new_before[best, task], current]
                if at == best or not at_most < new_value[best]:
                    cell[count], value[count], origin[count] = new_cell[at], new_value[at], new_origin[at]
                    before[count] = new_before[at]
                    count += 1
        if not count:
            return np.empty(0, np.int64)
        first = first_of[frame]
        while first + count > len(trail_cell):
            trail_cell = np.concatenate((trail_cell, np.empty_like(trail_cell)))
            trail_origin = np.concatenate((trail_origin, np.empty_like(trail_origin)))
        trail_cell[first : first + count] = cell[:count]
        trail_origin[first : first + count] = origin[:count]
        first_of[frame + 1] = first + count
    best, at = -np.inf, -1
    for place in range(count):
        score = value[place]
        for task in range(tasks):
            score += tables[task, before[place, task], labels[cell[place], task], -1]
        if score > best:
            best, at = score, place
    if at < 0:
        return np.empty(0, np.int64)
    path = np.empty(frames, np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = trail_cell[first_of[frame] + at]
        at = trail_origin[first_of[frame] + at]
    return path


@njit(cache=True)
def _lists(capacity, tasks):  # type: ignore[no-untyped-def]
    return (
        np.empty(capacity, np.int64),
        np.empty((capacity, tasks), np.int64),
        np.empty(capacity),
        np.empty(capacity, np.int64),
    )
