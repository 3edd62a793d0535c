"""Beyond the paper: posterior decoding, the probability of each class at each frame.

The forward-backward algorithm over the states of exact decoding, the probability of a label sequence being
proportional to the exponential of its score (`emoseq.decode.score`). From the class posteriors follow the
series of least expected squared error, their mean, and its uncertainty, their standard deviation.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from emoseq.decode.graph import IMPOSSIBLE, StateGraph

NEGLIGIBLE = 40.0  # nats below the largest term of a sum, less than a rounding error
VANISHING = 1e-200  # a sum of products below this may have lost some to underflow


def compute_class_posteriors(scores: NDArray[np.float64], graph: StateGraph) -> NDArray[np.float64]:
    """Return P(class at a frame | all frames), shape (frames, K); rows sum to 1.

    Args:
        scores: scaled log posteriors as `emoseq.decode.score.scale_log_posteriors`, shape (frames, K)
        graph: states and moves

    Raises:
        ValueError: if no label sequence has a probability above zero

    Two frames and two classes, no language model. The first frame is 0.8 sure of class 0, the second undecided:

    >>> from emoseq.decode.graph import build_graph
    >>> from emoseq.decode.score import Scoring
    >>> graph = build_graph([[0.9, 0.1], [0.1, 0.9]], np.zeros(3), Scoring(lm_weight=0.0))
    >>> scores = np.log([[0.8, 0.2], [0.5, 0.5]])

    The paths 0 0, 0 1, 1 0 and 1 1 weigh 0.8 * 0.9 * 0.5 = 0.36, 0.04, 0.01 and 0.09, together 0.5. Class 0 has
    (0.36 + 0.04) / 0.5 = 0.8 in the first frame and (0.36 + 0.01) / 0.5 = 0.74 in the second:

    >>> compute_class_posteriors(scores, graph).round(6).tolist()
    [[0.8, 0.2], [0.74, 0.26]]
    """
    highest = graph.moves.max(axis=1)
    finite = np.where(np.isneginf(highest), 0.0, highest)
    factors = np.exp(graph.moves - finite[:, None])  # moves, 1 for the best one of a group to a class
    posteriors = np.empty(scores.shape)
    # Memory: forward scores are kept for the frames of one block, and for the first frame of each block.
    length = int(np.ceil(np.sqrt(len(scores))))
    possible = _run_forward_backward(
        scores, graph.moves, factors, finite, graph.targets, graph.classes, graph.stays, graph.starts,
        graph.start_states, graph.ends, length, posteriors,
    )  # fmt: skip
    if not possible:
        raise ValueError(IMPOSSIBLE)
    return posteriors


def compute_expectation(posteriors: ArrayLike, centers: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and standard deviation of the cluster means under class posteriors.

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
def _run_forward_backward(  # type: ignore[no-untyped-def]
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
            _step_forward(
                forward[i - 1], forward[i], scores[block * length + i], moves, factors, highest, targets, classes, stays
            )
        following = (block + 1) * length
        _step_forward(
            forward[length - 1], anchors[block + 1], scores[following], moves, factors, highest, targets, classes, stays
        )
    backward = ends.copy()
    ahead = np.empty(states)
    joint = np.empty(states)
    for block in range(blocks - 1, -1, -1):
        first = block * length
        forward[0] = anchors[block]
        for i in range(1, min(length, frames - first)):
            _step_forward(
                forward[i - 1], forward[i], scores[first + i], moves, factors, highest, targets, classes, stays
            )
        for frame in range(min(first + length, frames) - 1, first - 1, -1):
            if frame < frames - 1:
                for state in range(states):
                    ahead[state] = backward[state] + scores[frame + 1, classes[state]]
                _step_backward(ahead, backward, moves, factors, highest, targets, classes, stays)
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
    """Subtract the largest value; return whether any is finite."""
    highest = values.max()
    if highest > -np.inf:
        values -= highest
    return highest > -np.inf


@njit(cache=True)
def _add_logs(first, second):  # type: ignore[no-untyped-def]
    high, low = max(first, second), min(first, second)
    return high if low <= high - NEGLIGIBLE else high + np.log1p(np.exp(low - high))


@njit(cache=True)
def _step_forward(old, new, scores, moves, factors, highest, targets, classes, stays):  # type: ignore[no-untyped-def]
    """Move `old` forward scores on by a frame, into `new`.

    Sums are products of probabilities relative to the largest of a group, or taken term by term where they vanish.
    """
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
                    move = _add_logs(move, states[oldest] + moves[group, oldest, label])
            new[target] = _add_logs(new[target], move)
    for state in range(len(classes)):
        new[state] += scores[classes[state]]
    _normalise(new)


@njit(cache=True)
def _step_backward(ahead, backward, moves, factors, highest, targets, classes, stays):  # type: ignore[no-untyped-def]
    """Move backward scores back by a frame; `ahead` are those of the frame after, its acoustics included."""
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
                        move = _add_logs(move, moves[group, oldest, label] + ahead[targets[group, label]])
            backward[state] = _add_logs(ahead[state] + stays[classes[state]], move)
    _normalise(backward)
