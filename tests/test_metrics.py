"""CCC, RMSE and pairing against direct formulas in numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from series import direct_ccc, random_utterances

from emoseq.metrics import ccc_and_rmse, common_length, concordance, pair_series, rmse


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


@pytest.mark.parametrize(("first", "second"), [(100, 100), (100, 102), (102, 100), (101, 100)])
def test_common_length_is_the_shorter_of_two_close_ones(first, second):
    assert common_length(first, second, "dev_1", ("a", "b")) == 100


def test_lengths_further_apart_are_an_error_that_names_utterance_and_both_lengths():
    with pytest.raises(ValueError, match=r"dev_1: .*97.*100"):
        common_length(97, 100, "dev_1", ("the prediction", "the gold standard"))


def test_pairing_trims_the_end_of_the_longer_series():
    predictions, golds = pair_series({"u": np.arange(5)}, {"u": np.arange(10, 13)})
    assert (predictions[0].tolist(), golds[0].tolist()) == ([0, 1, 2], [10, 11, 12])


def test_pairing_follows_the_order_of_the_gold_standard():
    series = {"a": np.zeros(2), "b": np.ones(2), "c": np.zeros(2)}
    predictions, _ = pair_series(series, {"b": np.zeros(2), "a": np.zeros(2)})
    assert [prediction[0] for prediction in predictions] == [1.0, 0.0]


def test_pairing_names_the_utterance_without_prediction():
    with pytest.raises(ValueError, match="dev_2 has no prediction"):
        pair_series({"dev_1": np.zeros(3)}, {"dev_1": np.zeros(3), "dev_2": np.zeros(3)})


def test_pairing_names_the_utterance_whose_lengths_disagree():
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
