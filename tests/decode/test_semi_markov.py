"""Semi-Markov decoding against brute force, its durations summed term by term; hazards by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from oracles import ORDERS, any_case, every_path, random_case, region_lm, regions_of, seeds

from emoseq.decode.decoder import decode
from emoseq.decode.score import Scoring
from emoseq.decode.semi_markov import DurationDecoder
from emoseq.lm.regions import estimate_hazards

SLACK = {"rel": 1e-8, "abs": 1e-8}
ETERNITY = 3000  # frames, of which the last hazard leaves nothing


def random_hazards(seed, num_classes, ages):
    """Any probabilities, 0 and 1 among them, and at the last age one that ends what lasts."""
    random = np.random.default_rng([seed, ages])
    table = random.uniform(size=(num_classes, ages))
    table[random.random(table.shape) < 0.15] = 0.0
    table[random.random(table.shape) < 0.1] = 1.0
    table[:, -1] = random.uniform(0.05, 1.0, size=num_classes)
    return table


class Durations:
    """Probabilities of one class's durations; index d is a duration of d frames."""

    def __init__(self, hazard):
        by_age = np.r_[hazard, np.full(ETERNITY - len(hazard), hazard[-1])]
        self.at_least = np.r_[1.0, 1.0, np.cumprod(1 - by_age)[:-1]]
        self.exactly = self.at_least * np.r_[0.0, by_age]
        assert self.at_least[-1] < 1e-12
        self.mean = (np.arange(ETERNITY + 1) * self.exactly).sum()
        self.rest_exactly = np.r_[0.0, self.at_least[1:]] / self.mean  # met at a random time

    def rest_at_least(self, frames):
        return self.rest_exactly[frames:].sum()


def duration_score(paths, case, table):
    """Totals of label sequences of shape (paths, F)."""
    durations = [Durations(hazard) for hazard in table]
    moves = case.transitions * (1 - np.eye(case.num_classes))
    left = moves.sum(axis=1, keepdims=True)
    moves = np.divide(moves, left, out=np.zeros_like(moves), where=left > 0)
    paths = np.asarray(paths)
    posteriors = case.posteriors[np.arange(paths.shape[1]), paths]
    with np.errstate(divide="ignore"):
        total = case.scoring.acoustic_scale * np.log(posteriors).sum(axis=1)
        for i, path in enumerate(paths.tolist()):
            regions = [(label, len(list(group))) for label, group in itertools.groupby(path)]
            factors = [moves[a, b] for (a, _), (b, _) in itertools.pairwise(regions)]
            if case.initial is not None:
                factors.append(case.initial[path[0]])
            for place, (label, frames) in enumerate(regions):
                of_class, first, last = durations[label], place == 0, place == len(regions) - 1
                if first and last:
                    factors.append(of_class.rest_at_least(frames))
                elif first:
                    factors.append(of_class.rest_exactly[frames])
                else:
                    factors.append((of_class.at_least if last else of_class.exactly)[frames])
            total[i] += np.log(factors).sum()
    return total + case.scoring.lm_weight * region_lm(paths, case)


def semi_markov(case, table):
    return DurationDecoder(case.transitions, case.table, table, case.scoring, initial=case.initial)(case.posteriors)


@pytest.mark.parametrize("ages", [1, 2, 3, 5, 12])
@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_semi_markov_decoding_finds_the_maximum_of_brute_force(order, ages, seed):
    case = any_case(order, seed, most_classes=3, most_frames=7)
    table = random_hazards(seed, case.num_classes, ages)
    best = duration_score(every_path(case.num_classes, len(case.posteriors)), case, table).max()
    assume(best > -np.inf)
    assert duration_score([semi_markov(case, table).labels], case, table)[0] == pytest.approx(best, **SLACK)


@pytest.mark.parametrize("ages", [1, 3, 12])
@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_claimed_total_is_that_of_the_labels(order, ages, seed):
    case = any_case(order, seed, most_classes=3, most_frames=7, zeros=False)
    table = np.maximum(random_hazards(seed, case.num_classes, ages), 0.01)
    found = semi_markov(case, table)
    assert found.total == pytest.approx(duration_score([found.labels], case, table)[0], **SLACK)


def test_the_parts_of_the_score_make_up_the_total():
    case = random_case(3, seed=1, num_classes=3, frames=50, scoring=Scoring(lm_weight=2.0, log_base="10"))
    found = semi_markov(case, random_hazards(1, 3, 8))
    assert found.lm == pytest.approx(region_lm([found.labels], case)[0])
    assert found.total == pytest.approx(found.am + 2.0 * found.lm)


@pytest.mark.parametrize("ages", [1, 4, 40])
@pytest.mark.parametrize("order", ORDERS)
def test_geometric_durations_are_the_self_loops(order, ages):
    """A constant hazard of 1 - A[k, k] gives the labels and the score of the hidden Markov model."""
    case = random_case(order, seed=2, num_classes=4, frames=150, scoring=Scoring(lm_weight=2.0), prior=True)
    constant = np.repeat(1 - case.transitions.diagonal()[:, None], ages, axis=1)
    found, expected = semi_markov(case, constant), decode(*case.problem, case.scoring, initial=case.initial)
    assert found.labels.tolist() == expected.labels.tolist()
    assert found.total == pytest.approx(expected.total, **SLACK)


