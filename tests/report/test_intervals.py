"""Confidence intervals and permutation tests against direct formulas in numpy."""

import itertools

import numpy as np
import pytest
from series import direct_ccc, random_utterances

from emoseq.report.intervals import ScoreOptions, compare_series, score_with_interval

OPTIONS = ScoreOptions(bootstrap_samples=500)


def test_pooled_score_equals_the_direct_formula_on_concatenated_series():
    predictions, golds = random_utterances(4, [120, 80, 200])
    expected = direct_ccc(np.concatenate(predictions), np.concatenate(golds))
    assert score_with_interval(predictions, golds, options=OPTIONS).ccc == pytest.approx(expected, abs=1e-12)


def test_pooled_rmse_weighs_frames_not_utterances():
    result = score_with_interval([[1.0, 2.0, 3.0], [0.0]], [[1.0, 2.0, 5.0], [2.0]], options=OPTIONS)
    assert result.rmse == pytest.approx(np.sqrt((0 + 0 + 4 + 4) / 4))


def test_mean_ccc_is_the_plain_mean_over_utterances():
    predictions, golds = random_utterances(5, [50, 300])
    expected = np.mean([direct_ccc(x, y) for x, y in zip(predictions, golds, strict=True)])
    assert score_with_interval(predictions, golds, options=OPTIONS).mean_ccc == pytest.approx(expected, abs=1e-12)


def test_score_keeps_its_digits_far_from_zero():
    predictions, golds = random_utterances(6, [500, 700])
    far = score_with_interval([x + 1e4 for x in predictions], [y + 1e4 for y in golds], options=OPTIONS)
    assert far.ccc == pytest.approx(direct_ccc(np.concatenate(predictions), np.concatenate(golds)), abs=1e-9)


def test_score_counts_frames_and_utterances():
    result = score_with_interval(*random_utterances(7, [12, 30]), options=OPTIONS)
    assert (result.frames, result.utterances) == (42, 2)


def test_identical_utterances_have_an_interval_without_width():
    predictions, golds = random_utterances(8, [60])
    result = score_with_interval(predictions * 5, golds * 5, options=OPTIONS)
    assert result.ccc_low == pytest.approx(result.ccc, abs=1e-12)
    assert result.ccc_high == pytest.approx(result.ccc, abs=1e-12)


def test_interval_brackets_the_score_of_many_utterances():
    result = score_with_interval(*random_utterances(9, [40] * 30), options=OPTIONS)
    assert result.ccc_low < result.ccc < result.ccc_high


def test_interval_holds_19_of_20_resampled_scores():
    """Resampling done again with another generator and the direct formula."""
    predictions, golds = random_utterances(10, [30] * 20)
    result = score_with_interval(predictions, golds, options=ScoreOptions(bootstrap_samples=4000))
    random = np.random.RandomState(1)
    draws = [random.choice(20, 20) for _ in range(2000)]
    resampled = [
        direct_ccc(np.concatenate([predictions[i] for i in draw]), np.concatenate([golds[i] for i in draw]))
        for draw in draws
    ]
    inside = np.mean([result.ccc_low <= value <= result.ccc_high for value in resampled])
    assert inside == pytest.approx(0.95, abs=0.02)


def test_one_seed_gives_one_interval():
    utterances = random_utterances(11, [20] * 6)
    assert score_with_interval(*utterances, options=OPTIONS) == score_with_interval(*utterances, options=OPTIONS)


def test_another_seed_gives_another_interval():
    utterances = random_utterances(11, [20] * 6)
    other = score_with_interval(*utterances, options=ScoreOptions(bootstrap_samples=500, bootstrap_seed=1))
    assert other.ccc_low != score_with_interval(*utterances, options=OPTIONS).ccc_low


@pytest.mark.parametrize(("predictions", "golds"), [([], []), ([[0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]])])
def test_score_needs_as_many_predictions_as_gold_standards(predictions, golds):
    with pytest.raises(ValueError, match="predictions for"):
        score_with_interval(predictions, golds, options=OPTIONS)


def test_bootstrap_of_no_samples_is_refused():
    with pytest.raises(ValueError, match="bootstrap-samples"):
        ScoreOptions(bootstrap_samples=0)


def pooled_difference(first, second, golds):
    gold = np.concatenate(golds)
    return direct_ccc(np.concatenate(first), gold) - direct_ccc(np.concatenate(second), gold)


def test_the_permutation_test_tries_every_swap():
    """Five utterances, 32 swaps."""
    first, golds = random_utterances(0, [30, 40, 50, 60, 70])
    second = [series + np.random.default_rng(1).normal(size=len(series)) * 0.4 for series in first]
    difference = compare_series(first, second, golds, options=OPTIONS)
    gains = []
    for swap in itertools.product([False, True], repeat=5):
        a = [y if s else x for x, y, s in zip(first, second, swap, strict=True)]
        b = [x if s else y for x, y, s in zip(first, second, swap, strict=True)]
        gains.append(pooled_difference(a, b, golds))
    assert difference.ccc == pytest.approx(gains[0])
    assert difference.p == np.mean(np.abs(gains) >= abs(gains[0]) - 1e-12)


def test_a_system_does_not_differ_from_itself():
    predictions, golds = random_utterances(2, [30, 40, 50])
    difference = compare_series(predictions, predictions, golds, options=OPTIONS)
    assert (difference.ccc, difference.low, difference.high, difference.p) == (0.0, 0.0, 0.0, 1.0)


def test_a_difference_turns_its_sign_with_the_systems():
    first, golds = random_utterances(3, [30, 40, 50, 60])
    second = [0.5 * series for series in first]
    forward = compare_series(first, second, golds, options=OPTIONS)
    backward = compare_series(second, first, golds, options=OPTIONS)
    assert forward.ccc == pytest.approx(-backward.ccc)
    assert (forward.low, forward.high) == pytest.approx((-backward.high, -backward.low))
    assert forward.p == backward.p


def test_p_of_equal_systems_is_uniform():
    """Of many utterances, whose swaps are drawn: a tenth of the p are below a tenth."""
    values = []
    for seed in range(150):
        golds = [np.random.default_rng([seed, i]).normal(size=20) for i in range(15)]
        noise = np.random.default_rng(seed).normal(size=(2, 15, 20))
        first, second = ([gold + n for gold, n in zip(golds, rows, strict=True)] for rows in noise)
        values.append(compare_series(first, second, golds, options=ScoreOptions(bootstrap_samples=200)).p)
    assert 0.03 < np.mean(np.array(values) < 0.1) < 0.2


def test_an_interval_of_a_clear_difference_leaves_out_zero():
    first, golds = random_utterances(5, [50] * 12)
    second = [-series for series in first]
    difference = compare_series(first, second, golds, options=OPTIONS)
    assert difference.low > 0
    assert difference.p < 0.01
