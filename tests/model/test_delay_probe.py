"""The search of the raters' delay on ratings whose delay is known."""

import math

import numpy as np
import pytest
from conftest import step
from people import slow_noise

from emoseq import DataError
from emoseq.labels.delay import delay
from emoseq.model.delay import format_delays, read_delay
from emoseq.model.delay_probe import list_delays, probe_delays
from emoseq.model.schedule import TrainOptions
from emoseq.recipe.trial import Trial, choose_best

SHIFT = 0.04


def make_sets(true_delay, gaps=False):
    """Noisy features of a slow course, and ratings that follow it late."""
    random = np.random.default_rng(0)
    features, ratings = [], []
    for names in (("a", "b", "c"), ("d", "e")):
        courses = {utt: slow_noise(random, 1500, 3) for utt in names}
        features.append({u: c[:, None] * [1.0, -0.5, 0] + random.normal(size=(len(c), 3)) for u, c in courses.items()})
        gold = {utt: delay(course, true_delay) for utt, course in courses.items()}
        for series in gold.values():
            series[: 2 * true_delay] = np.nan if gaps else series[: 2 * true_delay]
        ratings.append(gold)
    return features, ratings


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("true_delay", [0, 50, 100])
def test_the_delay_of_the_ratings_is_found(true_delay, gaps):
    trials = probe_delays(*make_sets(true_delay, gaps), SHIFT)
    assert [trial.setting for trial in trials] == list(range(0, 151, 5))
    assert choose_best(trials).setting == pytest.approx(true_delay, abs=5)
    assert choose_best(trials).score > 0.9


def test_without_ratings_there_is_nothing_to_search():
    features, ratings = make_sets(0)
    ratings[0] = {utt: np.full(1500, np.nan) for utt in ratings[0]}
    with pytest.raises(ValueError, match="no frame of the training set is rated"):
        probe_delays(features, ratings, SHIFT)
    with pytest.raises(ValueError, match="a has a gold standard and no features"):
        probe_delays([{}, features[1]], ratings, SHIFT)


def test_coarse_frames_make_each_delay_once():
    assert list_delays(0.5) == list(range(13))


def test_the_file_of_delays_by_hand(tmp_path):
    text = format_delays([Trial(0, 0.25), Trial(5, 0.5), Trial(10, 0.5)], SHIFT)
    assert text == "seconds,dev_ccc,chosen\n0.000,0.250000,0\n0.200,0.500000,1\n0.400,0.500000,0\n"
    path = tmp_path / "delay.csv"
    path.write_text(text)
    assert read_delay(path) == 0.2
    path.write_text(format_delays([Trial(50, math.nan)], SHIFT))
    assert path.read_text() == "seconds,dev_ccc,chosen\n2.000,,1\n"
    assert read_delay(path) == 2.0


@pytest.mark.parametrize("text", ["", "seconds,dev_ccc,chosen\n", "seconds,dev_ccc,chosen\n1.0,,1\n2.0,,1\n", "a\nb\n"])
def test_a_damaged_file_of_delays_is_named(tmp_path, text):
    path = tmp_path / "delay.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=r"delay\.csv: .*run stage 4 again"):
        read_delay(path)
    path.unlink()
    with pytest.raises(DataError, match=r"delay\.csv does not exist"):
        read_delay(path)


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf", "61", ""])
def test_a_delay_is_auto_or_seconds(value):
    with pytest.raises(ValueError, match=f"--delay={value}: auto, or seconds from 0 to 60"):
        TrainOptions(delay=value)


def test_the_step_searches_each_dimension_and_a_given_delay_is_taken(small_run, tmp_path):
    arguments = [small_run.data, tmp_path]
    done = step("steps/find_delay.py", "--delay=auto", *arguments)
    assert done.returncode == 0, done.stderr
    for dimension in ("arousal", "valence"):
        lines = (tmp_path / dimension / "delay.csv").read_text().splitlines()
        assert [float(line.split(",")[0]) for line in lines[1:]] == pytest.approx(np.arange(31) * 0.2)
        assert sum(line.endswith(",1") for line in lines) == 1
    done = step("steps/find_delay.py", "--delay=1.51", *arguments)
    assert "arousal/delay.csv: raters 1.52 s late" in done.stderr
    assert read_delay(tmp_path / "valence/delay.csv") == 1.52