def best_of_all_segmentations(case, table):
    """The maximum over all boundaries and classes, for a bigram, an O(F^2 K^2) recursion."""
    durations = [Durations(hazard) for hazard in table]
    frames, num_classes = case.posteriors.shape
    weight, lm = case.scoring.lm_weight, case.table
    moves = case.transitions * (1 - np.eye(num_classes))
    with np.errstate(divide="ignore"):
        enter = np.log(moves / moves.sum(axis=1, keepdims=True)) + weight * lm[:-1, :-1]
        exactly, at_least, rest = (
            np.log([getattr(each, name)[: frames + 1] for each in durations])
            for name in ("exactly", "at_least", "rest_exactly")
        )
        rest_at_least = np.log([each.rest_at_least(frames) for each in durations])
        earned = np.vstack([np.zeros(num_classes), np.cumsum(np.log(case.posteriors), axis=0)])
    ended = np.full((frames + 1, num_classes), -np.inf)  # a region ends before this frame
    for end in range(1, frames):
        ended[end] = weight * lm[-1, :-1] + rest[:, end] + earned[end]
        for begin in range(1, end):
            entered = (ended[begin][:, None] + enter).max(axis=0)
            ended[end] = np.maximum(ended[end], entered + exactly[:, end - begin] + earned[end] - earned[begin])
    finals = [weight * lm[-1, :-1] + rest_at_least + earned[frames]]
    for begin in range(1, frames):
        entered = (ended[begin][:, None] + enter).max(axis=0)
        finals.append(entered + at_least[:, frames - begin] + earned[frames] - earned[begin])
    return (np.max(finals, axis=0) + weight * lm[:-1, -1]).max()


@pytest.mark.parametrize("weight", [0.0, 4.0])
@pytest.mark.parametrize("ages", [1, 5, 30, 200])
def test_regions_far_longer_than_the_table_are_found(ages, weight):
    """Hazards of a few hundredths make regions last for many times 1 or 5 frames."""
    case = random_case(2, seed=3, num_classes=3, frames=120, scoring=Scoring(lm_weight=weight))
    case = case._replace(posteriors=0.1 * case.posteriors + 0.9 / 3)
    table = np.random.default_rng(ages).uniform(0.01, 0.05, size=(3, ages))
    found = semi_markov(case, table)
    assert np.diff(np.flatnonzero(np.r_[True, np.diff(found.labels) != 0, True])).max() > 20
    best = best_of_all_segmentations(case, table)
    assert duration_score([found.labels], case, table)[0] == pytest.approx(best, **SLACK)


def test_a_class_that_lasts_exactly_three_frames_does():
    """Between an unknown begin and an unknown end."""
    posteriors = np.random.default_rng(4).dirichlet(np.ones(2), size=60)
    labels = DurationDecoder(np.full((2, 2), 0.5), np.zeros((3, 3)), [[0, 0, 1.0]] * 2, Scoring())(posteriors).labels
    boundaries = np.flatnonzero(np.diff(labels)) + 1
    assert set(np.diff(boundaries)) == {3}
    assert boundaries[0] <= 3
    assert 60 - boundaries[-1] <= 3


def test_of_equally_good_paths_one_is_found():
    case = random_case(2, seed=5, num_classes=3, frames=5, scoring=Scoring(lm_weight=1.0))
    case = case._replace(
        posteriors=np.full((5, 3), 1 / 3), transitions=np.full((3, 3), 1 / 3), table=np.full((4, 4), -1.0)
    )
    table = np.full((3, 4), 0.5)
    best = duration_score(every_path(3, 5), case, table).max()
    assert duration_score([semi_markov(case, table).labels], case, table)[0] == pytest.approx(best, **SLACK)


def test_no_possible_sequence_is_an_error():
    """The class must change where it cannot: durations of one frame, and no way out of either class."""
    decoder = DurationDecoder(np.eye(2), np.zeros((3, 3)), [[1.0], [1.0]], Scoring())
    with pytest.raises(ValueError, match="no label sequence has a probability above zero"):
        decoder([[0.5, 0.5]] * 2)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([[0.5]], r"hazards of shape \(1, 1\) for 2 classes"),
        ([0.5, 0.5], r"hazards of shape \(2,\)"),
        ([[], []], r"hazards of shape \(2, 0\)"),
        ([[0.5, 1.5], [0.5, 0.5]], "must be probabilities"),
        ([[0.5, -0.5], [0.5, 0.5]], "must be probabilities"),
        ([[np.nan, 0.5], [0.5, 0.5]], "must be probabilities"),
        ([[0.5, 0.0], [0.5, 0.5]], "the last one of a class above 0"),
    ],
)
def test_hazards_that_are_none_are_errors(table, message):
    with pytest.raises(ValueError, match=message):
        DurationDecoder(np.full((2, 2), 0.5), np.zeros((3, 3)), table, Scoring())


