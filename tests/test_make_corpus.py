"""The embedded synthetic corpus: layout, labels and voices."""

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import arff
import numpy as np
import parselmouth
import pytest
import scipy.signal
import soundfile
from conftest import ROOT
from sklearn.cluster import KMeans
from traces import (
    count_regions,
    describe_gold,
    describe_raters,
    find_delay,
    list_holds,
    list_speeds,
    share_between,
    share_still,
)

from emoseq.labels.gold_standard import compute_gold_standard
from emoseq.metrics import concordance

sys.path.insert(0, str(ROOT / "local"))

import make_corpus
import raters
import speech

DIMENSIONS = ("arousal", "valence")
NAMES = [f"{part}_{number}" for part in ("train", "dev", "test") for number in (1, 2)]
TINY = ["--seconds=10", "--recordings=2"]
# The paper, Table 1: CCC and RMSE of the gold standard quantised with K-means.
TABLE_1 = {
    "arousal": {4: (0.953, 0.057), 6: (0.978, 0.040), 8: (0.987, 0.031), 10: (0.991, 0.025)},
    "valence": {4: (0.934, 0.045), 6: (0.970, 0.031), 8: (0.983, 0.024), 10: (0.989, 0.019)},
}


def script(*words: object) -> subprocess.CompletedProcess:
    environment = os.environ | {
        "EMOSEQ_ROOT": str(ROOT),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    }
    command = [sys.executable, str(ROOT / "local" / "make_corpus.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    """Two recordings of 10 s in each set."""
    folder = tmp_path_factory.mktemp("made") / "corpus"
    done = script(*TINY, folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"local/make_corpus.py: wrote 6 recordings of 10 s to {folder}\n"
    return folder


@cache
def draw(seconds: int, seed: int) -> tuple:
    """Nine recordings in each set."""
    return tuple(make_corpus.draw_recordings(seconds=seconds, seed=seed, recordings=9))


@cache
def draw_gold(seconds: int, seed: int, dimension: str) -> tuple:
    """Gold standards without the row at time 0."""
    return tuple(compute_gold_standard(r.ratings[dimension])[1:] for r in draw(seconds, seed))


@cache
def find_centers(seconds: int, seed: int, dimension: str) -> dict[int, np.ndarray]:
    """Cluster means of train and dev, of values rounded to 0.001: the same to the digits that count, and quick."""
    pool = np.concatenate(draw_gold(seconds, seed, dimension)[:18])
    values, counts = np.unique(np.round(pool, 3), return_counts=True)
    return {
        clusters: np.sort(
            KMeans(clusters, n_init=10, random_state=0)
            .fit(values[:, None], sample_weight=counts)
            .cluster_centers_[:, 0]
        )
        for clusters in TABLE_1[dimension]
    }


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "corpus.json"
    }


def ratings_of(corpus: Path, dimension: str, name: str) -> np.ndarray:
    path = corpus / "ratings_individual" / dimension / f"{name}.csv"
    return np.genfromtxt(path, delimiter=";", skip_header=1)


def gold_of(corpus: Path, dimension: str, name: str) -> dict:
    with open(corpus / "ratings_gold_standard" / dimension / f"{name}.arff") as stream:
        return arff.load(stream)


def test_files_are_those_of_the_avec_package(corpus):
    labels = [
        f"{kind}/{dimension}/{name}.{suffix}"
        for kind, suffix in (("ratings_individual", "csv"), ("ratings_gold_standard", "arff"))
        for dimension in DIMENSIONS
        for name in NAMES
    ]
    assert set(content(corpus)) == {f"recordings_audio/{name}.wav" for name in NAMES} | set(labels)


def test_ratings_are_written_as_avec_does(corpus):
    text = (corpus / "ratings_individual/arousal/dev_2.csv").read_bytes().decode("ascii")
    header, *rows = text.removesuffix("\n").split("\n")
    assert header == "time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3"
    assert [row.split(";")[0] for row in rows] == [f"{number * 0.04:.2f}" for number in range(251)]
    assert all(re.fullmatch(r"\d+\.\d\d(;-?[01]\.\d\d){6}", row) for row in rows)
    assert "-0.00" not in text
    assert np.abs(ratings_of(corpus, "arousal", "dev_2")[:, 1:]).max() <= 1


def test_gold_standard_is_written_as_avec_does(corpus):
    text = (corpus / "ratings_gold_standard/valence/train_1.arff").read_bytes().decode("ascii")
    assert text.startswith(
        "@relation GOLDSTANDARD\n\n@attribute Instance_name string\n@attribute frameTime numeric\n"
        "@attribute GoldStandard numeric\n\n@data\ntrain_1,0,"
    )
    rows = text.split("@data\n")[1].removesuffix("\n").split("\n")
    assert all(re.fullmatch(r"train_1,[\d.]+,-?\d\.\d{6}", row) for row in rows)
    times = [row.split(",")[1] for row in rows]
    assert times[:3] + times[24:28] + times[-1:] == ["0", "0.04", "0.08", "0.96", "1", "1.04", "1.08", "10"]
    content = gold_of(corpus, "valence", "train_1")
    assert content["relation"] == "GOLDSTANDARD"
    assert len(content["data"]) == 251


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("name", NAMES)
def test_gold_standard_follows_from_the_ratings(corpus, dimension, name):
    written = [row[2] for row in gold_of(corpus, dimension, name)["data"]]
    np.testing.assert_array_equal(written, compute_gold_standard(ratings_of(corpus, dimension, name)[:, 1:]))


@pytest.mark.parametrize("name", NAMES)
def test_audio_has_the_rate_and_the_length_of_recola(corpus, name):
    path = corpus / "recordings_audio" / f"{name}.wav"
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (44100, 1, "PCM_16", 441000)
    samples, _ = soundfile.read(path, dtype="int16")
    assert 2000 < np.abs(samples.astype(int)).max() < 32767


def test_bytes_depend_on_the_seed_alone(corpus, tmp_path):
    make_corpus.write_corpus(tmp_path / "same", seconds=10, seed=1, recordings=2, processes=1)
    assert content(tmp_path / "same") == content(corpus)
    make_corpus.write_corpus(tmp_path / "other", seconds=10, seed=2, recordings=2)
    other = content(tmp_path / "other")
    assert not [path for path, data in content(corpus).items() if other[path] == data]


LENGTHS_AND_SEEDS = [
    (seconds, seed, dimension) for seconds in (60, 300) for seed in (1, 2, 3) for dimension in DIMENSIONS
]


@pytest.mark.parametrize(("seconds", "seed", "dimension"), LENGTHS_AND_SEEDS)
def test_labels_reconstruct_as_in_table_1(seconds, seed, dimension):
    pool = np.concatenate(draw_gold(seconds, seed, dimension)[:18])
    measured = []
    for means in find_centers(seconds, seed, dimension).values():
        quantised = means[np.searchsorted((means[1:] + means[:-1]) / 2, pool)]
        measured.append((concordance(quantised, pool), np.sqrt(np.mean((quantised - pool) ** 2))))
    tolerance = {60: 0.02, 300: 0.005}[seconds]
    np.testing.assert_allclose(measured, list(TABLE_1[dimension].values()), rtol=0, atol=tolerance)


def test_traces_are_measured_as_by_hand():
    # A hold of 0.4 s, stairs of two frames a step (one movement), a hold of 0.32 s.
    trace = np.array([0.0] * 11 + [0.01, 0.01, 0.02, 0.02, 0.03] + [0.03] * 8)
    assert list_holds(trace) == [0.4, 0.32]
    assert share_still(trace) == pytest.approx(18 / 23)
    assert np.multiply(list_speeds(trace), np.std(trace)) == pytest.approx([0.25, 0.125, 0.125, 0.125, 0.125])
    assert count_regions([0, 0.1, 0.9, 1, 0.2], [0, 1]) == 3
    assert share_between([np.array([1.0, 3.0]), np.array([-1.0, -3.0])]) == pytest.approx(4 / 5)
    emotion = np.sin(np.arange(500) ** 1.5 / 100)
    assert find_delay(np.append(np.zeros(50), emotion[:-50]), emotion) == 2


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_raters_hold_and_ramp_as_people(seed, dimension):
    facts = describe_raters([r.ratings[dimension] for r in draw(60, seed)])
    people = {
        "still": (0.81, 0.05),
        "still, 10 %": (0.62, 0.17),
        "still, 90 %": (0.93, 0.03),
        "hold": (0.8, 0.5),
        "hold, 90 %": (4.3, 1.8),
        "speed": (0.6, 0.3),
        "step, 90 %": (5, 1.5),
    }
    for fact, (value, tolerance) in people.items():
        assert facts[fact] == pytest.approx(value, abs=tolerance), fact


@pytest.mark.parametrize(("seconds", "seed", "dimension"), LENGTHS_AND_SEEDS)
def test_gold_standard_holds_as_that_of_people(seconds, seed, dimension):
    gold = draw_gold(seconds, seed, dimension)
    centers = find_centers(seconds, seed, dimension)
    facts = describe_gold(gold, [centers[4], centers[10]])
    people = {
        "gold still": (0.5, 0.18),
        "regions, K = 4": (9.5, 3),
        "regions, K = 10": (24.5, 6),
        "between": (0.3, 0.1),
    }
    for fact, (value, tolerance) in people.items():
        assert facts[fact] == pytest.approx(value, abs=tolerance), fact


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_delay_of_a_rater_varies_around_a_mean_of_its_own(seed):
    delays = np.array(
        [[find_delay(trace, r.emotion[:, 0]) for trace in r.ratings["arousal"].T] for r in draw(300, seed)]
    )
    means = np.median(delays, axis=0)
    assert 0.5 < means.min() < means.min() + 0.8 < means.max() < 5
    assert 0.2 < np.median(np.std(delays, axis=0)) < 0.7


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_recordings_of_every_set_have_the_same_levels(dimension):
    emotion = np.stack([r.emotion[:, DIMENSIONS.index(dimension)] for r in draw(60, 1)])
    np.testing.assert_allclose(emotion.std(axis=1), 1)
    levels = np.sort(emotion.mean(axis=1).reshape(3, 9))
    np.testing.assert_allclose(levels, np.broadcast_to(levels[0], (3, 9)), atol=1e-12)
    # Quantiles of a Gaussian: the outer ones of nine lie 1.593 standard deviations from the middle one.
    np.testing.assert_allclose(levels[0, [0, 4, 8]], np.multiply([-1.593, 0, 1.593], 0.6), atol=0.001)


def test_raters_agree_more_on_arousal():
    arousal, valence = (
        describe_raters([r.ratings[dimension] for r in draw(60, 1)])["agreement"] for dimension in DIMENSIONS
    )
    assert 0.4 < valence < arousal < 0.9


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_gold_standard_follows_the_emotion_some_seconds_later(dimension):
    column = DIMENSIONS.index(dimension)
    gold = np.stack(draw_gold(60, 1, dimension))
    emotion = np.stack([r.emotion[1:, column] for r in draw(60, 1)])
    gold, emotion = (series - series.mean(axis=1, keepdims=True) for series in (gold, emotion))
    correlation = [np.corrcoef(emotion[:, : 1500 - lag].ravel(), gold[:, lag:].ravel())[0, 1] for lag in range(126)]
    assert 1.5 < np.argmax(correlation) / 25 < 3.5
    assert max(correlation) > 0.85


def test_shaping_keeps_holds_and_the_order_of_values():
    rng = np.random.default_rng(0)
    traces = [np.repeat(rng.normal(0, 0.3, (50, 1)) + rng.normal(0, 0.1, (50, 6)), 10, axis=0) for _ in range(4)]
    shaped, others = raters.shape_marginal(traces[:3], traces[3:], raters.Marginal(deviation=0.1, shape=2))
    for before, after in zip(traces, shaped + others, strict=True):
        assert not np.diff(after.reshape(50, 10, 6), axis=1).any()
        assert (np.diff(after.ravel()[before.ravel().argsort()]) >= 0).all()
    assert np.std([compute_gold_standard(traces) for traces in shaped]) == pytest.approx(0.1, abs=0.003)


@pytest.mark.parametrize(("seconds", "recordings"), [(5, 1), (7, 3)])
def test_smallest_corpora_have_labels(seconds, recordings):
    for seed in range(20):
        for recording in make_corpus.draw_recordings(seconds=seconds, seed=seed, recordings=recordings):
            for ratings in recording.ratings.values():
                assert ratings.shape == (seconds * 25 + 1, 6)
                assert np.abs(ratings).max() <= 1
                assert np.ptp(compute_gold_standard(ratings)) > 0


def say(number: int, *, arousal: float = 0, valence: float = 0) -> parselmouth.Sound:
    """Half a minute of one speaker in one mood without background noise; the sentences do not depend on it."""
    rng = np.random.default_rng(5)
    speaker = speech.draw_speaker(rng, number)
    quiet = speech.Speaker(**{**vars(speaker), "level": -40, "snr": 60})
    emotion = np.tile([arousal, valence], (751, 1)).astype(float)
    return parselmouth.Sound(speech.render(rng, quiet, emotion) / 32768, speech.SAMPLE_RATE)


def semitones(sound: parselmouth.Sound) -> np.ndarray:
    """Pitch of the voiced frames."""
    pitch = sound.to_pitch(time_step=0.01, pitch_floor=60, pitch_ceiling=450).selected_array["frequency"]
    return 12 * np.log2(pitch[pitch > 0])


@pytest.mark.parametrize("number", [0, 1, 5, 6])
def test_arousal_raises_the_pitch(number):
    rise = np.median(semitones(say(number, arousal=1))) - np.median(semitones(say(number, arousal=-1)))
    assert rise == pytest.approx(2 * speech.EFFECTS.arousal_pitch * 12 / np.log(2), abs=1)


@pytest.mark.parametrize("number", [0, 1, 5, 6])
def test_valence_widens_the_pitch_range_and_leaves_the_pitch(number):
    low, high = semitones(say(number, valence=-1)), semitones(say(number, valence=1))
    assert np.subtract(*np.quantile(high, [0.9, 0.1])) > 1.2 * np.subtract(*np.quantile(low, [0.9, 0.1]))
    assert np.median(high) == pytest.approx(np.median(low), abs=1)


def test_valence_raises_the_formants():
    steps = np.arange(np.log(400), np.log(6000), 0.01)

    def shape(sound: parselmouth.Sound) -> np.ndarray:
        """Long-term spectrum in dB over the logarithm of the frequency, without its slope."""
        frequencies, power = scipy.signal.welch(sound.values[0], speech.SAMPLE_RATE, nperseg=1024)
        level = np.interp(steps, np.log(np.maximum(frequencies, 1)), 10 * np.log10(power))
        return scipy.signal.detrend(level)

    low, high = shape(say(1, valence=-2)), shape(say(1, valence=2))
    shifts = range(-30, 31)
    alike = [np.corrcoef(low[40:-40], high[40 + shift : len(high) - 40 + shift])[0, 1] for shift in shifts]
    rise = shifts[int(np.argmax(alike))] * 0.01
    # The harmonics of the voice, which do not move, hold the spectrum back a little.
    assert rise == pytest.approx(4 * speech.EFFECTS.valence_formants, abs=0.06)


def test_pitch_follows_the_emotion_behind_the_ratings(corpus):
    heard, felt = [], []
    for recording in make_corpus.draw_recordings(seconds=10, seed=1, recordings=2):
        sound = parselmouth.Sound(str(corpus / "recordings_audio" / f"{recording.name}.wav"))
        track = sound.to_pitch(time_step=0.04, pitch_floor=60, pitch_ceiling=450)
        pitch = track.selected_array["frequency"]
        voiced = np.log(pitch[pitch > 0])
        heard.append(voiced - voiced.mean())
        emotion = np.interp(track.xs()[pitch > 0], np.arange(251) / 25, recording.emotion[:, 0])
        felt.append(emotion - emotion.mean())
    assert np.corrcoef(np.concatenate(heard), np.concatenate(felt))[0, 1] > 0.3


def test_second_call_finds_the_corpus_up_to_date(corpus):
    before = {path: path.stat().st_mtime_ns for path in corpus.rglob("*")}
    done = script(*TINY, corpus)
    assert (done.returncode, done.stderr) == (0, f"local/make_corpus.py: {corpus}: up to date\n")
    assert {path: path.stat().st_mtime_ns for path in corpus.rglob("*")} == before


def test_other_arguments_replace_a_corpus_and_lost_files_are_written_again(tmp_path):
    folder = tmp_path / "corpus"
    smallest = ["--seconds=5", "--recordings=1"]
    assert make_corpus.main([*smallest, "--seed=3", str(folder)]) == 0
    before = content(folder)
    (folder / "recordings_audio" / "dev_1.wav").unlink()
    assert make_corpus.main([*smallest, "--seed=3", str(folder)]) == 0
    assert content(folder) == before
    assert make_corpus.main([*smallest, "--seed=4", str(folder)]) == 0
    assert content(folder).keys() == before.keys()
    assert content(folder) != before
    assert json.loads((folder / "corpus.json").read_text())["seed"] == 4
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("foreign", ["notes.txt", "corpus.json"])
def test_foreign_folders_are_left_alone(tmp_path, foreign):
    (tmp_path / foreign).write_text("[1]\n")
    done = script(*TINY, tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(rf"local/make_corpus\.py: {tmp_path} is .*\n", done.stderr)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(foreign, "[1]\n")]


@pytest.mark.parametrize(
    ("option", "value"), [("--seconds", "4"), ("--recordings", "0"), ("--seed", "-1"), ("--seconds", "1.5")]
)
def test_wrong_arguments_are_named(tmp_path, capsys, option, value):
    with pytest.raises(SystemExit) as stop:
        make_corpus.main([option, value, str(tmp_path / "corpus")])
    assert stop.value.code == 2
    assert f"argument {option}: '{value}' is not a whole number" in capsys.readouterr().err
    assert not (tmp_path / "corpus").exists()
