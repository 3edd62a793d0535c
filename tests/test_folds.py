"""Cross-validation: the draw of folds, their data directories, and runs on them against runs by hand."""

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, assert_one_line_error, recipe, step
from own_corpus import Row, write_conf, write_corpus
from series import direct_ccc

from emoseq import SETS, DataError
from emoseq.io.archive import Scp, read, write_scp
from emoseq.io.datadir import list_contents, read_table, subset, write_table
from emoseq.recipe.folds import check_folds, choose_set, draw_folds


@pytest.mark.parametrize("seed", range(5))
def test_folds_are_about_equally_long_and_none_is_empty(seed):
    seconds = {f"s{i}": 60.0 + 7 * (i % 5) for i in range(23)}
    folds = draw_folds(seconds, 5, seed)
    lasts = np.array([sum(seconds[name] for name in folds if folds[name] == i) for i in range(1, 6)])
    assert folds.keys() == seconds.keys()
    assert lasts.min() > 0
    assert np.ptp(lasts) <= max(seconds.values())
    assert folds == draw_folds(dict(reversed(seconds.items())), 5, seed)


def test_the_seed_changes_the_draw():
    seconds = {f"s{i}": 60.0 for i in range(9)}
    assert len({tuple(sorted(draw_folds(seconds, 3, seed).items())) for seed in range(5)}) == 5


def test_as_many_folds_as_speakers_leave_one_speaker_out():
    assert sorted(draw_folds({"a": 1.0, "b": 100.0, "c": 3.0, "d": 9.0}, 4, 1).values()) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("count", "speakers", "message"),
    [
        (2, 9, "at least 3 are needed"),
        (5, 4, "4 speakers with ratings; choose 3 to 4 folds"),
        (3, 2, "3 speakers with ratings are needed, not 2; add speakers"),
    ],
)
def test_too_few_folds_or_speakers_are_refused(count, speakers, message):
    with pytest.raises(DataError, match=f"--folds {count}: .*{message}"):
        draw_folds({f"s{i}": 1.0 for i in range(speakers)}, count, 1)


@pytest.mark.parametrize("count", [3, 5])
def test_every_fold_is_tested_once_and_chosen_on_once(count):
    sets = [[choose_set(fold, tested, count) for fold in range(1, count + 1)] for tested in range(1, count + 1)]
    for row in [*sets, *map(list, zip(*sets, strict=True))]:
        assert sorted(row) == ["dev", "test"] + ["train"] * (count - 2)


@pytest.fixture
def sources(tmp_path):
    """Two data directories; the second has raters and two recordings of one file."""
    for name, utterances in (("a", ["a-1", "b-1"]), ("b", ["c-1", "c-2"])):
        folder = tmp_path / name
        folder.mkdir()
        write_table(folder / "wav.scp", {f"file{name}": f"{name}.wav"})
        write_table(folder / "segments", {utt: f"file{name} {i} {i + 1}" for i, utt in enumerate(utterances)})
        write_table(folder / "utt2spk", {utt: utt[0] for utt in utterances})
        write_scp(folder / "arousal", {utt: np.zeros(3, np.float32) for utt in utterances})
        write_scp(folder / "feats", {utt: np.zeros((3, 2), np.float32) for utt in utterances})
        (folder / "frame_shift").write_text("0.100\n")
        (folder / "fbank.conf").write_text("--stack=10\n")
    write_table(tmp_path / "b" / "raters.arousal", {"c-1": "x y", "c-2": "z"})
    return [tmp_path / "a", tmp_path / "b"]


def test_a_subset_has_the_entries_of_its_utterances(sources, tmp_path):
    target = tmp_path / "fold"
    subset(sources, ["c-2", "b-1"], target, without=["arousal.scp"])
    assert read_table(target / "utt2spk") == {"b-1": "b", "c-2": "c"}
    assert read_table(target / "spk2utt") == {"b": "b-1", "c": "c-2"}
    assert read_table(target / "wav.scp") == {"filea": "a.wav", "fileb": "b.wav"}
    assert read_table(target / "segments") == {"b-1": "filea 1 2", "c-2": "fileb 1 2"}
    assert read_table(target / "raters.arousal") == {"c-2": "z"}
    assert (target / "fbank.conf").read_text() == "--stack=10\n"
    assert not (target / "arousal.scp").exists()
    assert [path.name for path in list_contents(target)] == sorted(
        ["feats.scp", "fbank.conf", "frame_shift", "raters.arousal", "segments", "utt2spk", "wav.scp"]
    )
    subset(sources, ["b-1"], target, without=["arousal.scp"])
    assert not (target / "raters.arousal").exists()
    assert read_table(target / "wav.scp") == {"filea": "a.wav"}


