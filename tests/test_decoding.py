"""Decoding against brute force over all label sequences, which shares no code with the decoders."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoseq import decoding, ngram


def random_problem(seed, num_classes, frames, order):
    """Posteriors, transitions and a language model table with no structure that could hide a mistake."""
    random = np.random.default_rng(seed)
    posteriors = random.dirichlet(np.full(num_classes, 0.5), size=frames)
    transitions = random.dirichlet(np.ones(num_classes) * 0.7, size=num_classes)
    table = np.log(random.dirichlet(np.ones(num_classes + 1), size=(num_classes + 1,) * (order - 1)))
    return posteriors, transitions, table


def score_by_definition(path, posteriors, transitions, table, weight):
    """Eq. 8 term by term."""
    order, begin = table.ndim, len(table) - 1
    score = sum(np.log(posteriors[f, label]) for f, label in enumerate(path))
    score += sum(np.log(transitions[a, b]) for a, b in itertools.pairwise(path))
    regions = [label for label, _ in itertools.groupby(path)]
    words = [begin] * (order - 1) + regions + [begin]
    lm = sum(table[tuple(words[i : i + order])] for i in range(len(regions) + 1))
    return score + weight * lm


def brute_force(posteriors, transitions, table, weight):
    frames, num_classes = posteriors.shape
    return max(
        (score_by_definition(path, posteriors, transitions, table, weight), path)
        for path in itertools.product(range(num_classes), repeat=frames)
    )


problems = {
    "seed": st.integers(0, 10**6),
    "num_classes": st.integers(2, 4),
    "frames": st.integers(1, 6),
    "order": st.integers(1, 4),
    "weight": st.sampled_from([0.0, 0.5, 2.0, 14.0]),
}


@settings(max_examples=120, deadline=None)
@given(**problems)
def test_exact_search_equals_brute_force(seed, num_classes, frames, order, weight):
    problem = random_problem(seed, num_classes, frames, order)
    best, path = brute_force(*problem, weight)
    decoded = decoding.decode(*problem, lm_weight=weight)
    assert decoded.labels.tolist() == list(path)
    assert decoded.total == pytest.approx(best, rel=1e-9)


@settings(max_examples=120, deadline=None)
@given(**problems)
def test_beam_that_holds_all_states_equals_brute_force(seed, num_classes, frames, order, weight):
    problem = random_problem(seed, num_classes, frames, order)
    best, path = brute_force(*problem, weight)
    decoded = decoding.decode(*problem, lm_weight=weight, search="beam", beam=(num_classes + 1) ** order)
    assert not decoded.pruned
    assert decoded.labels.tolist() == list(path)
    assert decoded.total == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("search", decoding.SEARCHES)
def test_impossible_transitions_and_posteriors_are_avoided(order, search):
    posteriors, transitions, table = random_problem(5, 3, 6, order)
    posteriors[2, 0] = posteriors[4, 2] = 0
    transitions[0, 1] = transitions[1, 1] = 0
    with np.errstate(divide="ignore"):
        best, path = brute_force(posteriors, transitions, table, 2.0)
    decoded = decoding.decode(posteriors, transitions, table, lm_weight=2.0, search=search)
    assert decoded.labels.tolist() == list(path)
    assert decoded.total == pytest.approx(best)


@pytest.mark.parametrize("search", decoding.SEARCHES)
def test_no_possible_sequence_is_an_error(search):
    with pytest.raises(ValueError, match="no label sequence"):
        decoding.decode([[1.0, 0.0], [0.0, 1.0]], np.eye(2), np.zeros((3, 3)), search=search)


def test_weight_zero_is_a_textbook_viterbi():
    posteriors, transitions, table = random_problem(7, 4, 200, 3)
    log_a, log_y = np.log(transitions), np.log(posteriors)
    best, back = log_y[0], []
    for frame in range(1, 200):
        candidates = best[:, None] + log_a
        back.append(candidates.argmax(axis=0))
        best = candidates.max(axis=0) + log_y[frame]
    path = [int(best.argmax())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    assert decoding.decode(posteriors, transitions, table).labels.tolist() == path[::-1]


def test_narrow_beam_scores_no_better_than_exact_and_says_that_it_pruned():
    posteriors, transitions, table = random_problem(11, 6, 300, 3)
    exact = decoding.decode(posteriors, transitions, table, lm_weight=4.0)
    narrow = decoding.decode(posteriors, transitions, table, lm_weight=4.0, search="beam", beam=2)
    assert narrow.pruned
    assert narrow.total <= exact.total


def test_scores_of_a_path_by_hand():
    posteriors = np.array([[0.5, 0.5], [0.25, 0.75], [0.2, 0.8]])
    transitions = np.array([[0.9, 0.1], [0.4, 0.6]])
    table = np.log([[0.3, 0.6, 0.1], [0.5, 0.2, 0.3], [0.8, 0.1, 0.1]])
    am, lm = decoding.path_score([0, 1, 1], posteriors, transitions, table)
    assert am == pytest.approx(np.log(0.5 * 0.75 * 0.8 * 0.1 * 0.6))
    assert lm == pytest.approx(np.log(0.8 * 0.6 * 0.3))


def test_decoders_agree_on_a_long_signal():
    random = np.random.default_rng(3)
    posteriors = random.dirichlet(np.full(10, 0.3), size=3000)
    transitions = np.full((10, 10), 0.02 / 9) + np.eye(10) * (0.98 - 0.02 / 9)
    regions = [[0, 1, 2, 1, 3, 2, 4, 5, 9, 8, 7, 6]]
    table = np.log(np.maximum(ngram.witten_bell(regions, 10, 3)[-1], 1e-99))
    exact = decoding.decode(posteriors, transitions, table, lm_weight=6.0)
    beam = decoding.decode(posteriors, transitions, table, lm_weight=6.0, search="beam", beam=110)
    assert exact.labels.tolist() == beam.labels.tolist()
