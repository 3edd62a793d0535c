"""Concordance, error and intervals against direct formulas in numpy."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoseq.metrics import ccc_and_rmse, common_length, concordance, pair_series, rmse
from emoseq.report.intervals import ScoreOptions, compare_series, score_with_interval

OPTIONS = ScoreOptions(bootstrap_samples=500)


def direct_ccc(x, y):
    """Eq. 5 with numpy's own moments."""
    covariance = np.cov(x, y, ddof=0)[0, 1]
    return 2 * covariance / (np.var(x) + np.var(y) + (np.mean(x) - np.mean(y)) ** 2)


def random_utterances(seed, lengths):
    """Gold standards that wander and predictions that follow them badly."""
    random = np.random.default_rng(seed)
    golds = [np.cumsum(random.normal(size=n)) / 10 + random.normal() for n in lengths]
    predictions = [0.7 * gold + random.normal(size=len(gold)) * 0.5 + 0.1 for gold in golds]
    return predictions, golds


@pytest.mark.parametrize(
    ("prediction", "gold", "expected"),
    [
        ([0, 1, 2], [0, 1, 1], 2 / 3),
        ([3, -0.5, 2, 7], [2.5, 0, 2, 8], 0.9767891682785301),
        ([0, 1, 2, 3], [1, 2, 3, 4], 5 / 7),
    ],
)
def test_concordance_of_known_vectors(prediction, gold, expected):
    assert concordance(prediction, gold) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("prediction", "gold"),
    [([0.3] * 5, [0, 1, 2, 1, 0]), ([0, 1, 2, 1, 0], [0.1] * 5), ([0.1] * 5, [0.1] * 5), ([2.0], [3.0])],
)
def test_a_constant_series_has_concordance_zero(prediction, gold):
    assert concordance(prediction, gold) == 0.0


def test_a_constant_far_from_the_gold_standard_has_concordance_zero():
    gold = np.sin(np.arange(1000) / 50)
    assert concordance(np.full(1000, 123.4567), gold) == 0.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10)), min_size=1, max_size=30))
def test_concordance_is_symmetric_and_within_one(pairs):
    x, y = map(np.array, zip(*pairs, strict=True))
    forward = concordance(x, y)
    assert -1 - 1e-12 <= forward <= 1 + 1e-12
    assert concordance(y, x) == pytest.approx(forward, abs=1e-6)


def test_a_series_agrees_fully_with_itself():
    series = np.random.default_rng(0).normal(size=50)
    assert concordance(series, series) == pytest.approx(1.0, abs=1e-12)


def test_a_mirrored_series_has_concordance_minus_one():
    series = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    assert concordance(series, -series) == pytest.approx(-1.0, abs=1e-12)


def test_concordance_equals_the_direct_formula():
    (x,), (y,) = random_utterances(1, [200])
    assert concordance(x, y) == pytest.approx(direct_ccc(x, y), abs=1e-12)


@pytest.mark.parametrize("offset", [1e4, -1e4])
def test_concordance_keeps_its_digits_far_from_zero(offset):
    (x,), (y,) = random_utterances(2, [7500])
    assert concordance(x + offset, y + offset) == pytest.approx(direct_ccc(x, y), abs=1e-9)


def test_concordance_sums_single_precision_series_in_double_precision():
    (x,), (y,) = random_utterances(3, [7500])
    x, y = x.astype(np.float32), y.astype(np.float32)
    expected = direct_ccc(x.astype(np.float64), y.astype(np.float64))
    assert concordance(x, y) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("function", [concordance, rmse])
@pytest.mark.parametrize(
    ("prediction", "gold", "message"),
    [
        ([0.0, np.nan], [0.0, 1.0], "NaN"),
        ([0.0, 1.0], [0.0, np.inf], "infinite"),
        ([0.0, 1.0], [0.0, 1.0, 2.0], "one length"),
        ([], [], "one length"),
        ([[0.0, 1.0]], [[0.0, 1.0]], "one length"),
    ],
)
def test_series_without_a_score_are_refused(function, prediction, gold, message):
    with pytest.raises(ValueError, match=message):
        function(prediction, gold)


def test_rmse_by_hand():
    assert rmse([1.0, 2.0, 4.0], [1.0, 0.0, 3.0]) == pytest.approx(np.sqrt(5 / 3))


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


@pytest.mark.parametrize(("first", "second"), [(100, 100), (100, 102), (102, 100), (101, 100)])
def test_common_length_is_the_shorter_of_two_close_ones(first, second):
    assert common_length(first, second, "dev_1", ("a", "b")) == 100


