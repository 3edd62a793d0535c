"""Baselines: their options and jobs, and each of them from features to series on a corpus of numbers."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import kaldiio
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, step

from emoseq import DataError
from emoseq.baselines.options import (
    BASELINES,
    BaselineJob,
    BaselineOptions,
    BradyOptions,
    PovolnyOptions,
    ValstarOptions,
    plan_baselines,
)
from emoseq.baselines.recording import read_recordings
from emoseq.baselines.system import load_baseline
from emoseq.features.fbank import compute_cmvn_statistics
from emoseq.metrics import ccc_and_rmse
from emoseq.recipe.job_list import pick_jobs, write_jobs

FRAMES, DELAY = 500, 20
SMALL = (
    "--longest-delay=1.6 --longest-median=0.8 --longest-shift=0.4 --train-frames=2 "
    "--functional-windows=0.4,1 --pooling-windows=0.4,1 --atoms=12 --atom-patches=300 --code-atoms=3 "
    "--pooling-complexities=1e-3,1e-2 --context-reaches=0.4,0.8 --context-step=0.4 "
    "--bottleneck-size=8 --bottleneck-stacks=3 --bottleneck-hidden=16 --bottleneck-epochs=3"
).split()


def test_delays_are_those_of_the_challenge():
    """0 to 9.6 s in steps of 0.4 s, a frame being 0.04 s."""
    assert BaselineOptions(baselines=()).list_delays(0.04) == list(range(0, 250, 10))


def test_medians_and_shifts_are_those_of_the_challenge():
    options = BaselineOptions(baselines=())
    assert options.medians == pytest.approx([0.4 * i for i in range(1, 51)])
    assert options.list_shifts(0.04) == list(range(1, 251))


@pytest.mark.parametrize(
    ("cls", "wrong", "message"),
    [
        (BaselineOptions, {"baselines": ("he",)}, "unknown system he"),
        (BaselineOptions, {"baselines": ("brady", "brady")}, "repeated"),
        (BaselineOptions, {"baselines": (), "train_frames": 0}, "--train-frames=0"),
        (BaselineOptions, {"baselines": (), "longest_delay": -1.0}, "--longest-delay=-1"),
        (ValstarOptions, {"functional_windows": ()}, "--functional-windows"),
        (ValstarOptions, {"functional_complexities": (0.0,)}, "--functional-complexities"),
        (PovolnyOptions, {"bottleneck_stacks": 4}, "odd number"),
        (PovolnyOptions, {"bottleneck_dropout": 1.0}, "--bottleneck-dropout=1"),
        (PovolnyOptions, {"context_step": 0.001}, "--context-step=0.001"),
        (BradyOptions, {"atoms": 4}, "--code-atoms=5"),
        (BradyOptions, {"pooling_windows": (float("nan"),)}, "--pooling-windows"),
    ],
)
def test_options_that_cannot_be_are_refused(cls, wrong, message):
    with pytest.raises(ValueError, match=message):
        cls(**wrong)


def test_what_takes_longest_comes_first():
    jobs = plan_baselines(["valstar", "povolny", "brady"], ("arousal", "valence"), Path("exp"))
    assert [(job.dimension, job.system) for job in jobs] == [
        (dimension, system) for system in ("brady", "povolny", "valstar") for dimension in ("arousal", "valence")
    ]
    assert jobs[5].line() == "valence valstar exp/valence/valstar\n"


def test_a_job_is_what_its_line_says(tmp_path):
    jobs = plan_baselines(["brady"], ("arousal", "valence"), Path("an exp"))
    write_jobs(tmp_path / "x.jobs", jobs, dry_run=False)
    assert pick_jobs(tmp_path / "x.jobs", BaselineJob, range(2, 3)) == [jobs[1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.jobs: there is no line 1; lines in the list: 0"),
        ("arousal brady\n", "x.jobs:1: not"),
        ("arousal cls 3\n", "x.jobs:1: not"),
    ],
)
def test_jobs_that_are_not_there_are_named(tmp_path, text, message):
    (tmp_path / "x.jobs").write_text(text)
    with pytest.raises(DataError, match=message):
        pick_jobs(tmp_path / "x.jobs", BaselineJob, range(1, 2))


def test_no_baselines_are_no_jobs(tmp_path):
    (tmp_path / "dimensions").write_text("arousal\n")
    assert step("steps/make_baseline_jobs.py", "--baselines=", tmp_path / "exp", tmp_path).returncode == 0
    assert (tmp_path / "exp" / "baselines.jobs").read_text() == ""


def test_names_can_be_had_without_the_libraries_that_train():
    heavy = ("torch", "sklearn", "opensmile")
    program = f"import sys, emoseq.baselines.options; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "[]\n", done.stderr


# From end to end


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Features that follow a slow curve, and ratings that follow it 0.8 s later; the test set has no ratings."""
    random = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("baselines")
    centers = np.linspace(-1.2, 1.2, 10)
    labels = root / "labels"
    labels.mkdir()
    for name, count in (("train", 3), ("dev", 2), ("test", 1)):
        folder = root / "data" / name
        folder.mkdir(parents=True)
        arrays = {kind: {} for kind in ("egemaps", "feats", "cmvn", "arousal")}
        for i in range(count):
            emotion = np.sin(np.arange(FRAMES + DELAY) / random.uniform(20, 30) + random.uniform(0, 6))
            heard, rated = emotion[DELAY:], emotion[:FRAMES]  # what is rated now was heard 20 frames ago
            egemaps = random.normal(size=(4 * FRAMES, 25)) + np.repeat(heard, 4)[:, None] * np.linspace(-1, 1, 25)
            egemaps[:, 10] = np.abs(egemaps[:, 10]) * (random.random(4 * FRAMES) < 0.7)
            feats = random.normal(size=(FRAMES, 24)) + heard[:, None] * np.linspace(-1, 1, 24)
            utt = f"{name}_{i}"
            arrays["egemaps"][utt] = egemaps.reshape(FRAMES, 100).astype(np.float32)
            arrays["feats"][utt] = feats.astype(np.float32)
            arrays["cmvn"][utt] = compute_cmvn_statistics(feats)
            arrays["arousal"][utt] = rated.astype(np.float32)
        (folder / "frame_shift").write_text("0.040\n")
        if name == "test":
            del arrays["arousal"]
        else:
            classes = {u: np.abs(s[:, None] - centers).argmin(1).astype(np.int32) for u, s in arrays["arousal"].items()}
            kaldiio.save_ark(f"{labels}/{name}.K10.ark", classes, scp=f"{labels}/{name}.K10.scp")
        for kind, matrices in arrays.items():
            kaldiio.save_ark(f"{folder}/{kind}.ark", matrices, scp=f"{folder}/{kind}.scp")
    return root / "data"


