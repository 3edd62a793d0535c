"""Agreement of raters against the library krippendorff, numpy and hand computation."""

import krippendorff
import numpy as np
import pytest
from people import rate_like_people

from emoseq.labels.agreement import compute_alpha, correlate_raters, estimate_ceiling

NAN = np.nan


@pytest.mark.parametrize("seed", range(5))
def test_alpha_equals_that_of_the_library(seed):
    random = np.random.default_rng(seed)
    recordings = [
        random.integers(0, 9, size=(40, 1)) + random.integers(-2, 3, size=(40, 5)).astype(float) for _ in "ab"
    ]
    for traces in recordings:
        traces[random.random(traces.shape) < 0.4] = NAN
    expected = krippendorff.alpha(np.concatenate(recordings).T, level_of_measurement="interval")
    assert compute_alpha(recordings) == pytest.approx(expected, rel=1e-9)


def test_alpha_of_recordings_with_different_raters():
    """Two raters in one recording and three in the other: to the library, three of whom one is absent."""
    a, b = np.array([[1.0, 2], [3, 3], [5, 4]]), np.array([[1.0, 1, 2], [4, 6, 5]])
    padded = np.concatenate([np.c_[a, np.full(3, NAN)], b])
    assert compute_alpha([a, b]) == pytest.approx(krippendorff.alpha(padded.T, level_of_measurement="interval"))


@pytest.mark.parametrize("traces", [np.ones((4, 3)), np.array([[1, NAN], [NAN, 2]])])
def test_alpha_of_equal_or_unpaired_ratings_is_undefined(traces):
    assert np.isnan(compute_alpha([traces]))


def test_correlations_are_those_of_the_shared_frames():
    traces = rate_like_people(10, recordings=1, raters=3)["rec_1"]
    traces[:900, 0] = NAN
    traces[:, 2] = 1
    correlation = correlate_raters(traces)
    assert correlation[0, 1] == correlation[1, 0] == pytest.approx(np.corrcoef(traces[900:, :2].T)[0, 1])
    assert np.isnan(correlation[[0, 0, 1, 2], [0, 2, 2, 2]]).all()


def test_the_ceiling_is_the_correlation_of_the_true_course_with_the_mean_of_the_raters():
    """Raters of one course and independent errors of variance 1.5: any two correlate by 1 / 2.5."""
    random = np.random.default_rng(0)
    course = random.normal(size=200_000)
    traces = course[:, None] + np.sqrt(1.5) * random.normal(size=(len(course), 4))
    assert estimate_ceiling(1 / 2.5, 4) == pytest.approx(np.corrcoef(course, traces.mean(axis=1))[0, 1], abs=0.003)


def test_the_ceiling_without_correlation_is_0_and_of_one_rater_undefined():
    assert estimate_ceiling(-0.2, 6) == 0
    assert np.isnan(estimate_ceiling(0.5, 1))
