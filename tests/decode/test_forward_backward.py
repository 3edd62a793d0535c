"""Posterior decoding against the sum over all label sequences, and its mean against what it promises."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from oracles import ORDERS, SELF_LOOPS, any_case, every_score, random_case, seeds

from emoseq.decode.forward_backward import compute_class_posteriors, compute_expectation
from emoseq.decode.graph import build_graph
from emoseq.decode.score import Scoring, scale_log_posteriors


def marginals(case):
    graph = build_graph(case.transitions, case.table, case.scoring, initial=case.initial)
    return compute_class_posteriors(scale_log_posteriors(case.posteriors, case.num_classes, case.scoring), graph)


def summed_over_all_paths(case):
    """P(class at a frame), each path weighing the exponential of its score."""
    paths, totals = every_score(case)
    weights = np.exp(totals - totals.max())
    sums = [[weights[column == label].sum() for label in range(case.num_classes)] for column in paths.T]
    return np.array(sums) / weights.sum()


@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=40, deadline=None)
@given(seed=seeds)
def test_class_posteriors_are_sums_over_all_paths(order, seed):
    case = any_case(order, seed)
    assume(every_score(case)[1].max() > -np.inf)
    np.testing.assert_allclose(marginals(case), summed_over_all_paths(case), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("frames", range(1, 11))
def test_every_length_is_cut_into_blocks_without_a_seam(frames):
    """Forward scores are kept for the square root of the frames at a time."""
    case = random_case(3, seed=frames, num_classes=2, frames=frames, scoring=Scoring(lm_weight=1.0))
    np.testing.assert_allclose(marginals(case), summed_over_all_paths(case), rtol=1e-9)


@pytest.mark.parametrize("order", ORDERS)
def test_class_posteriors_of_a_long_signal_sum_to_one(order):
    case = random_case(order, seed=1, num_classes=5, frames=1000, scoring=Scoring(lm_weight=2.0))
    np.testing.assert_allclose(marginals(case).sum(axis=1), 1.0, rtol=1e-12)


def forward_backward(posteriors, transitions):
    """Of a hidden Markov model, in numpy, each frame scaled to sum to 1."""
    forward, backward = posteriors.copy(), np.ones_like(posteriors)
    forward[0] /= forward[0].sum()
    for frame in range(1, len(posteriors)):
        forward[frame] *= forward[frame - 1] @ transitions
        forward[frame] /= forward[frame].sum()
    for frame in range(len(posteriors) - 2, -1, -1):
        backward[frame] = transitions @ (posteriors[frame + 1] * backward[frame + 1])
        backward[frame] /= backward[frame].sum()
    gamma = forward * backward
    return gamma / gamma.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("order", [1, 3])
def test_weight_zero_is_a_textbook_forward_backward(order):
    case = random_case(order, seed=2, num_classes=10, frames=2000)
    case = case._replace(transitions=SELF_LOOPS)
    np.testing.assert_allclose(marginals(case), forward_backward(case.posteriors, SELF_LOOPS), rtol=1e-8, atol=1e-12)


def test_no_possible_sequence_is_an_error():
    case = random_case(2, seed=3, num_classes=2, frames=2)._replace(posteriors=np.eye(2), transitions=np.eye(2))
    with pytest.raises(ValueError, match="no label sequence has a probability above zero"):
        marginals(case)


def test_expectation_by_hand():
    """Of 0, 1 and 4: the mean 1.25, and the variance 0.5 * 1.25^2 + 0.25 * 0.25^2 + 0.25 * 2.75^2."""
    mean, deviation = compute_expectation([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]], [0.0, 1.0, 4.0])
    assert mean.tolist() == pytest.approx([1.25, 1.0])
    assert deviation.tolist() == pytest.approx([np.sqrt(2.6875), 0.0])


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_expectation_is_that_of_random_paths(seed):
    """Mean and deviation over all paths of what each path has as its cluster mean at a frame."""
    case = any_case(2, seed, zeros=False)
    centers = np.sort(np.random.default_rng(seed).normal(size=case.num_classes))
    paths, totals = every_score(case)
    weights = np.exp(totals - totals.max())
    mean = np.average(centers[paths], axis=0, weights=weights)
    deviation = np.sqrt(np.average((centers[paths] - mean) ** 2, axis=0, weights=weights))
    np.testing.assert_allclose(compute_expectation(marginals(case), centers), [mean, deviation], rtol=1e-5, atol=1e-5)


def test_no_series_has_a_smaller_expected_squared_error_than_the_mean():
    random = np.random.default_rng(4)
    posteriors, centers = random.dirichlet(np.ones(6), size=50), np.sort(random.normal(size=6))

    def expected_error(values):
        return (posteriors * (centers - values[:, None]) ** 2).sum(axis=1)

    mean, deviation = compute_expectation(posteriors, centers)
    least = np.min([expected_error(np.full(50, value)) for value in np.linspace(-3, 3, 2001)], axis=0)
    np.testing.assert_allclose(deviation**2, least, atol=1e-5)  # the grid is 0.003 wide
    assert (expected_error(mean.astype(float)) <= least + 1e-9).all()


@pytest.mark.parametrize("centers", [[0.0], [0.0, 1.0, 2.0]])
def test_another_number_of_cluster_means_is_an_error(centers):
    with pytest.raises(ValueError, match=r"shape \(1, 2\) for \d cluster means"):
        compute_expectation([[0.5, 0.5]], centers)
