"""Posterior decoding: what the acoustics, the transitions and the language model together say of each frame.

Forward-backward over the states of exact decoding, with the probability of a label sequence
proportional to the exponential of its score (`emoseq.decode.graph`). The class posteriors that come of it
give the series of least expected squared error, its mean, and how sure it is, its deviation.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from emoseq.decode.graph import IMPOSSIBLE, StateGraph

NEGLIGIBLE = 40.0  # nats below the largest term of a sum, less than a rounding error


VANISHING = 1e-200  # a sum of products below this may have lost some to underflow


def compute_class_posteriors(scores: NDArray[np.float64], graph: StateGraph) -> NDArray[np.float64]:
    """P(class at a frame | all frames), shape (frames, K); rows sum to 1.

    Args:
        scores: scaled log posteriors as `emoseq.decode.score.scale_log_posteriors`, shape (frames, K)
        graph: states and moves

    Raises:
        ValueError: if no label sequence has a probability above zero
    """
    highest = graph.moves.max(axis=1)
    finite = np.where(np.isneginf(highest), 0.0, highest)
    factors = np.exp(graph.moves - finite[:, None])  # moves, 1 for the best one of a group to a class
    posteriors = np.empty(scores.shape)
    length = int(np.ceil(np.sqrt(len(scores))))  # forward scores are kept for one block and at the begin of each
    possible = _forward_backward(
        scores, graph.moves, factors, finite, graph.targets, graph.classes, graph.stays, graph.starts,
        graph.start_states, graph.ends, length, posteriors,
    )  # fmt: skip
    if not possible:
        raise ValueError(IMPOSSIBLE)
    return posteriors


def compute_expectation(posteriors: ArrayLike, centers: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation of the cluster means under class posteriors.

    Args:
        posteriors: shape (frames, K)
        centers: cluster means, shape (K,)

    Returns:
        two series of shape (frames,); the mean is the estimate of least expected squared error

    Raises:
        ValueError: if the numbers of classes disagree
    """
    probabilities, means = np.asarray(posteriors, dtype=np.float64), np.asarray(centers, dtype=np.float64)
    if probabilities.ndim != 2 or means.shape != probabilities.shape[1:]:
        raise ValueError(f"posteriors of shape {probabilities.shape} for {len(means)} cluster means")
    mean = probabilities @ means
    variance = (probabilities * (means - mean[:, None]) ** 2).sum(axis=1)
    return mean.astype(np.float32), np.sqrt(variance).astype(np.float32)


@njit(cache=True)
def _forward_backward(  # type: ignore[no-untyped-def]
    scores, moves, factors, highest, targets, classes, stays, starts, start_states, ends, length, posteriors
):
    frames, num_classes = scores.shape
    states = len(classes)
    blocks = (frames + length - 1) // length
    anchors = np.full((blocks, states), -np.inf)
    forward = np.full((length, states), -np.inf)
    for label in range(num_classes):
        anchors[0, start_states[label]] = starts[label] + scores[0, label]
    _normalise(anchors[0])
    for block in range(blocks - 1):
        forward[0] = anchors[block]
        for i in range(1, length):
            _forward(
                forward[i - 1], forward[i], scores[block * length + i], moves, factors, highest, targets, classes, stays
            )
        following = (block + 1) * length
        _forward(
            forward[length - 1], anchors[block + 1], scores[following], moves, factors, highest, targets, classes, stays
        )
    backward = ends.copy()
    ahead = np.empty(states)
    joint = np.empty(states)
    for block in range(blocks - 1, -1, -1):
        first = block * length
        forward[0] = anchors[block]
        for i in range(1, min(length, frames - first)):
            _forward(forward[i - 1], forward[i], scores[first + i], moves, factors, highest, targets, classes, stays)
        for frame in range(min(first + length, frames) - 1, first - 1, -1):
            if frame < frames - 1:
                for state in range(states):
                    ahead[state] = backward[state] + scores[frame + 1, classes[state]]
                _backward(ahead, backward, moves, factors, highest, targets, classes, stays)
            for state in range(states):
                joint[state] = forward[frame - first, state] + backward[state]
            if not _normalise(joint):
                return False
            posteriors[frame] = 0.0
            for state in range(states):
                posteriors[frame, classes[state]] += np.exp(joint[state])
            posteriors[frame] /= posteriors[frame].sum()
    return True


@njit(cache=True)
def _normalise(values):  # type: ignore[no-untyped-def]
    """Subtract the largest value; says whether any is finite."""
    highest = values.max()
    if highest > -np.inf:
        values -= highest
    return highest > -np.inf


@njit(cache=True)
def _log_add(first, second):  # type: ignore[no-untyped-def]
    high, low = max(first, second), min(first, second)
    return high if low <= high - NEGLIGIBLE else high + np.log1p(np.exp(low - high))


@njit(cache=True)
def _forward(old, new, scores, moves, factors, highest, targets, classes, stays):  # type: ignore[no-untyped-def]
    """Sums of the products of probabilities relative to the largest of a group, or term by term where they vanish."""
    groups, width, num_classes = moves.shape
    sums = np.empty(num_classes)
    for state in range(len(classes)):
        new[state] = old[state] + stays[classes[state]]
    for group in range(groups):
        states = old[group * width : (group + 1) * width]
        largest = states.max()
        if largest == -np.inf:
            continue
        sums[:] = 0.0
        for oldest in range(width):
            weight = np.exp(states[oldest] - largest)
            if weight > 0:
                for label in range(num_classes):
                    sums[label] += weight * factors[group, oldest, label]
        for label in range(num_classes):
            target = targets[group, label]
            if target < 0:
                continue
            if sums[label] > VANISHING:
                move = largest + highest[group, label] + np.log(sums[label])
            else:
                move = -np.inf
                for oldest in range(width):
                    move = _log_add(move, states[oldest] + moves[group, oldest, label])
            new[target] = _log_add(new[target], move)
    for state in range(len(classes)):
        new[state] += scores[classes[state]]
    _normalise(new)


@njit(cache=True)
def _backward(ahead, backward, moves, factors, highest, targets, classes, stays):  # type: ignore[no-untyped-def]
    groups, width, num_classes = moves.shape
    weights = np.empty(num_classes)
    for group in range(groups):
        largest = -np.inf
        for label in range(num_classes):
            weights[label] = -np.inf
            if targets[group, label] >= 0:
                weights[label] = ahead[targets[group, label]] + highest[group, label]
            largest = max(largest, weights[label])
        for label in range(num_classes):
            weights[label] = np.exp(weights[label] - largest) if largest > -np.inf else 0.0
        for oldest in range(width):
            state = group * width + oldest
            total = 0.0
            for label in range(num_classes):
                total += weights[label] * factors[group, oldest, label]
            if total > VANISHING:
                move = largest + np.log(total)
            else:
                move = -np.inf
                for label in range(num_classes):
                    if targets[group, label] >= 0:
                        move = _log_add(move, moves[group, oldest, label] + ahead[targets[group, label]])
            backward[state] = _log_add(ahead[state] + stays[classes[state]], move)
    _normalise(backward)
