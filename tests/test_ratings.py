"""From ratings to gold standards and findings, in data directories of any raters and dimensions."""

import sys

import kaldiio
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, assert_one_line_error, step
from people import RATE, rate_like_people

from emoseq.io.archive import write_scp
from emoseq.io.datadir import write_table

sys.path.insert(0, str(ROOT / "local"))

import make_corpus

GOLD, CHECK = "steps/make_gold_standard.py", "utils/check_ratings.py"
NAN = np.nan


def write_data(data, ratings, raters=None, dimension="arousal"):
    """A data directory with ratings and the number of frames that features would have."""
    data.mkdir(parents=True, exist_ok=True)
    with open(data.parent / "dimensions", "a") as stream:
        stream.write(f"{dimension}\n")
    write_table(data / "wav.scp", {utt: f"{utt}.wav" for utt in ratings})
    write_table(data / "utt2num_frames", {utt: str(len(traces)) for utt, traces in ratings.items()})
    (data / "frame_shift").write_text("0.040\n")
    write_scp(data / f"ratings.{dimension}", {utt: np.float32(ratings[utt]) for utt in sorted(ratings)})
    if raters:
        write_table(data / f"raters.{dimension}", {utt: " ".join(names) for utt, names in raters.items()})
    return data


def read_gold(data, dimension="arousal"):
    return dict(kaldiio.load_scp(str(data / f"{dimension}.scp")))


def run_step(*words):
    done = step(*words)
    assert done.returncode == 0, done.stderr
    return done


def various_raters():
    """Five raters in one recording, one in another and two who share some frames in the third."""
    many, single, few = rate_like_people(1, seconds=60).values()
    many[:50] = NAN
    few[:200, 0] = NAN
    few[1300:, 1] = NAN
    few = few[:, [0, 1]]
    return {"a": many, "b": single[:, :1], "c": few}


def test_raters_may_differ_and_leave_frames_out(tmp_path):
    ratings = various_raters()
    data = write_data(tmp_path / "train", ratings, dimension="dominance")
    done = run_step(GOLD, "--gold-from", "mean", data)
    gold = read_gold(data, "dominance")
    assert all(series.dtype == np.float32 for series in gold.values())
    for utt, traces in ratings.items():
        rated = np.isfinite(traces)
        counts = rated.sum(axis=1)
        sums = np.where(rated, traces, 0).sum(axis=1)
        expected = np.where(counts, sums / np.maximum(counts, 1), NAN)
        np.testing.assert_allclose(gold[utt], expected, atol=1e-6)
    assert "2.0 s unrated" in done.stderr
    assert "1 to 5 raters per recording" in done.stderr
    assert "2.0 s without a rating" in done.stderr


@pytest.mark.parametrize("method", ["avec", "ewe", "median"])
def test_every_method_takes_such_ratings(tmp_path, method):
    data = write_data(tmp_path / "train", various_raters())
    run_step(GOLD, "--gold-from", method, data)
    unrated = {utt: int(np.isnan(series).sum()) for utt, series in read_gold(data).items()}
    assert unrated == {"a": 50, "b": 0, "c": 0}


def test_a_gold_standard_outside_the_ratings_is_one_line(tmp_path):
    course = np.sin(np.arange(200) / 9)
    ratings = {"dev_1": np.stack([0.4 * course, 0.4 * course + 0.2, -0.1 * course], axis=1)}
    data = write_data(tmp_path / "dev", ratings)
    done = step(GOLD, "--gold-from", "avec", data)
    assert_one_line_error(done, "arousal.scp: dev_1: ", "from -0.4 to 0.6", "--gold-from=mean")
    assert not (data / "arousal.scp").exists()
    run_step(GOLD, "--gold-from", "mean", data)


def test_raters_are_aligned_on_request_and_their_shifts_logged(tmp_path):
    ratings = rate_like_people(2, recordings=2, raters=2)
    course = ratings["rec_1"][:, 0]
    late = np.r_[np.zeros(25, np.float32), course[:-25]]
    raters = {"a": ["ann", "bob", "cy"]}
    data = write_data(tmp_path / "train", {"a": np.stack([course, course, late], axis=1)}, raters)
    done = run_step(GOLD, "--gold-from", "mean", "--align-raters", "2", data)
    assert "a: ann not shifted, bob not shifted, cy 1.00 s earlier" in done.stderr
    np.testing.assert_allclose(read_gold(data)["a"], course, atol=1e-6)
    done = run_step(GOLD, "--gold-from", "mean", data)
    assert "shifted" not in done.stderr
    assert abs(read_gold(data)["a"] - course).max() > 0.01


def test_dimensions_without_a_list_are_one_line(tmp_path):
    data = write_data(tmp_path / "train", various_raters())
    (tmp_path / "dimensions").unlink()
    assert_one_line_error(step(GOLD, data), "dimensions does not exist")
    assert_one_line_error(step(CHECK, data), "dimensions does not exist")


