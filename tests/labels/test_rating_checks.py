"""Checks of ratings: damaged traces must be found, and no others."""

import numpy as np
import pytest
from people import RATE, name_raters, rate_like_people, slow_noise, stand_still
from series import direct_ccc

from emoseq.labels.rating_checks import Pauses, check_ratings, find_pauses, find_scale

NAN = np.nan


def delay(trace, seconds):
    """A trace that stays at 0 at the start and follows that many seconds later."""
    return np.r_[np.zeros(seconds * RATE, np.float32), trace[: -seconds * RATE]]


def agreeing_people(seed, *, seconds, raters=6):
    """Three recordings of raters who hold and ramp, with delays of 1 to 2 s and a mean CCC of about .6."""
    random = np.random.default_rng(seed)
    frames, lead, ratings = seconds * RATE, 4 * RATE, {}
    for number in range(3):
        course = slow_noise(random, frames + lead, 4)
        starts = [lead - round(random.uniform(1, 2) * RATE) for _ in range(raters)]
        aims = [course[start:][:frames] + 0.4 * slow_noise(random, frames, 5) for start in starts]
        ratings[f"rec_{number + 1}"] = np.stack([stand_still(random, 0.25 * aim) for aim in aims], axis=1)
    return ratings


def find_problems(ratings):
    return list(check_ratings(ratings, name_raters(ratings), 1 / RATE).findings)


def mark(ratings):
    """Recording and rater of each finding."""
    return [" ".join(finding.split()[:2]) for finding in find_problems(ratings)]


@pytest.mark.parametrize("seed", range(4))
def test_traces_as_people_leave_them_are_not_found_fault_with(seed):
    ratings = rate_like_people(seed)
    still = np.mean([(np.diff(traces, axis=0) == 0).mean() for traces in ratings.values()])
    assert 0.7 < still < 0.9
    assert find_problems(ratings) == []


def test_a_stuck_an_inverted_and_a_late_rater_are_found_and_no_other():
    ratings = rate_like_people(1)
    stuck, inverted, late = ratings.values()
    stuck[40 * RATE : 140 * RATE, 1] = stuck[40 * RATE, 1]
    inverted[:, 3] *= -1
    late[:, 0] = np.r_[np.zeros(35 * RATE, np.float32), late[35 * RATE :, 0]]
    assert mark(ratings) == ["rec_1: R2", "rec_2: R4", "rec_3: R1"]
    first, second, third = find_problems(ratings)
    assert "stays at" in first
    assert first.endswith("s to 140.0 s")
    assert "inverted" in second
    assert "does not move before 35.0 s" in third


def test_a_rater_with_a_delay_of_seven_seconds_more_in_one_recording_is_found():
    ratings = rate_like_people(2)
    ratings["rec_2"][:, 2] = delay(ratings["rec_2"][:, 2], 7)
    (finding,) = find_problems(ratings)
    assert finding.startswith("rec_2: R3 reacts ")
    assert 5 < float(finding.split()[3]) < 10
    assert "s later than the other raters; try --align-raters " in finding


@pytest.mark.parametrize("seed", range(20, 28))
def test_a_rater_who_is_late_in_every_recording_is_found_and_no_other(seed):
    ratings = rate_like_people(seed, raters=6)
    for traces in ratings.values():
        traces[:, 2] = delay(traces[:, 2], 6)
    (finding,) = find_problems(ratings)
    assert finding.startswith("R3: reacts ")
    assert 4 < float(finding.split()[2]) < 8
    assert " s later than the other raters, in " in finding
    assert "of 3 recordings; try --align-raters " in finding


@pytest.mark.parametrize("seconds", [120, 180])
@pytest.mark.parametrize("seed", range(20, 24))
@pytest.mark.parametrize("kind", ["late alone", "beside a stuck and an inverted one"])
def test_a_rater_five_seconds_late_is_found_alone_and_beside_others(seed, seconds, kind):
    ratings = agreeing_people(seed, seconds=seconds)
    for traces in ratings.values():
        traces[:, 2] = delay(traces[:, 2], 5)
        if kind != "late alone":
            traces[40 * RATE :, 0] = traces[40 * RATE, 0]
            traces[:, 1] *= -1
    checked = check_ratings(ratings, name_raters(ratings), 1 / RATE)
    named = {trace.rater for trace in checked.traces if trace.findings}
    assert named == ({"R3"} if kind == "late alone" else {"R1", "R2", "R3"})
    assert sum(finding.startswith("R3: reacts ") for finding in checked.findings) == 1
    if kind != "late alone":
        assert sum(finding.startswith("R2: runs against the other raters") for finding in checked.findings) == 1


@pytest.mark.parametrize("seconds", [45, 60, 120, 180, 300])
@pytest.mark.parametrize("seed", range(20, 24))
def test_nothing_is_found_in_undamaged_recordings_of_any_length(seed, seconds):
    assert find_problems(rate_like_people(seed, seconds=seconds, raters=4 + seed % 3)) == []


def test_of_two_raters_the_later_one_is_named_and_both_if_they_run_against_each_other():
    ratings = rate_like_people(4, raters=2)
    for traces in ratings.values():
        traces[:, 1] = delay(traces[:, 0], 6)
    (finding,) = find_problems(ratings)
    assert finding.startswith("R2: reacts 6.0 s later")
    for traces in ratings.values():
        traces[:, 1] = -traces[:, 0]
    assert [problem[:16] for problem in find_problems(ratings)[:2]] == ["R1: runs against", "R2: runs against"]