def test_lengths_further_apart_are_an_error_that_names_utterance_and_both_lengths():
    with pytest.raises(ValueError, match=r"dev_1: .*97.*100"):
        common_length(97, 100, "dev_1", ("the prediction", "the gold standard"))


def test_paired_trims_the_end_of_the_longer_series():
    predictions, golds = pair_series({"u": np.arange(5)}, {"u": np.arange(10, 13)})
    assert (predictions[0].tolist(), golds[0].tolist()) == ([0, 1, 2], [10, 11, 12])


def test_paired_follows_the_order_of_the_gold_standard():
    series = {"a": np.zeros(2), "b": np.ones(2), "c": np.zeros(2)}
    predictions, _ = pair_series(series, {"b": np.zeros(2), "a": np.zeros(2)})
    assert [prediction[0] for prediction in predictions] == [1.0, 0.0]


def test_paired_names_the_utterance_without_prediction():
    with pytest.raises(ValueError, match="dev_2 has no prediction"):
        pair_series({"dev_1": np.zeros(3)}, {"dev_1": np.zeros(3), "dev_2": np.zeros(3)})


def test_paired_names_the_utterance_whose_lengths_disagree():
    with pytest.raises(ValueError, match=r"dev_2: .*10.*3"):
        pair_series({"dev_2": np.zeros(10)}, {"dev_2": np.zeros(3)})


def test_no_gold_standard_is_an_error():
    with pytest.raises(ValueError, match="no utterance"):
        pair_series({"dev_1": np.zeros(3)}, {})


def test_ccc_and_rmse_are_over_the_concatenated_trimmed_utterances():
    ccc, error = ccc_and_rmse(
        {"a": np.array([0.0, 1.0, 2.0, 9.0]), "b": np.array([3.0])},
        {"a": np.array([1.0, 2.0, 3.0]), "b": np.array([4.0])},
    )
    assert ccc == pytest.approx(5 / 7)
    assert error == pytest.approx(1.0)


def pooled_difference(first, second, golds):
    gold = np.concatenate(golds)
    return direct_ccc(np.concatenate(first), gold) - direct_ccc(np.concatenate(second), gold)


def test_the_permutation_test_tries_every_swap():
    """Five utterances, 32 swaps."""
    first, golds = random_utterances(0, [30, 40, 50, 60, 70])
    second = [series + np.random.default_rng(1).normal(size=len(series)) * 0.4 for series in first]
    found = compare_series(first, second, golds, options=OPTIONS)
    gains = []
    for swap in itertools.product([False, True], repeat=5):
        a = [y if s else x for x, y, s in zip(first, second, swap, strict=True)]
        b = [x if s else y for x, y, s in zip(first, second, swap, strict=True)]
        gains.append(pooled_difference(a, b, golds))
    assert found.ccc == pytest.approx(gains[0])
    assert found.p == np.mean(np.abs(gains) >= abs(gains[0]) - 1e-12)


def test_a_system_does_not_differ_from_itself():
    predictions, golds = random_utterances(2, [30, 40, 50])
    found = compare_series(predictions, predictions, golds, options=OPTIONS)
    assert (found.ccc, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_a_difference_turns_its_sign_with_the_systems():
    first, golds = random_utterances(3, [30, 40, 50, 60])
    second = [0.5 * series for series in first]
    one, other = (
        compare_series(first, second, golds, options=OPTIONS),
        compare_series(second, first, golds, options=OPTIONS),
    )
    assert one.ccc == pytest.approx(-other.ccc)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.p == other.p


def test_p_of_equal_systems_is_uniform():
    """Of many utterances, whose swaps are drawn: a tenth of the p are below a tenth."""
    values = []
    for seed in range(150):
        golds = [np.random.default_rng([seed, i]).normal(size=20) for i in range(15)]
        noise = np.random.default_rng(seed).normal(size=(2, 15, 20))
        first, second = ([gold + n for gold, n in zip(golds, of, strict=True)] for of in noise)
        values.append(compare_series(first, second, golds, options=ScoreOptions(bootstrap_samples=200)).p)
    assert 0.03 < np.mean(np.array(values) < 0.1) < 0.2


def test_an_interval_of_a_clear_difference_leaves_out_zero():
    first, golds = random_utterances(5, [50] * 12)
    second = [-series for series in first]
    found = compare_series(first, second, golds, options=OPTIONS)
    assert found.low > 0
    assert found.p < 0.01