@pytest.fixture(scope="module")
def train_step():
    """steps/train_baseline.py, called in this process: torch takes seconds to start."""
    spec = importlib.util.spec_from_file_location("train_baseline_step", ROOT / "steps/train_baseline.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def train(data, train_step):
    """A function that trains one system in a folder, as its job would."""

    def run(system, exp, *options, sets=("dev", "test")):
        if not (exp / "arousal").exists():
            (exp / "arousal").mkdir(parents=True)
            shutil.copytree(data.parent / "labels", exp / "arousal" / "labels")
        jobs = exp / "baselines.jobs"
        jobs.write_text("".join(job.line() for job in plan_baselines([system], ("arousal", "valence"), exp)))
        return train_step.main([*SMALL, *options, str(jobs), "1", str(data), *sets])

    return run


@pytest.fixture(scope="module", params=BASELINES)
def trained(request, train, tmp_path_factory):
    """A system and the experiment that holds it."""
    exp = tmp_path_factory.mktemp("exp")
    assert train(request.param, exp) == 0
    return request.param, exp


def series_of(exp, system, name):
    return dict(kaldiio.load_scp(f"{exp}/arousal/predict_{name}/{BASELINES[system]}.scp"))


def test_every_baseline_follows_the_ratings(trained, data):
    system, exp = trained
    gold = dict(kaldiio.load_scp(f"{data}/dev/arousal.scp"))
    assert ccc_and_rmse(series_of(exp, system, "dev"), gold)[0] > 0.8


def test_a_set_without_ratings_is_predicted(trained):
    (series,) = series_of(trained[1], trained[0], "test").values()
    assert series.shape == (FRAMES,)
    assert series.dtype == np.float32


def test_choices_hold_the_score_of_what_was_chosen(trained, data):
    system, exp = trained
    choices = pd.read_csv(exp / "arousal" / system / "choices.csv")
    assert list(choices.columns) == ["step", "setting", "measure", "score"]
    ccc, _ = ccc_and_rmse(series_of(exp, system, "dev"), dict(kaldiio.load_scp(f"{data}/dev/arousal.scp")))
    last = choices[choices.step.isin(["regression", "median", "centring", "scaling", "shift"])]
    assert last[last.setting == "as it is"].score.max() - 1e-6 <= ccc
    assert ccc == pytest.approx(choices[choices.measure == "CCC"].score.max(), abs=1e-5)


def test_the_delay_of_the_ratings_is_compensated(trained):
    """Windows reach ahead as well as back; the best delay is near 0.8 s all the same."""
    system, exp = trained
    assert abs(load_baseline(exp / "arousal" / system / "model.npz", system).linear.delay - DELAY) <= 10


def test_a_model_that_is_read_back_predicts_the_same(trained, data):
    system, exp = trained
    baseline = load_baseline(exp / "arousal" / system / "model.npz", system)
    (recording,) = read_recordings(data / "test", system).values()
    assert np.array_equal(baseline(recording), series_of(exp, system, "test")["test_0"])


def test_the_options_it_was_trained_with_are_kept(trained):
    system, exp = trained
    assert "--longest-delay=1.6\n" in (exp / "arousal" / system / "conf" / "baselines.conf").read_text()
    assert (exp / "arousal" / system / "conf" / f"{system}.conf").read_text().count("--") >= 2


def test_a_second_run_gives_the_same_bytes(trained, train, tmp_path):
    system, exp = trained
    assert train(system, tmp_path) == 0
    files = [*(f"{system}/{name}" for name in ("model.npz", "choices.csv")), f"predict_test/{BASELINES[system]}.ark"]
    assert [f for f in files if (exp / "arousal" / f).read_bytes() != (tmp_path / "arousal" / f).read_bytes()] == []


def test_what_is_trained_is_not_trained_again(trained, train, capsys):
    assert train(*trained, "--baselines=valstar,povolny") == 0
    assert capsys.readouterr().err.endswith(": up to date\n")


def test_another_option_trains_again(train, tmp_path, capsys):
    train("valstar", tmp_path)
    train("valstar", tmp_path, "--functional-windows=0.4")
    assert "up to date" not in capsys.readouterr().err
    assert load_baseline(tmp_path / "arousal/valstar/model.npz", "valstar").front.window == 0.4


def test_a_file_that_is_no_model_is_an_error_of_one_line(tmp_path):
    (tmp_path / "model.npz").write_bytes(b"no model")
    with pytest.raises(DataError, match=r"model\.npz: not a baseline"):
        load_baseline(tmp_path / "model.npz", "brady")
    with pytest.raises(DataError, match=r"none\.npz does not exist"):
        load_baseline(tmp_path / "none.npz", "brady")


def test_descriptors_of_another_shape_are_named(tmp_path):
    kaldiio.save_ark(f"{tmp_path}/e.ark", {"u": np.ones((9, 25), np.float32)}, scp=f"{tmp_path}/egemaps.scp")
    (tmp_path / "frame_shift").write_text("0.040\n")
    with pytest.raises(DataError, match=r"egemaps\.scp: u: shape \(9, 25\), not \(frames, 100\)"):
        read_recordings(tmp_path, "valstar")


def test_ratings_of_another_length_are_named(data, train_step, tmp_path):
    shutil.copytree(data, tmp_path / "data")
    gold = {f"dev_{i}": np.zeros(FRAMES - 9, np.float32) for i in range(2)}
    kaldiio.save_ark(f"{tmp_path}/g.ark", gold, scp=f"{tmp_path}/data/dev/arousal.scp")
    jobs = tmp_path / "baselines.jobs"
    jobs.write_text(plan_baselines(["valstar"], ("arousal", "valence"), tmp_path)[0].line())
    message = f"arousal: dev_0: .* {FRAMES} frames .* {FRAMES - 9};.* run stages 1 and 2 again"
    with pytest.raises(DataError, match=message):
        train_step.main([*SMALL, str(jobs), "1", str(tmp_path / "data"), "dev"])
