"""The n-best list against that of brute force: every region sequence by its best alignment."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from oracles import ORDERS, SELF_LOOPS, Case, any_case, every_score, random_case, regions_of, score, seeds

from emoseq.decode.decoder import decode
from emoseq.decode.graph import build_graph
from emoseq.decode.nbest import align, find_n_best
from emoseq.decode.score import Scoring, scale_log_posteriors

SLACK = {"rel": 1e-9, "abs": 1e-9}


def hypotheses(case, count):
    graph = build_graph(case.transitions, case.table, case.scoring, initial=case.initial)
    return find_n_best(scale_log_posteriors(case.posteriors, case.num_classes, case.scoring), graph, count)


def best_alignments(case):
    """{regions: score of the best alignment} of all that are possible."""
    best = {}
    for path, total in zip(*every_score(case), strict=True):
        regions = regions_of(path)
        best[regions] = max(total, best.get(regions, -np.inf))
    return {regions: total for regions, total in best.items() if total > -np.inf}


def aligned(case, hypothesis):
    with np.errstate(divide="ignore"):
        stays = np.log(np.diagonal(case.transitions))
    return align(scale_log_posteriors(case.posteriors, len(stays), case.scoring), stays, hypothesis.regions)


counts = pytest.mark.parametrize("count", [1, 2, 5, 20])
orders = pytest.mark.parametrize("order", ORDERS)


@counts
@orders
@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_scores_are_those_of_the_best_region_sequences(order, count, seed):
    case = any_case(order, seed)
    expected = sorted(best_alignments(case).values(), reverse=True)[:count]
    assume(expected)
    assert [hypothesis.total for hypothesis in hypotheses(case, count)] == pytest.approx(expected, **SLACK)


@counts
@orders
@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_regions_have_the_score_that_they_come_with(order, count, seed):
    case = any_case(order, seed, zeros=False)
    best = best_alignments(case)
    for hypothesis in hypotheses(case, count):
        assert hypothesis.total == pytest.approx(best[tuple(hypothesis.regions.tolist())], **SLACK)


@counts
@orders
@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_labels_are_an_alignment_of_the_regions_that_attains_the_score(order, count, seed):
    case = any_case(order, seed, zeros=False)
    for hypothesis in hypotheses(case, count):
        labels = aligned(case, hypothesis)
        assert regions_of(labels) == tuple(hypothesis.regions.tolist())
        assert score([labels], case).total[0] == pytest.approx(hypothesis.total, **SLACK)


@orders
def test_no_region_sequence_comes_twice(order):
    case = random_case(order, seed=1, num_classes=4, frames=60, scoring=Scoring(lm_weight=1.0))
    sequences = [tuple(hypothesis.regions.tolist()) for hypothesis in hypotheses(case, 100)]
    assert len(set(sequences)) == len(sequences) == 100


@orders
def test_of_uniform_numbers_no_region_sequence_comes_twice(order):
    """Everything ties here."""
    case = Case(
        np.full((8, 2), 0.5), np.full((2, 2), 0.5), np.full((3,) * order, np.log(1 / 3)), Scoring(lm_weight=1.0)
    )
    sequences = [tuple(hypothesis.regions.tolist()) for hypothesis in hypotheses(case, 20)]
    assert sorted(sequences) == sorted(best_alignments(case))


def test_fewer_come_back_when_fewer_exist():
    """Two classes in three frames: 0, 1, 01, 10, 010 and 101."""
    case = random_case(2, seed=2, num_classes=2, frames=3)
    assert len(hypotheses(case, 100)) == 6


def test_impossible_sequences_do_not_come_back():
    """A sequence that begins with class 0 can only stay there."""
    case = random_case(2, seed=2, num_classes=2, frames=3)._replace(transitions=np.array([[1.0, 0.0], [0.5, 0.5]]))
    assert {tuple(hypothesis.regions.tolist()) for hypothesis in hypotheses(case, 100)} == {(0,), (1,), (1, 0)}


@orders
def test_the_first_is_what_exact_decoding_finds(order):
    case = random_case(order, seed=3, num_classes=5, frames=200, scoring=Scoring(lm_weight=3.0))
    assert aligned(case, hypotheses(case, 7)[0]).tolist() == decode(*case.problem, case.scoring).labels.tolist()


def test_the_best_of_a_long_list_are_a_short_list():
    case = random_case(3, seed=4, num_classes=6, frames=300, scoring=Scoring(lm_weight=6.0))
    case = case._replace(transitions=SELF_LOOPS[:6, :6] / SELF_LOOPS[:6, :6].sum(axis=1, keepdims=True))
    few, many = hypotheses(case, 5), hypotheses(case, 50)
    assert [hypothesis.regions.tolist() for hypothesis in few] == [each.regions.tolist() for each in many[:5]]


def test_no_possible_sequence_is_an_error():
    case = Case(np.eye(2), np.eye(2), np.zeros((3, 3)))
    with pytest.raises(ValueError, match="no label sequence has a probability above zero"):
        hypotheses(case, 3)


def test_no_sequence_at_all_is_no_n():
    case = random_case(2, seed=1, num_classes=2, frames=3)
    with pytest.raises(ValueError, match="1 or more"):
        find_n_best(np.log(case.problem[0]), build_graph(*case.problem[1:3], Scoring()), 0)