def test_a_subset_keeps_what_another_step_has_made_there(sources, tmp_path):
    target = tmp_path / "fold"
    subset(sources, ["a-1"], target, without=["arousal.scp"])
    write_scp(target / "arousal", {"a-1": np.ones(3, np.float32)})
    times = {path: path.stat().st_mtime_ns for path in target.iterdir()}
    subset(sources, ["a-1"], target, without=["arousal.scp"])
    assert {path: path.stat().st_mtime_ns for path in target.iterdir()} == times


def test_sets_that_do_not_go_together_are_refused(sources, tmp_path):
    (sources[1] / "fbank.conf").write_text("--stack=4\n")
    with pytest.raises(DataError, match=r"b/fbank\.conf: not what .*a/fbank\.conf says; run stage 1 again"):
        subset(sources, ["a-1"], tmp_path / "fold")
    (sources[1] / "fbank.conf").write_text("--stack=10\n")
    write_table(sources[1] / "wav.scp", {"filea": "other.wav", "fileb": "b.wav"})
    with pytest.raises(DataError, match=r"b/wav\.scp: filea: another set has a\.wav; rename"):
        subset(sources, ["a-1"], tmp_path / "fold")


def test_folds_of_another_draw_are_not_gone_on_with(sources, tmp_path):
    (tmp_path / "dimensions").write_text("arousal\n")
    sources[0].rename(tmp_path / "train")
    sources[1].rename(tmp_path / "dev")
    for name in ("train", "dev"):
        source = tmp_path / name
        seconds = dict.fromkeys(read_table(source / "utt2spk"), "30")
        write_table(source / "utt2num_frames", seconds)
        write_scp(source / "ratings.arousal", {utt: np.zeros((30, 2), np.float32) for utt in seconds})
    with pytest.raises(DataError, match=r"folds is missing.*run --folds 3 --stage 2 first"):
        check_folds(tmp_path, 3, 1)
    drawn = {seed: draw_folds({"a": 3.0, "b": 3.0, "c": 6.0}, 3, seed) for seed in range(1, 9)}
    other = next(seed for seed in drawn if drawn[seed] != drawn[1])
    write_table(tmp_path / "folds", {speaker: str(fold) for speaker, fold in drawn[1].items()})
    check_folds(tmp_path, 3, 1)
    with pytest.raises(DataError, match=r"3 folds, not 4: run --folds 4 --stage 2 first, or --folds 3"):
        check_folds(tmp_path, 4, 1)
    with pytest.raises(DataError, match=rf"not the draw of --seed={other} .*run --folds 3 --stage 2 first"):
        check_folds(tmp_path, 3, other)


SPEAKERS = ["ada", "ben", "ben", "cora", "dan", "eva"]
SECONDS = [14, 10, 8, 12, 12, 10]


@pytest.fixture(scope="module")
def folded(tmp_path_factory):
    """A run with three folds on six recordings of five speakers; the second recording is of another's speaker."""
    folder = tmp_path_factory.mktemp("folded")
    rows = [Row(seconds, name) for seconds, name in zip(SECONDS, SPEAKERS, strict=True)]
    write_corpus(folder / "corpus", rows)
    write_conf(folder / "conf")
    return folder, run_in(folder, "--folds", 3, "--stop-stage", 7)


