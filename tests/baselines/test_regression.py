"""Delay compensation by hand, regressions against their equations, and searches with a known answer."""

import numpy as np
import pytest

from emoseq.baselines.regression import Linear, Sets, align_to_delay, fit_ridge, fit_svr, score_on_dev, search

RANDOM = np.random.default_rng(0)
WEIGHTS = np.array([0.5, -1.0, 0.25])
FEATURES = {utt: RANDOM.normal(size=(200, 3)).astype(np.float32) for utt in "abcd"}


def ratings(delay):
    return {utt: np.r_[np.zeros(delay), matrix[: 200 - delay] @ WEIGHTS + 2] for utt, matrix in FEATURES.items()}


def sets(delay):
    def only(utterances, series):
        return {utt: series[utt] for utt in utterances}

    gold = ratings(delay)
    return Sets(only("abc", FEATURES), only("abc", gold), only("d", FEATURES), only("d", gold), 0.04)


def test_features_are_paired_with_later_ratings():
    features = {"u": np.arange(6)[:, None], "v": np.arange(10, 13)[:, None]}
    series = {"u": np.arange(100, 106), "v": np.arange(110, 113)}
    inputs, targets = align_to_delay(features, series, delay=2, every=3)
    assert inputs[:, 0].tolist() == [0, 3, 10]
    assert targets.tolist() == [102, 105, 112]


def test_an_utterance_shorter_than_the_delay_is_left_out():
    features = {"u": np.zeros((6, 1)), "v": np.ones((3, 1))}
    inputs, targets = align_to_delay(features, {"u": np.zeros(6), "v": np.ones(3)}, delay=4, every=1)
    assert inputs.tolist() == [[0], [0]]
    assert targets.tolist() == [0, 0]


def test_lengths_that_differ_by_more_than_two_frames_are_refused():
    with pytest.raises(ValueError, match="u: the features has 6 frames and the gold standard 9"):
        align_to_delay({"u": np.zeros((6, 1))}, {"u": np.zeros(9)}, delay=0, every=1)


def test_an_utterance_without_features_is_refused():
    with pytest.raises(ValueError, match="v has a gold standard and no features"):
        align_to_delay({"u": np.zeros((6, 1))}, {"v": np.zeros(6)}, delay=0, every=1)


def test_utterances_that_are_all_too_short_are_refused():
    with pytest.raises(ValueError, match="delay of 6 frames"):
        align_to_delay({"u": np.zeros((6, 1))}, {"u": np.zeros(6)}, delay=6, every=1)


def test_a_prediction_has_the_delay_of_the_ratings():
    linear = Linear(np.array([2.0]), 1.0, delay=2)
    assert linear(np.array([[1.0], [2.0], [3.0], [4.0]])).tolist() == [3, 3, 3, 5]


def test_ridge_solves_the_normal_equations():
    """The minimum of |X w + b - y|^2 + n penalty |w|^2."""
    X, y = RANDOM.normal(3, 1, size=(50, 4)), RANDOM.normal(size=50)
    centred = X - X.mean(axis=0)
    expected = np.linalg.solve(centred.T @ centred + 50 * 0.1 * np.eye(4), centred.T @ (y - y.mean()))
    weights, intercept = fit_ridge(X, y, 0.1)
    np.testing.assert_allclose(weights, expected)
    assert intercept == pytest.approx(y.mean() - X.mean(axis=0) @ expected)


def test_support_vectors_are_at_the_minimum_of_their_loss():
    """|w|^2 / 2 + C sum |X w + b - y|^2, the intercept being one more weight of a constant feature."""
    X, y = RANDOM.normal(size=(60, 3)), RANDOM.normal(size=60)
    wide = np.c_[X, np.ones(60)]
    expected = np.linalg.solve(wide.T @ wide + np.eye(4) / (2 * 0.5), wide.T @ y)
    weights, intercept = fit_svr(X, y, 0.5)
    np.testing.assert_allclose([*weights, intercept], expected, atol=1e-3)


@pytest.mark.parametrize("fit", [fit_ridge, fit_svr])
def test_search_recovers_the_delay_of_the_ratings(fit):
    _, linear, choices = search([("x", sets(3))], fit, strengths=[0.01], delays=[0, 1, 3, 5], every=1)
    assert linear.delay == 3
    assert len(choices) == 4
    assert max(choice.score for choice in choices) == pytest.approx(
        score_on_dev(linear, sets(3).dev, sets(3).dev_ratings)
    )


def test_the_informative_kind_of_features_wins():
    noise = sets(0).map(lambda matrix: RANDOM.normal(size=matrix.shape))
    name, _, choices = search([("noise", noise), ("x", sets(0))], fit_ridge, strengths=[0.1], delays=[0], every=1)
    assert name == "x"
    assert [choice.setting[1] for choice in choices] == ["noise; delay 0 s; strength 0.1", "x; delay 0 s; strength 0.1"]


def test_every_strength_is_tried_and_the_best_taken():
    """Without noise, the less regularised the better."""
    _, linear, choices = search([("x", sets(0))], fit_ridge, strengths=[1e-6, 1.0, 100.0], delays=[0], every=1)
    assert [choice.setting[1][-12:].split()[-1] for choice in choices] == ["1", "1e-06", "100"]
    np.testing.assert_allclose(linear.weights, WEIGHTS, atol=1e-4)