def damaged_corpus():
    """One stuck, one inverted and one late trace, in three recordings of five raters."""
    ratings = rate_like_people(1)
    stuck, inverted, late = ratings.values()
    stuck[40 * RATE : 140 * RATE, 1] = stuck[40 * RATE, 1]
    inverted[:, 3] *= -1
    late[:, 0] = np.r_[np.zeros(35 * RATE, np.float32), late[35 * RATE :, 0]]
    return ratings


def test_stuck_inverted_and_late_traces_are_listed_and_nothing_else(tmp_path):
    ratings = damaged_corpus()
    names = ["ann", "bob", "cy", "dee", "eve"]
    data = write_data(tmp_path / "train", ratings, dict.fromkeys(ratings, names))
    done = run_step(CHECK, data)
    table, _, findings = done.stdout.rpartition("\n\n")
    marked = [line.split()[:2] for line in table.splitlines() if line.endswith(" <")]
    assert marked == [["rec_1", "bob"], ["rec_2", "dee"], ["rec_3", "ann"]]
    listed = findings.splitlines()
    assert len(listed) == 3
    assert listed[0].startswith("arousal: rec_1: bob stays at ")
    assert listed[1].startswith("arousal: rec_2: dee runs against the other raters")
    assert listed[2] == "arousal: rec_3: ann does not move before 35.0 s"
    written = pd.read_csv(data / "check_ratings/ratings.csv")
    assert written.shape[0] == 15
    assert written.findings.count() == 3
    assert written[written.rater == "ann"].late_start.iloc[-1] == pytest.approx(35)
    assert (data / "check_ratings/arousal.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert (data / "check_ratings/arousal.pdf").read_bytes()[:5] == b"%PDF-"
    said = run_step(GOLD, "--gold-from", "mean", data).stderr
    assert f"findings: 3, see utils/check_ratings.py {data}" in said


def test_raters_who_are_stuck_inverted_and_late_in_every_recording_are_listed_and_nobody_else(tmp_path):
    ratings = rate_like_people(31, raters=6)
    for traces in ratings.values():
        traces[40 * RATE :, 1] = traces[40 * RATE, 1]
        traces[:, 3] *= -1
        traces[:, 0] = np.r_[np.zeros(6 * RATE, np.float32), traces[: -6 * RATE, 0]]
    names = ["ann", "bob", "cy", "dee", "eve", "flo"]
    data = write_data(tmp_path / "train", ratings, dict.fromkeys(ratings, names))
    listed = run_step(CHECK, data).stdout.rpartition("\n\n")[2].splitlines()
    assert [line.split()[1:3] for line in listed[:3]] == [[f"rec_{i}:", "bob"] for i in (1, 2, 3)]
    assert listed[3].startswith("arousal: ann: reacts ")
    assert " s later than the other raters, in " in listed[3]
    assert listed[4].startswith("arousal: dee: runs against the other raters")
    assert len(listed) == 5
    written = pd.read_csv(data / "check_ratings/ratings.csv")
    assert set(written.rater[written.findings.notna()]) == {"ann", "bob", "dee"}


def test_raters_without_names_are_numbered(tmp_path):
    data = write_data(tmp_path / "train", damaged_corpus())
    assert "arousal: rec_2: R4 runs against" in run_step(CHECK, data).stdout


@pytest.mark.parametrize(("seconds", "recordings"), [(10, 2), (60, 1)])
def test_nothing_looks_wrong_in_the_embedded_corpus(tmp_path, seconds, recordings):
    """10 s and two recordings a set are those of tests/conf."""
    corpus = make_corpus.draw_recordings(seconds=seconds, seed=1, recordings=recordings)
    for dimension in ("arousal", "valence"):
        data = write_data(
            tmp_path / "train", {rec.name: rec.ratings[dimension][1:] for rec in corpus}, dimension=dimension
        )
    assert run_step(CHECK, data).stdout.endswith("\n\nNothing looks wrong.\n")
    said = run_step(GOLD, "--gold-from", "mean", data).stderr
    assert said.count("6 raters per recording, mean CCC of two raters 0.") == 2
    assert "check_ratings" not in said


def test_names_that_do_not_fit_the_columns_are_one_line(tmp_path):
    data = write_data(tmp_path / "train", {"a": np.ones((100, 2))}, {"a": ["ann", "ann"]})
    assert_one_line_error(step(CHECK, data), "raters.arousal: a: 1 different names", "2 columns")
    assert_one_line_error(step(GOLD, data), "raters.arousal: a: 1 different names", "2 columns")


def test_a_set_without_ratings_is_one_line(tmp_path):
    data = tmp_path / "train"
    data.mkdir()
    (tmp_path / "dimensions").write_text("arousal\n")
    assert_one_line_error(step(CHECK, data), "holds no ratings.<dimension>.scp")


def test_a_frame_shift_of_another_rate_is_read(tmp_path):
    data = write_data(tmp_path / "train", {"a": np.c_[np.arange(100.0), np.arange(100.0)]})
    (data / "frame_shift").write_text("0.500\n")
    run_step(CHECK, data)
    assert pd.read_csv(data / "check_ratings/ratings.csv").seconds.tolist() == [50, 50]
    (data / "frame_shift").write_text("none\n")
    assert_one_line_error(step(CHECK, data), "frame_shift: not a positive number")
