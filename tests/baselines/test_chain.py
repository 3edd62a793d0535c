"""The chain of post-processing by hand, and that no step is kept which lowers the dev CCC."""

import numpy as np
import pytest

from emoseq.baselines.chain import Chain, tune_chain
from emoseq.baselines.smoothing import filter_gaussian
from emoseq.metrics import ccc_and_rmse

NOISE = np.random.default_rng(0).normal(size=(2, 400))
GOLD = {"a": filter_gaussian(NOISE[0], 0.4, 0.04), "b": filter_gaussian(NOISE[1], 0.4, 0.04)}


def tuned(series, medians=(), shifts=()):
    return tune_chain(series, GOLD, medians=medians, shifts=shifts, frame_shift=0.04)


def of_gold(function):
    return {utt: function(values) for utt, values in GOLD.items()}


def test_the_chain_by_hand():
    """Median of three: 1 1 2 2 2; plus 1: 2 2 3 3 3; twice around 2: 2 2 4 4 4; one frame later."""
    chain = Chain(0.04, median=0.12, bias=1.0, scale=2.0, centre=2.0, shift=1)
    assert chain([1, 1, 5, 2, 2]).tolist() == [2, 2, 2, 4, 4]


def test_an_empty_chain_changes_nothing():
    np.testing.assert_array_equal(Chain(0.04)(GOLD["a"]), GOLD["a"])


def test_centring_and_scaling_undo_an_affine_map():
    chain, choices = tuned(of_gold(lambda values: values * 0.5 + 0.3))
    assert chain.scale == pytest.approx(2, rel=1e-5)
    assert choices[-1].score == pytest.approx(1, abs=1e-6)


def test_a_shift_is_found():
    chain, _ = tuned(of_gold(lambda values: np.r_[values[5:], np.full(5, values[-1])]), shifts=range(1, 10))
    assert chain.shift == 5


def test_a_median_filter_is_kept_where_there_are_spikes():
    spikes = np.arange(400) % 20 == 7
    chain, _ = tuned(of_gold(lambda values: values + 3 * spikes), medians=(0.12, 8.0))
    assert chain.median == 0.12


def test_scaling_that_lowers_the_ccc_is_not_kept():
    """A series that runs against the gold standard gets worse when it is scaled up to it."""
    chain, choices = tuned(of_gold(lambda values: -0.1 * values))
    assert {choice.setting[0]: choice.score for choice in choices}["scaling"] < choices[0].score
    assert chain.scale == 1


def test_filters_and_shifts_that_lower_the_ccc_are_not_kept():
    chain, choices = tuned(GOLD, medians=(0.4, 8.0), shifts=(1, 2))
    assert all(choice.score < 1 for choice in choices if choice.setting[0] in ("median", "shift"))
    assert (chain.median, chain.shift) == (0, 0)


def test_the_chain_scores_what_was_said_of_it():
    series = of_gold(lambda values: 0.4 * np.r_[values[3:], [0.0] * 3] + np.cos(np.arange(400)) * 0.1)
    chain, choices = tuned(series, medians=(0.12, 0.2, 0.4), shifts=range(1, 6))
    ccc, _ = ccc_and_rmse({utt: chain(values) for utt, values in series.items()}, GOLD)
    assert ccc == pytest.approx(max(choice.score for choice in choices), abs=1e-9)


def test_steps_come_in_the_order_of_the_challenge():
    _, choices = tuned(GOLD, medians=(0.12,), shifts=(1,))
    assert [choice.setting[0] for choice in choices] == ["regression", "median", "centring", "scaling", "shift"]


def test_the_scale_of_a_constant_is_left_alone():
    chain, _ = tuned(of_gold(np.zeros_like), medians=(0.12,), shifts=(1,))
    assert chain.scale == 1
