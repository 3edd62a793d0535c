"""The gold standard against AVEC 2016's steps, written out one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoseq.labels.gold_standard import (
    METHODS,
    GoldOptions,
    average_raters,
    compare_raters,
    compute_gold_standard,
    describe_distances,
    evaluator_weighted_estimator,
    make_candidates,
    take_median,
    weigh_raters,
)
from emoseq.metrics import concordance

NAN = np.nan


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


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(5,), (5, 0), (0, 6)])
def test_ratings_without_a_rater_or_a_frame_are_refused(method, shape):
    with pytest.raises(ValueError, match=r"^dev_1: ratings must be .* a rater and a frame or more"):
        make_candidates({}, {"dev_1": np.zeros(shape)}, method)


@pytest.mark.parametrize("method", METHODS)
def test_an_infinite_rating_is_refused(method):
    ratings = random_ratings(4)
    ratings[3, 2] = np.inf
    with pytest.raises(ValueError, match=r"^dev_1: .* infinite"):
        make_candidates({}, {"dev_1": ratings}, method)


@pytest.mark.parametrize("method", METHODS)
def test_one_rater_is_the_gold_standard(method):
    trace = np.array([0.123456789, NAN, -0.5, 7.0])
    np.testing.assert_array_equal(METHODS[method](trace[:, None]), trace)
    with_absent = np.stack([np.full(4, NAN), trace, np.full(4, NAN)], axis=1)
    np.testing.assert_array_equal(METHODS[method](with_absent), trace)


@pytest.mark.parametrize("method", METHODS)
def test_frames_that_nobody_has_rated_have_no_gold_standard(method):
    ratings = random_ratings(5)
    ratings[3:7] = NAN
    ratings[10:30, 2] = NAN
    gold = METHODS[method](ratings)
    assert np.flatnonzero(np.isnan(gold)).tolist() == [3, 4, 5, 6]
    assert np.isnan(METHODS[method](np.full((5, 3), NAN))).all()


def test_mean_and_median_are_over_those_who_rated_the_frame():
    ratings = np.array([[1.0, 2, 6], [NAN, 2, 6], [NAN, NAN, 6]])
    assert average_raters(ratings).tolist() == [3, 4, 6]
    assert take_median(ratings).tolist() == [2, 4, 6]


def test_avec_with_unrated_frames_takes_pairs_and_means_over_what_is_rated():
    """The four steps written out once more, each over the frames that the raters concerned have rated."""
    ratings = random_ratings(6, raters=4)
    ratings[:10, 0] = NAN
    ratings[25:, 1] = NAN
    traces = [[(i, value) for i, value in enumerate(column) if value == value] for column in ratings.T.tolist()]
    agreement = {}
    for i, first in enumerate(traces):
        for j, second in enumerate(traces):
            shared = sorted({frame for frame, _ in first} & {frame for frame, _ in second})
            agreement[i, j] = ccc([dict(first)[frame] for frame in shared], [dict(second)[frame] for frame in shared])
    weights = [sum(agreement[i, j] for j in range(4) if j != i) / 3 for i in range(4)]
    means = [sum(value for _, value in trace) / len(trace) for trace in traces]
    offset = sum(w * m for w, m in zip(weights, means, strict=True)) / sum(weights)
    centred = [{frame: value - mean for frame, value in trace} for trace, mean in zip(traces, means, strict=True)]
    expected = []
    for frame in range(40):
        values = [trace[frame] for trace in centred if frame in trace]
        expected.append(sum(values) / len(values) + offset)
    np.testing.assert_allclose(compute_gold_standard(ratings), expected, rtol=0, atol=0.5e-6 + 1e-11)


def test_raters_without_a_shared_frame_do_not_count_for_each_other():
    ratings = random_ratings(7, raters=3)
    ratings[20:, 0] = NAN
    ratings[:20, 1] = NAN
    a, b, c = ratings.T
    agreement = compare_raters(ratings)
    assert np.isnan(agreement[[0, 1, 0, 1, 2], [1, 0, 0, 1, 2]]).all()
    first, second = ccc(a[:20], c[:20]), ccc(b[20:], c[20:])
    np.testing.assert_allclose(weigh_raters(ratings), [first, second, (first + second) / 2], rtol=1e-12)
    assert weigh_raters(ratings[:, :2]).tolist() == [0, 0]


def test_the_evaluator_weighted_estimator_with_unrated_frames():
    """Correlations over each rater's own frames, weights over those who rated the frame."""
    ratings = random_ratings(8, raters=4)
    ratings[:12, 0] = NAN
    ratings[30:, 3] = NAN
    mean = np.nanmean(ratings, axis=1)
    rated = np.isfinite(ratings)
    weights = np.array([max(np.corrcoef(ratings[own, k], mean[own])[0, 1], 0) for k, own in enumerate(rated.T)])
    expected = [np.average(row[own], weights=weights[own]) for row, own in zip(ratings, rated, strict=True)]
    np.testing.assert_allclose(evaluator_weighted_estimator(ratings), expected, atol=1e-12)