@pytest.mark.parametrize("posteriors", [[[0.5, 0.6]], [[np.nan, 1.0]], [[1.5, -0.5]], [[1.0]], []], ids=str)
def test_posteriors_that_are_none_are_errors(posteriors):
    with pytest.raises(ValueError, match="posteriors"):
        DurationDecoder(np.full((2, 2), 0.5), np.zeros((3, 3)), [[0.5], [0.5]], Scoring())(posteriors)


def test_hazards_by_hand():
    """0 0 | 1 1 1 | 0 0 0: class 1 reaches the ages 1, 2 and 3 and ends at 3; class 0 outlives 1 and 2.

    Each bin gets one end more, and ages so that it is at the class's rate: of all classes
    (1 + 1) / (2 + 5) = 2 / 7, of class 0 (1 + 0) / (7 / 2 + 2) = 2 / 11, of class 1 (1 + 1) / (7 / 2 + 3) = 4 / 13.
    """
    estimate = estimate_hazards([[0, 0, 1, 1, 1, 0, 0, 0]], 2, longest=3)
    expected = [
        [1 / (1 + 11 / 2), 1 / (1 + 11 / 2), 1 / (11 / 2)],
        [1 / (1 + 13 / 4), 1 / (1 + 13 / 4), 2 / (1 + 13 / 4)],
    ]
    np.testing.assert_allclose(estimate, expected)


def test_of_the_first_region_nothing_counts():
    assert np.array_equal(
        estimate_hazards([[0, 1, 0, 1]], 2, longest=4), estimate_hazards([[0, 0, 0, 1, 0, 1]], 2, longest=4)
    )


def test_a_last_region_of_one_frame_tells_nothing():
    """Its last frame may or may not have been its end."""
    assert np.array_equal(estimate_hazards([[0, 1, 0]], 3, longest=4), estimate_hazards([[0, 1, 2]], 3, longest=4))


def test_what_the_last_region_outlived_counts():
    """Two frames of class 1 at the end are one age without an end."""
    shorter, longer = (estimate_hazards([[0, 1, 0, *[1] * last]], 2, longest=4) for last in (1, 2))
    assert longer[1, 0] < shorter[1, 0]


def test_utterances_do_not_touch():
    """The second begins with a first region, however the one before ended."""
    apart = estimate_hazards([[0, 1, 0], [0, 1, 0]], 2, longest=3)
    assert not np.allclose(apart, estimate_hazards([[0, 1, 0, 0, 1, 0]], 2, longest=3))


def test_a_region_longer_than_the_table_ends_in_its_last_bin():
    """Class 1 has 5 frames: one at age 1, four in the tail, of which the last is the end."""
    everywhere = (1 + 1) / (2 + 5)
    added = (1 / everywhere + 5) / (1 + 1)
    estimate = estimate_hazards([[0, 1, 1, 1, 1, 1, 0]], 2, longest=2)
    np.testing.assert_allclose(estimate[1], [1 / (1 + added), 2 / (4 + added)])


def test_hazards_are_constant_in_bins_of_two_for_each_doubling():
    random = np.random.default_rng(6)
    labels = np.repeat(np.arange(400) % 2, random.integers(1, 40, size=400))
    row = estimate_hazards([labels], 2, longest=32)[0]
    first_ages = 1 + np.flatnonzero(np.r_[True, np.diff(row) != 0])
    assert first_ages.tolist() == [1, 2, 3, 4, 5, 7, 9, 13, 17, 25]


def test_hazards_of_geometric_durations_are_one_probability():
    random = np.random.default_rng(7)
    labels = np.repeat(np.arange(20000) % 2, random.geometric(0.25, size=20000))
    np.testing.assert_allclose(estimate_hazards([labels], 2, longest=6), 0.25, atol=0.02)


@pytest.mark.parametrize(
    "utterances", [[[0, 1, 0, 1, 1]], [[0, 0, 0]], [[0], [1]], [[0, 0, 0], [0, 1, 0]], []], ids=str
)
def test_hazards_are_probabilities_that_are_never_sure(utterances):
    """Of class 2, which never comes, and of utterances of a single region too."""
    estimate = estimate_hazards(utterances, 3, longest=5)
    assert estimate.shape == (3, 5)
    assert (estimate > 0).all()
    assert (estimate < 1).all()


def test_an_utterance_of_one_region_tells_nothing():
    assert np.array_equal(
        estimate_hazards([[0, 1, 0, 1], [1, 1, 1]], 2, longest=3), estimate_hazards([[0, 1, 0, 1]], 2, longest=3)
    )


def test_estimated_hazards_can_be_decoded_with():
    labels = np.repeat(np.arange(30) % 3, 4)
    case = random_case(2, seed=8, num_classes=3, frames=40, scoring=Scoring(lm_weight=1.0))
    found = semi_markov(case, estimate_hazards([labels], 3, longest=9))
    assert regions_of(found.labels)
    assert np.isfinite(found.total)
