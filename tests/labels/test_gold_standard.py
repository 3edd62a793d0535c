"""The gold standard against AVEC 2016's steps, written out one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoseq.labels.gold_standard import GoldOptions, compute_gold_standard, evaluator_weighted_estimator, weigh_raters


def ccc(x, y):
    """Population moments, summed in plain Python."""
    n = len(x)
    mean_x, mean_y = sum(x) / n, sum(y) / n
    variance_x = sum((a - mean_x) ** 2 for a in x) / n
    variance_y = sum((b - mean_y) ** 2 for b in y) / n
    covariance = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / n
    return 2 * covariance / (variance_x + variance_y + (mean_x - mean_y) ** 2)


def gold_standard_by_steps(ratings):
    """Compute the four steps of AVEC 2016 one by one, without rounding."""
    traces = [column.tolist() for column in np.asarray(ratings).T]
    agreement = {(i, j): ccc(traces[i], traces[j]) for i in range(len(traces)) for j in range(len(traces)) if i != j}
    weights = [
        sum(value for (i, _), value in agreement.items() if i == rater) / (len(traces) - 1)
        for rater in range(len(traces))
    ]
    means = [sum(trace) / len(trace) for trace in traces]
    offset = sum(w * m for w, m in zip(weights, means, strict=True)) / sum(weights)
    centred = [[value - mean + offset for value in trace] for trace, mean in zip(traces, means, strict=True)]
    return np.array([sum(values) / len(values) for values in zip(*centred, strict=True)])


def random_ratings(seed, frames=40, raters=6):
    """Traces at the two decimals of the ratings' files that follow one slow course more or less."""
    random = np.random.default_rng(seed)
    course = np.cumsum(random.normal(size=frames)) * 0.1
    own = random.normal(size=(frames, raters)) * random.uniform(0.05, 0.4, size=raters)
    return np.round(course[:, None] * random.uniform(0.3, 1.2, size=raters) + own + random.normal(size=raters) / 5, 2)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_gold_standard_equals_the_steps_of_avec(seed):
    ratings = random_ratings(seed)
    np.testing.assert_allclose(
        compute_gold_standard(ratings), gold_standard_by_steps(ratings), rtol=0, atol=0.5e-6 + 1e-11
    )


def test_gold_standard_has_six_decimals():
    gold = compute_gold_standard(random_ratings(1))
    assert all(float(f"{value:.6f}") == value for value in gold)


def test_weight_is_the_mean_ccc_with_every_other_rater():
    ratings = random_ratings(2, raters=3)
    a, b, c = ratings.T
    expected = [(ccc(a, b) + ccc(a, c)) / 2, (ccc(a, b) + ccc(b, c)) / 2, (ccc(a, c) + ccc(b, c)) / 2]
    np.testing.assert_allclose(weigh_raters(ratings), expected, rtol=1e-12)


def test_offset_leans_towards_the_raters_that_agree():
    """Two raters agree fully (weights 0.5), the third says nothing (weight 0) and its mean of 9 does not count."""
    course = np.array([0.0, 1.0, 2.0, 1.0])
    gold = compute_gold_standard(np.stack([course, course, np.full(4, 9.0)], axis=1))
    assert gold.mean() == pytest.approx(1.0, abs=1e-6)


def test_centred_traces_are_averaged_without_weights():
    """The constant third rater has weight 0, yet its flat trace takes a third of the others' movement."""
    course = np.array([0.0, 1.0, 2.0, 1.0])
    gold = compute_gold_standard(np.stack([course, course, np.full(4, 9.0)], axis=1))
    np.testing.assert_allclose(gold, 1 + (course - 1) * 2 / 3, atol=1e-6)


def test_a_negative_weight_stands():
    """Two raters with CCC 1 and a third against both: weights (1 + c) / 2 twice and c, where c < 0."""
    course = np.array([0.0, 1.0, 2.0, 3.0])
    against = 1.5 - 0.5 * (course - 1.5) + 1
    ratings = np.stack([course, course, against], axis=1)
    c = ccc(course, against)
    assert c < 0
    offset = ((1 + c) * 1.5 + c * 2.5) / (1 + 2 * c)
    assert compute_gold_standard(ratings).mean() == pytest.approx(offset, abs=1e-6)


def test_two_raters_weigh_the_same():
    ratings = random_ratings(3, raters=2)
    np.testing.assert_allclose(compute_gold_standard(ratings), ratings.mean(axis=1), atol=1e-6)


def test_constant_raters_get_the_plain_mean_of_means():
    ratings = np.tile([0.1, 0.2, 0.6], (5, 1))
    np.testing.assert_allclose(compute_gold_standard(ratings), np.full(5, 0.3), atol=1e-12)


@pytest.mark.parametrize("shape", [(5,), (5, 1), (0, 6)])
def test_ratings_of_fewer_than_two_traces_are_refused(shape):
    with pytest.raises(ValueError, match=r"raters|length"):
        compute_gold_standard(np.zeros(shape))


def test_a_rating_that_is_not_a_number_is_refused():
    ratings = random_ratings(4)
    ratings[3, 2] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        compute_gold_standard(ratings)


def test_the_evaluator_weighted_estimator_of_three_raters_worked_out_by_hand():
    """The mean of the three is 1 2 3 2, or -1 0 1 0 about its own mean, with squares that sum to 2.

    The first rater is that mean. The second, -1.5 0.5 1.5 -0.5 about its own, has products with it that sum to 3
    and squares to 5; the third, -0.5 -0.5 0.5 0.5, products to 1 and squares to 1.
    """
    ratings = np.array([[1, 2, 3, 2], [2, 4, 5, 3], [0, 0, 1, 1]], dtype=float).T
    r = [1, 3 / np.sqrt(5 * 2), 1 / np.sqrt(1 * 2)]
    expected = [sum(w * x for w, x in zip(r, row, strict=True)) / sum(r) for row in ratings.tolist()]
    np.testing.assert_allclose(evaluator_weighted_estimator(ratings), expected, rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_the_evaluator_weighted_estimator_weighs_by_correlation_with_the_mean(seed):
    ratings = random_ratings(seed)
    mean = ratings.mean(axis=1)
    weights = [max(np.corrcoef(trace, mean)[0, 1], 0) for trace in ratings.T]
    np.testing.assert_allclose(
        evaluator_weighted_estimator(ratings), np.average(ratings, axis=1, weights=weights), atol=1e-12
    )


def test_constant_raters_and_negative_correlations_have_weight_zero():
    course = np.array([0.0, 1.0, 2.0, 1.0])
    ratings = np.stack([course, course, np.full(4, 9.0), -0.5 * course], axis=1)
    np.testing.assert_allclose(evaluator_weighted_estimator(ratings), course, atol=1e-12)


def test_the_estimator_of_raters_whose_mean_is_constant_is_that_mean():
    course = np.array([0.1, 0.7, -0.3])
    np.testing.assert_allclose(evaluator_weighted_estimator(np.stack([course, 0.2 - course], axis=1)), 0.1, atol=1e-15)


@pytest.mark.parametrize("gold_from", ["mean", "", "EWE", "nan", "-1"])
def test_an_unknown_source_of_the_gold_standard_is_refused(gold_from):
    with pytest.raises(ValueError, match=f"^--gold-from={gold_from}: choose auto, published, ratings or ewe"):
        GoldOptions(gold_from=gold_from)