DAMAGE = {
    "stays at 0.5 throughout": lambda trace: np.full_like(trace, 0.5),
    "has rated nothing": lambda trace: np.full_like(trace, NAN),
    "ends at 150.0 s of 180.0 s": lambda trace: np.where(np.arange(len(trace)) < 150 * RATE, trace, NAN),
    "does not move after 110.0 s of 180.0 s": lambda trace: np.r_[
        trace[: 110 * RATE] + np.linspace(0, 0.01, 110 * RATE), np.full(70 * RATE, trace[110 * RATE] + 1e-3)
    ],
    "does not move before 30.0 s": lambda trace: np.r_[
        np.full(30 * RATE, NAN), trace[30 * RATE :] + np.linspace(0, 0.01, 150 * RATE)
    ],
    "jumps 6 times": lambda trace: trace + 3.0 * np.isin(np.arange(len(trace)), [500, 1500, 2500]),
    "covers 100 times the range of the others": lambda trace: 100 * trace,
}


@pytest.mark.parametrize("words", DAMAGE)
def test_other_damage_is_found_in_the_trace_that_has_it_only(words):
    ratings = rate_like_people(3)
    traces = ratings["rec_1"]
    traces[:, 4] = DAMAGE[words](traces[:, 4])
    problems = find_problems(ratings)
    assert [problem.startswith("rec_1: R5 ") for problem in problems] == [True]
    if "100" not in words:
        assert words in problems[0]
    else:
        assert "times the range of the others" in problems[0]


def test_a_trace_at_the_end_of_the_scale_is_found():
    ratings = rate_like_people(0)
    for traces in ratings.values():
        traces.clip(-0.55, 0.55, out=traces)
    trace = ratings["rec_2"][:, 0]
    trace[:] = np.minimum(trace + 0.5, np.float32(0.55))
    assert [problem.split(", ")[0] for problem in find_problems(ratings)] == ["rec_2: R1 is at the end of the scale"]


def test_an_extreme_that_one_trace_reaches_is_no_end_of_the_scale():
    scale = find_scale([np.array([[0, -1, NAN], [1, -1, 0.5]]), np.array([[-1.0], [0.3]])])
    assert (scale.low, scale.high, scale.ends) == (-1, 1, (-1,))


def test_short_recordings_are_not_judged():
    ratings = rate_like_people(5, seconds=20)
    ratings["rec_1"][:, 0] = 0
    ratings["rec_2"][:, 1] *= -1
    assert find_problems(ratings) == []


def test_raters_who_agree_less_than_by_chance_are_pointed_out():
    course = np.sin(np.arange(1000) / 40)
    problems = find_problems({"a": np.stack([course, -course], axis=1)})
    assert problems[-1].startswith("all recordings: the raters agree no better than by chance")


def test_pauses_of_a_trace_counted_by_hand():
    trace = np.array([NAN, 0, 0, 1, 2, 2, 2, NAN, 2, 2, 3, 3])
    assert find_pauses(trace) == Pauses(first_move=3, last_move=10, hold=4, hold_length=3)
    assert find_pauses(np.array([NAN, 4, 4, NAN])) == Pauses(4, 4, 0, 0)
    assert find_pauses(np.array([0.0, 1, 1])) == Pauses(1, 1, 1, 0)


def test_measures_of_a_trace():
    ratings = rate_like_people(7, recordings=1, raters=3)
    traces = ratings["rec_1"]
    traces[:50, 0] = NAN
    traces[-25:, 2] = NAN
    trace = check_ratings(ratings, name_raters(ratings), 0.04).traces[0]
    both = slice(50, -25)
    pairs = [direct_ccc(*traces[50:, :2].T), direct_ccc(*traces[both, ::2].T)]
    assert trace.agreement == pytest.approx(np.mean(pairs), rel=1e-5)
    rest = np.r_[traces[50:-25, 1:].mean(axis=1), traces[-25:, 1]]
    assert trace.ccc_with_rest == pytest.approx(direct_ccc(traces[50:, 0], rest), rel=1e-5)
    assert trace.unrated == pytest.approx(2.0)
    assert trace.seconds == pytest.approx(180)
    ranges = [np.diff(np.percentile(traces[np.isfinite(traces[:, i]), i], [1, 99]))[0] for i in range(3)]
    assert trace.range_ratio == pytest.approx(ranges[0] / np.mean(ranges[1:]), rel=1e-5)


def test_measures_of_a_set():
    ratings = rate_like_people(8, raters=3)
    ratings["rec_2"][10:20] = NAN
    checked = check_ratings(ratings, name_raters(ratings), 0.04)
    assert checked.unrated == pytest.approx(0.4)
    pairs = [
        direct_ccc(*traces[np.isfinite(traces).all(axis=1)][:, [i, j]].T)
        for traces in ratings.values()
        for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    assert checked.agreement == pytest.approx(np.mean(pairs), rel=1e-5)
    assert checked.ccc_with_rest == pytest.approx(np.mean([trace.ccc_with_rest for trace in checked.traces]))


def test_a_single_rater_has_nothing_to_agree_with():
    ratings = rate_like_people(9, recordings=1, raters=1)
    checked = check_ratings(ratings, name_raters(ratings), 0.04)
    assert np.isnan([checked.agreement, checked.alpha, checked.ccc_with_rest, checked.ceiling]).all()
    assert checked.findings == ()
