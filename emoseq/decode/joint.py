"""Beyond the paper: joint decoding of all resolutions, in which one value fixes the class of every task.

The class boundaries of all tasks cut the rating axis into cells (4, 6, 8 and 10 classes: 25 at most),
and the cell of a frame is its class in every task. The path through the cells that maximises the sum
of the tasks' scores (Eq. 8, each with its own regions, transitions and language model) gives label
sequences that no two tasks disagree on. A region of a task ends when its label changes, so a move from
one cell to the next begins a region in some tasks and none in the others.

With unigrams and bigrams the cells are the states. With trigrams a state is the cell and, for each
task, the region before the current one. These are too many for a table, but few of them matter: of two
states in one cell, the futures differ by no more than what each task's next move can gain from its
last region but one. A state that is further behind than that is dropped, and the search stays exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from emoseq.decode.graph import IMPOSSIBLE, MAX_CLASSES, StateGraph
from emoseq.decode.options import MAX_JOINT_ORDER
from emoseq.decode.resolution import Resolution
from emoseq.decode.score import Scoring, acoustic_score, language_model_score, scale_log_posteriors, total_score
from emoseq.decode.viterbi import Viterbi
from emoseq.labels.kmeans import Labels, quantise

MAX_STATES = 2**26  # entries of a table of int32, 256 MB


def label_cells(centers: Sequence[NDArray]) -> Labels:
    """Return the class that each cell of the rating axis has in each task, ascending, shape (cells, tasks).

    Two classes meet at 0.5; three meet at 0.25 and at 0.75. These boundaries cut the axis into four cells:

    >>> label_cells([np.array([0.0, 1.0]), np.array([0.0, 0.5, 1.0])]).tolist()
    [[0, 0], [0, 1], [1, 1], [1, 2]]
    """
    boundaries = np.unique(np.concatenate([(means[1:] + means[:-1]) / 2 for means in centers]))
    inside = np.r_[boundaries[0] - 1, (boundaries[1:] + boundaries[:-1]) / 2, boundaries[-1] + 1]
    return np.stack([quantise(inside, means) for means in centers], axis=1)


class JointDecoder:
    """Exact decoding of several tasks at once.

    Args:
        resolutions: parameters of each task
        order: n of the language models, 1 to 3
        scoring: weights, the same for all tasks; the tasks share one network, so an acoustic scale of
            1 / len(resolutions) counts its evidence once

    Raises:
        ValueError: if the order is not 1 to 3, or the states are too many
    """

    def __init__(self, resolutions: Sequence[Resolution], order: int, scoring: Scoring) -> None:
        if not 1 <= order <= MAX_JOINT_ORDER:
            raise ValueError(f"joint decoding takes language models of order 1 to {MAX_JOINT_ORDER}, not {order}")
        self._resolutions, self._order, self._scoring = resolutions, order, scoring
        self.labels = label_cells([resolution.centers for resolution in resolutions])
        with np.errstate(divide="ignore"):
            self._transitions = [np.log(resolution.transitions) for resolution in resolutions]
        weight, tables = scoring.natural_weight, [resolution.tables[order] for resolution in resolutions]
        self._tables = [weight * table if weight else np.zeros_like(table) for table in tables]
        cells = len(self.labels)
        if cells > MAX_CLASSES:
            raise ValueError(f"{cells} cells of {len(resolutions)} tasks; joint decoding takes {MAX_CLASSES} at most")
        self._moves = np.zeros((cells, cells))  # transitions of all tasks
        for labels, matrix in zip(self.labels.T, self._transitions, strict=True):
            self._moves += matrix[np.ix_(labels, labels)]
        trigram = order == 3
        self.graph = None if trigram else self._build_graph()
        if trigram:
            self._prepare_trigrams()

    def __call__(self, posteriors: Sequence[NDArray]) -> list[Labels]:
        """Return labels of shape (frames,) for each task, from its posteriors of shape (frames, K).

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
        """Return the sum of the tasks' scores of label sequences, from the definition (Eq. 8)."""
        total = 0.0
        for path, matrix, resolution in zip(labels, posteriors, self._resolutions, strict=True):
            am = acoustic_score(path, matrix, resolution.transitions, self._scoring)
            lm = language_model_score(path, resolution.tables[self._order], self._scoring)
            total += total_score(am, lm, self._scoring)
        return total

    def scores(self, posteriors: Sequence[NDArray]) -> NDArray[np.float64]:
        """Return scaled log posteriors of the cells, summed over tasks, shape (frames, cells).

        Raises:
            ValueError: as `emoseq.decode.score.scale_log_posteriors`, or if the tasks' lengths differ
        """
        if len({len(matrix) for matrix in posteriors}) != 1:
            raise ValueError(f"tasks of {', '.join(str(len(matrix)) for matrix in posteriors)} frames")
        scores = np.zeros((len(posteriors[0]), len(self.labels)))
        for matrix, resolution, labels in zip(posteriors, self._resolutions, self.labels.T, strict=True):
            scores += scale_log_posteriors(matrix, len(resolution.centers), self._scoring)[:, labels]
        return scores

    def _build_graph(self) -> StateGraph:
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
        # tables[task, region before, current, next]; the last column is </s>
        tables = np.full((len(sizes), largest, largest, largest + 1), -np.inf)
        loss = np.zeros((len(sizes), largest, largest, largest))
        starts = np.zeros(len(self.labels))
        for i, table in enumerate(self._tables):
            size = len(table)
            tables[i, :size, :size, : size - 1] = table[:, :, :-1]
            tables[i, :size, :size, -1] = table[:, :, -1] if self._scoring.score_end else 0.0
            starts += table[-1, -1, self.labels[:, i]]
            # loss[task, a, b, c]: what a move from c gains at most from a before c rather than b
            possible = tables[i, :size, : size - 1].copy()
            possible[:, np.arange(size - 1), np.arange(size - 1)] = -np.inf  # no region follows itself
            ours, theirs = possible[:, None], possible[None]
            with np.errstate(invalid="ignore"):
                difference = np.where(ours > -np.inf, ours - theirs, -np.inf)
            loss[i, :size, :size, : size - 1] = difference.max(axis=-1)
        self._trigrams = (tables, loss, starts, sizes)


