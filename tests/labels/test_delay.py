"""Delay of ratings by hand."""

import numpy as np
import pytest

from emoseq.labels.delay import advance, delay


def test_a_delay_longer_than_the_series_leaves_its_first_value():
    assert delay(np.array([1.0, 2.0]), 5).tolist() == [1.0, 1.0]
    assert advance(np.array([1.0, 2.0]), 5).tolist() == [2.0, 2.0]


@pytest.mark.parametrize("change", [advance, delay])
def test_no_delay_changes_nothing_and_rows_stay_together(change):
    matrix = np.arange(12.0).reshape(6, 2)
    np.testing.assert_array_equal(change(matrix, 0), matrix)
    np.testing.assert_array_equal(change(matrix, 2)[:, 1], change(matrix[:, 1], 2))


def test_what_is_advanced_and_delayed_again_differs_at_the_beginning_only():
    series = np.arange(9.0)
    np.testing.assert_array_equal(delay(advance(series, 3), 3)[3:], series[3:])
