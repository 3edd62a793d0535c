"""Beyond the paper: the N best region sequences, distinct B(l), each scored by its best alignment.

At every frame each state keeps its N best distinct region sequences. That is exact: two sequences that
end in the same state have the same future, so a sequence that N others beat there is beaten by N others at
the end. Sequences are nodes of one prefix tree, so equal sequences are the same node.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from emoseq.decode.graph import IMPOSSIBLE, StateGraph
from emoseq.labels.kmeans import Labels


@dataclass(frozen=True)
class Hypothesis:
    """A region sequence of shape (regions,) and the score of its best alignment, which `align` finds."""

    regions: Labels
    total: float


def find_n_best(scores: NDArray[np.float64], graph: StateGraph, count: int) -> list[Hypothesis]:
    """Return the best region sequences in descending order of score, as many as exist up to `count`.

    Args:
        scores: scaled log posteriors as `emoseq.decode.score.scale_log_posteriors`, shape (frames, K)
        graph: states and moves
        count: N

    Raises:
        ValueError: if no label sequence has a probability above zero, or N is below 1
    """
    if count < 1:
        raise ValueError(f"{count} best sequences; 1 or more")
    totals, nodes, tree = _search(
        scores, graph.moves, graph.targets, graph.classes, graph.stays, graph.starts, graph.start_states, graph.ends,
        count,
    )  # fmt: skip
    if not len(totals):
        raise ValueError(IMPOSSIBLE)
    hypotheses = []
    for total, node in zip(totals, nodes, strict=True):
        regions = []
        while node:
            regions.append(tree[node, 1])
            node = tree[node, 0]
        hypotheses.append(Hypothesis(np.array(regions[::-1], np.int32), float(total)))
    return hypotheses


@njit(cache=True)
def align(scores, stays, regions):  # type: ignore[no-untyped-def]
    """Return the labels of the best alignment of a region sequence.

    All alignments have the same language model score and the same transitions between regions, so only the
    acoustics and the self-loops decide. Takes frames x regions steps and bytes.

    Args:
        scores: scaled log posteriors, shape (frames, K)
        stays: log probability of staying in each class, shape (K,)
        regions: shape (regions,), no more than there are frames

    Returns:
        labels of shape (frames,)
    """
    frames, count = len(scores), len(regions)
    entered = np.zeros((frames, count), np.bool_)
    best = np.full(count, -np.inf)
    best[0] = scores[0, regions[0]]
    for frame in range(1, frames):
        for index in range(min(frame, count - 1), -1, -1):
            score = best[index] + stays[regions[index]]
            if index and best[index - 1] > score:
                score = best[index - 1]
                entered[frame, index] = True
            best[index] = score + scores[frame, regions[index]]
    labels = np.empty(frames, np.int32)
    index = count - 1
    for frame in range(frames - 1, -1, -1):
        labels[frame] = regions[index]
        if entered[frame, index]:
            index -= 1
    return labels


@njit(cache=True)
def _search(scores, moves, targets, classes, stays, starts, start_states, ends, count):  # type: ignore[no-untyped-def]
    """Return totals and nodes of the best sequences, and the tree: the node before and the class of each node."""
    groups, width, num_classes = moves.shape
    states = len(classes)
    tree = np.zeros((1024, 2), np.int32)
    children = np.zeros((1024, num_classes), np.int32)
    size = 1  # node 0 is the empty sequence
    old, new = np.full((states, count), -np.inf), np.full((states, count), -np.inf)
    old_node, new_node = np.zeros((states, count), np.int32), np.zeros((states, count), np.int32)
    for label in range(num_classes):
        old[start_states[label], 0] = starts[label] + scores[0, label]
        tree[size, 1] = label
        old_node[start_states[label], 0] = children[0, label] = size
        size += 1
    for frame in range(1, len(scores)):
        for state in range(states):
            for rank in range(count):
                new[state, rank] = old[state, rank] + stays[classes[state]]
                new_node[state, rank] = old_node[state, rank]
        for group in range(groups):
            for label in range(num_classes):
                target = targets[group, label]
                if target < 0:
                    continue
                for state in range(group * width, (group + 1) * width):
                    move = moves[group, state - group * width, label]
                    for rank in range(count):
                        score = old[state, rank] + move
                        if score <= new[target, count - 1]:
                            break  # ranks descend
                        parent = old_node[state, rank]
                        node = children[parent, label]
                        if node == 0:
                            if size == len(tree):
                                tree = np.concatenate((tree, np.zeros_like(tree)))
                                children = np.concatenate((children, np.zeros_like(children)))
                            node = size
                            size += 1
                            tree[node, 0], tree[node, 1], children[parent, label] = parent, label, node
                        _insert(new[target], new_node[target], score, node)
        for state in range(states):
            for rank in range(count):
                new[state, rank] += scores[frame, classes[state]]
        old, new = new, old
        old_node, new_node = new_node, old_node
    totals, nodes = np.full(count, -np.inf), np.zeros(count, np.int32)
    for state in range(states):
        for rank in range(count):
            if old[state, rank] + ends[state] > totals[count - 1]:
                _insert(totals, nodes, old[state, rank] + ends[state], old_node[state, rank])
    possible = np.sum(totals > -np.inf)
    return totals[:possible], nodes[:possible], tree[:size]


@njit(cache=True)
def _insert(totals, nodes, score, node):  # type: ignore[no-untyped-def]
    """Insert a node in descending order of score, or raise its score if it is in the list with a lower one."""
    index = len(nodes) - 1
    for rank in range(len(nodes)):
        if totals[rank] > -np.inf and nodes[rank] == node:
            index = rank
            break
    if score <= totals[index]:
        return
    while index > 0 and totals[index - 1] < score:
        totals[index], nodes[index] = totals[index - 1], nodes[index - 1]
        index -= 1
    totals[index], nodes[index] = score, node
