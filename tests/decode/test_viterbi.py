"""Viterbi by itself; tests/decode/test_decoder.py and test_streaming.py compare its paths with brute force."""

import pytest
from oracles import random_case

from emoseq.decode.graph import build_graph
from emoseq.decode.score import Scoring, scale_log_posteriors
from emoseq.decode.viterbi import Viterbi


def test_more_frames_than_can_be_traced_back_are_an_error():
    case = random_case(2, seed=2, num_classes=4, frames=4, scoring=Scoring(lm_weight=2.0))
    search = Viterbi(build_graph(case.transitions, case.table, case.scoring), 3)
    with pytest.raises(ValueError, match="4 frames, but a history of 3"):
        search.advance(scale_log_posteriors(case.posteriors, case.num_classes, case.scoring))
