"""Cutting the rating axis, on ratings where the result is plain."""

import numpy as np
import pytest

from emoseq.labels.alternatives import DISCRETISATIONS, discretise

GROUPS = np.concatenate([np.full(50, -0.8), np.full(30, 0.0), np.full(20, 0.9)])
GROUPS += np.random.default_rng(0).normal(size=100) * 0.01
WAVE = 0.3 * np.random.default_rng(1).normal(size=5000)


@pytest.mark.parametrize("technique", ["k-means", "gaussian-mixture"])
def test_separate_groups_are_found(technique):
    found = discretise(GROUPS, technique, 3)
    expected = np.concatenate([np.full(n, GROUPS[a : a + n].mean()) for a, n in ((0, 50), (50, 30), (80, 20))])
    np.testing.assert_allclose(found.rebuilt, expected, atol=1e-9)
    assert (found.smallest, found.largest) == (0.2, 0.5)
    assert found.entropy == pytest.approx(-(0.5 * np.log2(0.5) + 0.3 * np.log2(0.3) + 0.2 * np.log2(0.2)))


def test_equal_segments_have_equal_length():
    found = discretise([0.0, 0.1, 0.2, 0.9, 1.0], "equal-width", 2)
    np.testing.assert_allclose(found.rebuilt, [0.1, 0.1, 0.1, 0.95, 0.95])


def test_an_empty_segment_has_no_share():
    assert discretise([0.0, 0.1, 0.9, 1.0], "equal-width", 3).smallest == 0.0


def test_quantiles_hold_equally_many():
    found = discretise(WAVE, "quantiles", 5)
    assert found.smallest == found.largest == 0.2
    assert found.entropy == pytest.approx(np.log2(5))


@pytest.mark.parametrize("technique", DISCRETISATIONS)
def test_more_classes_rebuild_better(technique):
    coarse, fine = discretise(WAVE, technique, 4), discretise(WAVE, technique, 10)
    assert fine.rmse < coarse.rmse
    assert fine.ccc > coarse.ccc


@pytest.mark.parametrize("technique", sorted(set(DISCRETISATIONS) - {"k-means"}))
def test_k_means_has_the_least_squared_error(technique):
    """Up to the local optima in which its starts end."""
    assert discretise(WAVE, "k-means", 6).rmse <= 1.01 * discretise(WAVE, technique, 6).rmse


def test_concordance_of_class_means_follows_from_the_error():
    """CCC = 2B / (B + V) and RMSE^2 = V - B, with V the variance of the ratings and B that between classes."""
    found = discretise(WAVE, "quantiles", 4)
    total = WAVE.var()
    between = total - found.rmse**2
    assert found.ccc == pytest.approx(2 * between / (between + total))
