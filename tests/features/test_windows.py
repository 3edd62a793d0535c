"""Windows on the ratings' grid against loops over every frame."""

import numpy as np
import pytest

from emoseq.features.windows import (
    compute_window_bounds,
    list_offsets,
    normalise,
    pool_maxima,
    pool_moments,
    stack_context,
)

RANDOM = np.random.default_rng(0)


def test_windows_are_centred_on_the_end_of_their_frame():
    """Frame 0 is the time 0.04 s: 0.16 s around it begin before the recording and end at 0.12 s, three frames."""
    low, high = compute_window_bounds(5, 0.16, frame_shift=0.04)
    assert low.tolist() == [0, 0, 1, 2, 3]
    assert high.tolist() == [3, 4, 5, 5, 5]


def test_windows_over_rows_of_10_ms():
    low, high = compute_window_bounds(3, 0.06, frame_shift=0.04, per_frame=4)
    assert low.tolist() == [1, 5, 9]
    assert high.tolist() == [7, 11, 12]


def test_no_window_is_empty():
    low, high = compute_window_bounds(3, 0.001, frame_shift=0.04, per_frame=4)
    assert (high > low).all()


@pytest.mark.parametrize(("per_frame", "seconds"), [(1, 0.2), (4, 0.12), (4, 3.0)])
def test_moments_are_those_of_the_rows_in_the_window(per_frame, seconds):
    values = RANDOM.normal(1000, 1, size=(30 * per_frame, 2))
    mean, deviation, part = pool_moments(values, seconds, frame_shift=0.04, per_frame=per_frame)
    for f, (low, high) in enumerate(
        zip(*compute_window_bounds(30, seconds, frame_shift=0.04, per_frame=per_frame), strict=True)
    ):
        np.testing.assert_allclose(mean[f], values[low:high].mean(axis=0))
        np.testing.assert_allclose(deviation[f], values[low:high].std(axis=0), atol=1e-9)
    assert (part == 1).all()


def test_rows_that_do_not_count_play_no_part():
    values, mask = RANDOM.normal(size=(40, 2)), RANDOM.random(40) < 0.6
    clean = pool_moments(values, 0.4, frame_shift=0.04, mask=mask)
    values[~mask] = np.nan
    mean, deviation, part = pool_moments(values, 0.4, frame_shift=0.04, mask=mask)
    np.testing.assert_array_equal(mean, clean[0])
    for f, (low, high) in enumerate(zip(*compute_window_bounds(40, 0.4, frame_shift=0.04), strict=True)):
        rows = values[low:high][mask[low:high]]
        np.testing.assert_allclose(mean[f], rows.mean(axis=0))
        np.testing.assert_allclose(deviation[f], rows.std(axis=0), atol=1e-9)
        assert part[f, 0] == pytest.approx(mask[low:high].mean())


def test_a_window_in_which_nothing_counts_has_the_recordings_own_moments():
    values, mask = RANDOM.normal(size=(40, 2)), np.arange(40) < 10
    mean, deviation, part = pool_moments(values, 0.16, frame_shift=0.04, mask=mask)
    np.testing.assert_allclose(mean[-1], values[:10].mean(axis=0))
    np.testing.assert_allclose(deviation[-1], values[:10].std(axis=0))
    assert part[-1, 0] == 0


def test_moments_of_a_recording_in_which_nothing_counts_are_zero():
    mean, deviation, part = pool_moments(np.ones((8, 2)), 0.16, frame_shift=0.04, mask=np.zeros(8, dtype=bool))
    assert not mean.any()
    assert not deviation.any()
    assert not part.any()


@pytest.mark.parametrize("seconds", [0.04, 0.16, 0.4, 5.0])
def test_maxima_are_those_of_the_rows_in_the_window(seconds):
    values = RANDOM.normal(size=(30, 2))
    expected = [
        values[a:b].max(axis=0) for a, b in zip(*compute_window_bounds(30, seconds, frame_shift=0.04), strict=True)
    ]
    np.testing.assert_array_equal(pool_maxima(values, seconds, frame_shift=0.04), expected)


def test_context_beyond_the_ends_repeats_the_ends():
    values = np.array([[1, 10], [2, 20], [3, 30]])
    assert stack_context(values, [-2, 0, 1]).tolist() == [
        [1, 10, 1, 10, 2, 20],
        [1, 10, 2, 20, 3, 30],
        [1, 10, 3, 30, 3, 30],
    ]


def test_offsets_reach_as_far_as_whole_steps_do():
    assert list_offsets(1.0, 0.4, frame_shift=0.04) == [-20, -10, 0, 10, 20]


def test_normalised_features_have_mean_0_and_variance_1():
    values = normalise(RANDOM.normal(5, 3, size=(50, 2)))
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(values.std(axis=0), 1, atol=1e-5)