def run_in(folder, *arguments):
    paths = ["--corpus", folder / "corpus", "--conf", folder / "conf", "--data", folder / "data"]
    script = ROOT / "egs/csv/run.sh"
    done = recipe(*paths, "--exp", folder / "exp", "--nj", 2, *arguments, script=script, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_no_speaker_is_in_two_folds_and_all_recordings_are_tested_once(folded):
    folder, _ = folded
    tested = []
    for i in (1, 2, 3):
        speakers = {name: set(read_table(folder / f"data/fold_{i}/{name}/utt2spk").values()) for name in SETS}
        assert sum(len(names) for names in speakers.values()) == len(set.union(*speakers.values())) == 5
        tested += read_table(folder / f"data/fold_{i}/test/utt2spk")
    assert len(tested) == len(set(tested)) == 6


def test_each_fold_is_the_run_by_hand_with_these_sets(folded, tmp_path):
    folder, _ = folded
    fold = folder / "data/fold_2"
    sets = {speaker: name for name in SETS for speaker in read_table(fold / name / "utt2spk").values()}
    rows = [Row(seconds, name, sets[name]) for seconds, name in zip(SECONDS, SPEAKERS, strict=True)]
    write_corpus(tmp_path / "corpus", rows)
    write_conf(tmp_path / "conf")
    run_in(tmp_path, "--stop-stage", 7)
    for name in ("dev", "test"):
        mine = dict(Scp(folder / f"exp/fold_2/liking/predict_{name}/CLS-Decoded.scp"))
        theirs = dict(Scp(tmp_path / f"exp/liking/predict_{name}/CLS-Decoded.scp"))
        assert mine.keys() == theirs.keys()
        for utt, series in mine.items():
            np.testing.assert_array_equal(series, theirs[utt])
    ours, by_hand = (where / "results.csv" for where in (folder / "exp/fold_2", tmp_path / "exp"))
    assert ours.read_text() == by_hand.read_text()


def test_scores_are_pooled_over_all_recordings(folded):
    folder, output = folded
    table = pd.read_csv(folder / "exp/results.csv")
    for name in ("dev", "test"):
        series, gold = {}, {}
        for i in (1, 2, 3):
            series |= dict(read(f"scp:{folder}/exp/fold_{i}/liking/predict_{name}/CLS-Decoded.scp"))
            gold |= dict(read(f"scp:{folder}/data/fold_{i}/{name}/liking.scp"))
        x, y = (np.concatenate([part[utt] for utt in sorted(gold)]).astype(float) for part in (series, gold))
        rated = ~np.isnan(y)
        row = table[(table.system == "CLS-Decoded") & (table["set"] == name)].iloc[0]
        assert row.ccc == pytest.approx(direct_ccc(x[rated], y[rated]), abs=1e-6)
        assert row.rmse == pytest.approx(np.sqrt(np.mean((x - y)[rated] ** 2)), abs=1e-6)
        assert (row.utterances, row.frames) == (6, 10 * sum(SECONDS) - 6 * 25)
    text = (folder / "exp/RESULTS.md").read_text()
    assert "the recordings of 3 folds are scored together" in text
    assert text in output


def test_a_second_run_on_folds_does_nothing(folded):
    folder, _ = folded
    again = run_in(folder, "--folds", 3, "--stop-stage", 7)
    working = [line for line in again.splitlines() if "steps/" in line and "up to date" not in line]
    assert [line for line in working if not line.endswith((" jobs", " models")) and "(Table 1)" not in line] == []


def test_a_dry_run_lists_the_steps_of_each_fold(folded):
    folder, _ = folded
    again = run_in(folder, "--folds", 3, "--stage", 6, "--stop-stage", 7, "--dry-run")
    assert "fold 3 of 3" in again
    assert "would run" not in again
    planned = run_in(folder, "--folds", 4, "--stop-stage", 3, "--dry-run")
    assert "data/folds: would run (missing" in planned
    assert "fold 4 of 4: would run (missing:" in planned
    assert not (folder / "data/fold_4").exists()


def test_a_later_stage_wants_the_folds_that_it_is_told(folded):
    folder, _ = folded
    paths = ["--conf", folder / "conf", "--data", folder / "data", "--exp", folder / "exp"]
    script = ROOT / "egs/csv/run.sh"
    done = recipe(*paths, "--folds", 4, "--stage", 5, script=script, cwd=folder)
    assert_one_line_error(done, "data/folds: 3 folds, not 4")
    done = recipe(*paths, "--folds", 2, script=script, cwd=folder)
    assert_one_line_error(done, "--folds 2: at least 3 are needed")


def test_recordings_without_ratings_are_in_no_fold(folded, tmp_path):
    folder, _ = folded
    for name in SETS:
        source = folder / "data" / name
        subset([source], list(read_table(source / "utt2spk")), tmp_path / name)
    (tmp_path / "dimensions").write_text("liking\n")
    table = read_table(tmp_path / "train/ratings.liking.scp")
    left_out = table.popitem()[0]
    write_table(tmp_path / "train/ratings.liking.scp", table)
    done = step("steps/make_folds.py", 3, tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"left out of all folds for lack of ratings: {left_out}" in done.stderr
    assert "5 recordings of" in done.stderr
