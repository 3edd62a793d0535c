"""Streaming against brute force over the frames seen so far, and against decoding the whole utterance."""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles import ORDERS, any_case, every_score, random_case, score, seeds

from emoseq.decode.decoder import Decoder, decode
from emoseq.decode.graph import build_graph
from emoseq.decode.score import Scoring
from emoseq.decode.streaming import StreamingDecoder, decode_as_stream

orders = pytest.mark.parametrize("order", ORDERS)


def graph_of(case):
    return build_graph(case.transitions, case.table, case.scoring, initial=case.initial)


def stream(case, lag, *, pushes=None):
    """Labels that each push hands out, and those that the end does; one frame a push by default."""
    decoder = StreamingDecoder(graph_of(case), case.scoring, lag=lag)
    pieces = np.split(case.posteriors, range(1, len(case.posteriors)) if pushes is None else pushes)
    return [decoder.push(piece).tolist() for piece in pieces if len(piece)], decoder.finish().tolist()


def whole(case, lag, **options):
    handed_out, last = stream(case, lag, **options)
    return [label for labels in handed_out for label in labels] + last


def long_case(order, frames=300):
    return random_case(order, seed=order, num_classes=4, frames=frames, scoring=Scoring(lm_weight=2.0))


@orders
@pytest.mark.parametrize("beyond", [0, 1, 50])
def test_a_lag_that_covers_the_utterance_is_decoding_it_whole(order, beyond):
    case = long_case(order)
    assert whole(case, 300 + beyond) == decode(*case.problem, case.scoring).labels.tolist()


@orders
@pytest.mark.parametrize("lag", [0, 1, 2, 4])
@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_a_final_label_is_that_of_the_best_path_so_far(order, lag, seed):
    """By brute force over the paths through the frames seen, </s> not scored."""
    case = any_case(order, seed, most_frames=6)
    frames = len(case.posteriors)
    expected = []
    for last in range(lag, frames):
        seen = case._replace(posteriors=case.posteriors[: last + 1], scoring=without_end(case.scoring))
        paths, totals = every_score(seen)
        assume(totals.max() > -np.inf)
        expected.append([int(paths[totals.argmax()][last - lag])])
    assume(every_score(case)[1].max() > -np.inf)
    handed_out, _ = stream(case, lag)
    assert handed_out == [[]] * min(lag, frames) + expected


def without_end(scoring):
    return dataclasses.replace(scoring, score_end=False)


@orders
@pytest.mark.parametrize("lag", [0, 3, 20])
def test_a_final_label_is_that_of_decoding_the_frames_so_far(order, lag):
    case = long_case(order, frames=80)
    handed_out, _ = stream(case, lag)
    for last in range(lag, 80):
        offline = decode(case.posteriors[: last + 1], case.transitions, case.table, without_end(case.scoring))
        assert handed_out[last] == [offline.labels[last - lag]]


@orders
@pytest.mark.parametrize("lag", [0, 3, 20, 1000])
def test_the_last_labels_are_those_of_the_whole_utterance(order, lag):
    case = long_case(order)
    _, last = stream(case, lag)
    assert last == decode(*case.problem, case.scoring).labels.tolist()[max(0, 300 - lag) :]


@orders
@settings(max_examples=15, deadline=None)
@given(seed=seeds, lag=st.integers(0, 70), pushes=st.lists(st.integers(1, 59), unique=True).map(sorted))
def test_pieces_of_any_length_give_the_same_labels(order, seed, lag, pushes):
    case = random_case(order, seed=seed, num_classes=3, frames=60, scoring=Scoring(lm_weight=1.0))
    assert whole(case, lag, pushes=pushes) == whole(case, lag)


@settings(max_examples=40, deadline=None)
@given(lag=st.integers(0, 12), pushes=st.lists(st.integers(1, 9), unique=True).map(sorted))
def test_each_push_hands_out_what_has_become_final(lag, pushes):
    case = random_case(3, seed=1, num_classes=3, frames=10, scoring=Scoring(lm_weight=1.0))
    handed_out, last = stream(case, lag, pushes=pushes)
    until_now = np.cumsum([len(labels) for labels in handed_out]).tolist()
    assert until_now == [max(0, frames - lag) for frames in [*pushes, 10]]
    assert len(last) == min(lag, 10)


@orders
def test_streamed_scores_are_those_of_the_labels(order):
    case = long_case(order)
    found = decode_as_stream(Decoder(case.transitions, case.table, case.scoring), 5)(case.posteriors)
    assert found.labels.tolist() == whole(case, 5)
    assert found.total == pytest.approx(score([found.labels], case).total[0])


def test_a_stream_remembers_nothing_of_the_one_before():
    case = long_case(3)
    run = decode_as_stream(Decoder(case.transitions, case.table, case.scoring), 5)
    first = run(case.posteriors)
    run(case.posteriors[::-1])
    assert run(case.posteriors).labels.tolist() == first.labels.tolist()


def test_an_impossible_frame_is_an_error_once_its_label_is_due():
    """Each class is sure in one frame, and none can be left."""
    graph = build_graph(np.eye(2), np.zeros((3, 3)), Scoring())
    decoder = StreamingDecoder(graph, Scoring(), lag=1)
    assert decoder.push([[1.0, 0.0]]).tolist() == []
    with pytest.raises(ValueError, match="no label sequence has a probability above zero"):
        decoder.push([[0.0, 1.0]])


def test_an_impossible_utterance_is_an_error_at_its_end():
    decoder = StreamingDecoder(build_graph(np.eye(2), np.zeros((3, 3)), Scoring()), Scoring(), lag=9)
    decoder.push(np.eye(2))
    with pytest.raises(ValueError, match="no label sequence has a probability above zero"):
        decoder.finish()


def test_a_stream_without_a_frame_has_no_labels():
    case = long_case(2)
    assert StreamingDecoder(graph_of(case), case.scoring, lag=3).finish().tolist() == []


@pytest.mark.parametrize("posteriors", [[[0.5, 0.6]], [[np.nan, 1.0]], [[1.5, -0.5]], [[1.0]], []], ids=str)
def test_frames_that_are_no_posteriors_are_errors(posteriors):
    decoder = StreamingDecoder(build_graph(np.eye(2), np.zeros((3, 3)), Scoring()), Scoring(), lag=1)
    with pytest.raises(ValueError, match="posteriors"):
        decoder.push(posteriors)


def test_a_negative_lag_is_an_error():
    with pytest.raises(ValueError, match="lag of -1"):
        StreamingDecoder(graph_of(long_case(2)), Scoring(), lag=-1)