def test_a_frame_whose_raters_all_have_weight_zero_is_their_plain_mean():
    course = np.array([0.0, 1.0, 2.0, 1.0])
    ratings = np.stack([course, course, np.full(4, 9.0), np.full(4, 8.0)], axis=1)
    ratings[2, :2] = NAN
    assert evaluator_weighted_estimator(ratings)[2] == 8.5


def avec_as_published(ratings):
    """Compute the gold standard of complete ratings in the fewest operations."""
    traces = np.asarray(ratings, dtype=np.float64)
    agreement = np.zeros((traces.shape[1],) * 2)
    for j in range(len(agreement)):
        for i in range(j):
            agreement[i, j] = agreement[j, i] = concordance(traces[:, i], traces[:, j])
    weights = agreement.sum(axis=1) / (len(agreement) - 1)
    means = traces.mean(axis=0)
    return np.round((traces - means).mean(axis=1) + means @ weights / weights.sum(), 6)


def ewe_as_published(ratings):
    """Compute the evaluator weighted estimator of complete ratings in the fewest operations."""
    traces = np.asarray(ratings, dtype=np.float64)
    mean = traces.mean(axis=1)
    centred, course = traces - traces.mean(axis=0), mean - mean.mean()
    spread = np.sqrt((centred**2).sum(axis=0) * (course**2).sum())
    weights = np.maximum(course @ centred / spread, 0)
    return traces @ weights / weights.sum()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 9), st.integers(30, 3000))
def test_complete_ratings_give_the_bytes_of_the_plain_formulas(seed, raters, frames):
    """Results that were made before raters could leave frames out stay as they are."""
    ratings = random_ratings(seed, frames, raters).astype(np.float32)
    assert compute_gold_standard(ratings).tobytes() == avec_as_published(ratings).tobytes()
    assert evaluator_weighted_estimator(ratings).tobytes() == ewe_as_published(ratings).tobytes()


def hardly_agreeing():
    """Two raters on different levels against a third, with weights that sum to nearly 0."""
    course = np.sin(np.arange(200) / 9)
    return np.stack([0.4 * course, 0.4 * course + 0.2, -0.1 * course], axis=1)


def test_avecs_gold_standard_outside_the_ratings_is_refused():
    ratings = {"dev_1": random_ratings(9), "dev_2": hardly_agreeing()}
    assert abs(weigh_raters(ratings["dev_2"]).sum()) < 0.1
    with pytest.raises(ValueError, match=r"^dev_2: .* the ratings from -0\.4 to 0\.6: .* --gold-from=mean$") as refused:
        make_candidates({}, ratings, "avec")
    assert "\n" not in str(refused.value)
    assert set(make_candidates({}, ratings, "mean")) == {"avec", "mean"}
    assert set(make_candidates(ratings, ratings, "published")) == {"published", "avec"}


def test_gold_standards_are_compared_over_the_frames_that_both_have():
    """The errors are 0 and 1 where both have a value."""
    series = {
        "published": {"a": np.array([0.0, NAN, 1.0, 5.0]), "b": np.array([NAN])},
        "mean": {"a": np.array([0.0, 1.0, 2.0]), "b": np.array([3.0])},
    }
    assert "RMSE 0.7071 to the mean of the ratings" in describe_distances(series, "published")


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


@pytest.mark.parametrize("gold_from", ["ratings", "", "EWE", "nan", "-1"])
def test_an_unknown_source_of_the_gold_standard_is_refused(gold_from):
    with pytest.raises(
        ValueError, match=f"^--gold-from={gold_from}: choose auto, published, mean, median, avec or ewe"
    ):
        GoldOptions(gold_from=gold_from)