@njit(cache=True)
def _search(scores, moves, labels, tables, loss, starts, sizes):  # type: ignore[no-untyped-def]
    """Return the cells of the best path, none if every path is impossible."""
    frames, num_cells = scores.shape
    tasks = len(sizes)
    factors = np.empty(tasks, np.int64)
    states = num_cells
    for task in range(tasks):
        factors[task] = states
        states *= sizes[task]
    index_of = np.full(states, -1, np.int32)
    capacity = 4096
    cell, before, value, origin = _allocate(capacity, tasks)
    new_cell, new_before, new_value, new_origin = _allocate(capacity, tasks)
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
                new_cell, new_before, new_value, new_origin = _allocate(capacity, tasks)
            reached = 0
            for source in range(count):
                cell_before = cell[source]
                for target in range(num_cells):
                    score = value[source] + moves[cell_before, target] + scores[frame, target]
                    state = target
                    for task in range(tasks):
                        a, b, c = before[source, task], labels[cell_before, task], labels[target, task]
                        if b != c:
                            score += tables[task, a, b, c]
                            a = b
                        state += factors[task] * a
                    if score == -np.inf:
                        continue
                    index = index_of[state]
                    if index < 0:
                        index = index_of[state] = reached
                        new_cell[index], new_value[index] = target, -np.inf
                        for task in range(tasks):
                            b = labels[cell_before, task]
                            new_before[index, task] = b if b != labels[target, task] else before[source, task]
                        reached += 1
                    if score > new_value[index]:
                        new_value[index], new_origin[index] = score, source
            leader[:] = -1
            for index in range(reached):
                state = new_cell[index]
                for task in range(tasks):
                    state += factors[task] * new_before[index, task]
                index_of[state] = -1
                if leader[new_cell[index]] < 0 or new_value[index] > new_value[leader[new_cell[index]]]:
                    leader[new_cell[index]] = index
            if len(cell) < reached:
                cell, before, value, origin = _allocate(capacity, tasks)
            count = 0
            for index in range(reached):
                best = leader[new_cell[index]]
                bound = new_value[index]
                for task in range(tasks):
                    current = labels[new_cell[index], task]
                    bound += loss[task, new_before[index, task], new_before[best, task], current]
                if index == best or not bound < new_value[best]:
                    cell[count], value[count], origin[count] = new_cell[index], new_value[index], new_origin[index]
                    before[count] = new_before[index]
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
    highest, last = -np.inf, -1
    for index in range(count):
        score = value[index]
        for task in range(tasks):
            score += tables[task, before[index, task], labels[cell[index], task], -1]
        if score > highest:
            highest, last = score, index
    if last < 0:
        return np.empty(0, np.int64)
    path = np.empty(frames, np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = trail_cell[first_of[frame] + last]
        last = trail_origin[first_of[frame] + last]
    return path


@njit(cache=True)
def _allocate(capacity, tasks):  # type: ignore[no-untyped-def]
    return (
        np.empty(capacity, np.int64),
        np.empty((capacity, tasks), np.int64),
        np.empty(capacity),
        np.empty(capacity, np.int64),
    )
