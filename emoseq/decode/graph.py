"""States and moves of emotion decoding (paper, Sec. 4.3).

The score of a label sequence l over frames 1 to F, Eq. 8 with Eq. 9 written out, is

    sum_f scale log y_f(l_f) + sum_f log A[l_f, l_f+1] + log pi(l_1) + weight log P_LM(B(l))

It depends on the past only through the last max(1, n - 1) regions, so these are the states, the last
region being the current class. From every state a frame either stays, or begins a region of another
class and forgets the oldest region of the history.

Numbers here are natural logarithms. A language model is a table as in `emoseq.lm.table`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emoseq.decode.score import Scoring
from emoseq.lm.table import Lm, check_table

IMPOSSIBLE = "no label sequence has a probability above zero"

SEARCHES = ("exact", "beam")

DEFAULT_BEAM = 100  # hypotheses

MAX_CLASSES = 254  # a backpointer is one byte

MAX_BACKPOINTERS = 2**32  # one byte for each state and frame, 4 GB


@dataclass(frozen=True)
class StateGraph:
    """Moves between states.

    States come in groups that differ in their oldest region only: state = group * width + oldest.
    `moves[group, oldest, class]` is the log weight of leaving a state for a region of that class, minus
    infinity for its own class, and `targets[group, class]` the state that it leads to, -1 if none.
    """

    moves: NDArray[np.float64]  # (groups, width, classes)
    targets: NDArray[np.int64]  # (groups, classes)
    classes: NDArray[np.int64]  # (states,), the current class
    stays: NDArray[np.float64]  # (classes,)
    starts: NDArray[np.float64]  # (classes,), weight of the first region
    start_states: NDArray[np.int64]  # (classes,)
    ends: NDArray[np.float64]  # (states,), weight of </s>

    @property
    def num_classes(self) -> int:
        return len(self.stays)

    @property
    def num_states(self) -> int:
        return len(self.classes)

    def sources(self) -> NDArray[np.int64]:
        """Return the group whose states lead to each state, -1 where only staying does, shape (states,)."""
        sources = np.full(self.num_states, -1, np.int64)
        group, label = np.nonzero(self.targets >= 0)
        sources[self.targets[group, label]] = group
        return sources


def build_graph(
    transitions: ArrayLike, table: NDArray, scoring: Scoring, *, initial: ArrayLike | None = None
) -> StateGraph:
    """Return the states and moves of a transition matrix with a language model table of any order.

    Args:
        transitions: P(next class | class) of shape (K, K)
        table: of shape (K + 1,) * n
        scoring: weights
        initial: P(first class) of shape (K,), none for the paper's Eq. 9

    Raises:
        ValueError: if shapes disagree or the states are too many for a table of moves
    """
    log_transitions, log_initial = compute_log_parameters(transitions, table, initial)
    size, num_classes = len(table), len(table) - 1
    check_size(table.ndim, num_classes)
    weighted = scoring.natural_weight * table if scoring.natural_weight else np.zeros_like(table)
    starts = weighted[(num_classes,) * (table.ndim - 1)][:num_classes] + log_initial
    labels = np.arange(num_classes)
    if table.ndim <= 2:
        # The only region of the history is the current one: one group, from any state to any other.
        successors = np.broadcast_to(weighted, (size, size))[:num_classes]
        return StateGraph(
            moves=_mask_own_class(successors[None, :, :num_classes] + log_transitions, labels[None, :]),
            targets=labels[None],
            classes=labels,
            stays=log_transitions.diagonal().copy(),
            starts=starts,
            start_states=labels,
            ends=_select_ends(successors[:, num_classes], scoring),
        )
    # Histories (oldest, middle ..., current); all but the current region may be <s>.
    width, middles = size, size ** (table.ndim - 3)
    groups = middles * num_classes
    by_history = weighted.reshape(width, middles, size, size)[:, :, :num_classes]
    moves = (by_history[..., :num_classes] + log_transitions).reshape(width, groups, num_classes).transpose(1, 0, 2)
    # Group g is (middle, current) with the middle's first region the next one to be the oldest.
    middle, current = np.divmod(np.arange(groups), num_classes)
    oldest, rest = np.divmod(middle * size + current, middles)
    targets = (rest[:, None] * num_classes + labels) * width + oldest[:, None]
    targets[current[:, None] == labels] = -1
    return StateGraph(
        moves=_mask_own_class(moves, current[:, None]),
        targets=targets,
        classes=np.repeat(current, width),
        stays=log_transitions.diagonal().copy(),
        starts=starts,
        start_states=((middles - 1) * num_classes + labels) * width + num_classes,
        ends=_select_ends(by_history[..., num_classes].reshape(width, groups).T.ravel(), scoring),
    )


def compute_log_parameters(
    transitions: ArrayLike, lm: Lm, initial: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return log transitions (K, K) and log initial probabilities (K,), zeros for none.

    Raises:
        ValueError: if their shapes are not those of the language model's classes
    """
    num_classes = len(lm) - 1
    with np.errstate(divide="ignore"):
        log_transitions = np.log(np.asarray(transitions, dtype=np.float64))
        log_initial = np.zeros(num_classes) if initial is None else np.log(np.asarray(initial, dtype=np.float64))
    if log_transitions.shape != (num_classes, num_classes):
        raise ValueError(f"transition matrix of shape {log_transitions.shape}, language model of {num_classes} classes")
    if log_initial.shape != (num_classes,):
        raise ValueError(f"initial probabilities of shape {log_initial.shape} for {num_classes} classes")
    return log_transitions, log_initial


def check_size(order: int, num_classes: int, *, frames: int = 0, bytes_each: int = 1) -> None:
    """Check that exact search fits its memory: MAX_TABLE for the moves, MAX_BACKPOINTERS for an utterance.

    Args:
        order: n of the language model
        num_classes: K
        frames: length of the utterance, 0 to check the moves alone
        bytes_each: size of a backpointer

    Raises:
        ValueError: if it does not; the message says what it takes and what to do
    """
    if num_classes > MAX_CLASSES:
        raise ValueError(f"{num_classes} classes; exact search takes {MAX_CLASSES} at most, --search beam any number")
    check_table(order, num_classes)
    needed = bytes_each * frames * num_classes * (num_classes + 1) ** max(0, order - 2)
    if needed > MAX_BACKPOINTERS:
        raise ValueError(
            f"exact search through {frames} frames of order {order} with {num_classes} classes takes "
            f"{needed / 2**20:.0f} MB, more than {MAX_BACKPOINTERS / 2**20:.0f}; split the recording, take a lower "
            "order, or steps/decode.py --search beam"
        )


def _mask_own_class(moves: NDArray, current: NDArray) -> NDArray[np.float64]:
    """Return moves of shape (groups, width, classes), those to the current class at minus infinity.

    In C order whatever the order of the model, so that each search is compiled once.
    """
    return np.ascontiguousarray(np.where(np.arange(moves.shape[2]) == current[:, :, None], -np.inf, moves))


def _select_ends(weights: NDArray, scoring: Scoring) -> NDArray:
    return np.array(weights) if scoring.score_end else np.zeros(len(weights))
