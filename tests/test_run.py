"""run.sh from end to end on the smallest corpus: reproducible, restartable, and plain about what is wrong."""

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from conftest import ROOT, Run, assert_one_line_error, recipe, small_recipe
from waiting import is_alive, wait_for

from emoseq.io.archive import read
from emoseq.labels.kmeans import cluster, read_centers
from emoseq.recipe.stamp import _digest

BINARY = ("*.ark", "centers", "*.trans", "*.priors", "*.hazards", "*.arpa", "sweep.csv", "best.conf", "results.csv")


def copied(run, folder):
    """Another place in which that run has left its files; what was up to date there is so here."""
    root = run.exp.parent
    shutil.copytree(run.data, folder / "data")
    shutil.copytree(run.exp, folder / "exp")
    for table in [*folder.rglob("*.scp"), *folder.rglob("selected.*"), *folder.rglob("train.jobs")]:
        table.write_text(table.read_text().replace(str(root), str(folder)))
    for stamp in folder.rglob(".*.json"):
        state = json.loads(stamp.read_text().replace(str(root), str(folder)))
        for kind, located in (("inputs", False), ("outputs", True)):
            for name, digest in state[kind].items():
                path = Path(os.path.normpath(stamp.parent / name))
                if digest == _digest(root / path.relative_to(folder), located=located):
                    state[kind][name] = _digest(path, located=located)
        stamp.write_text(json.dumps(state))
    return Run(folder / "data", folder / "exp", run.output)


def results_of(exp):
    """Everything under exp/ that must not depend on when or how it was computed."""
    files = {path.relative_to(exp): path.read_bytes() for name in BINARY for path in exp.rglob(name)}
    for path in exp.rglob("final.pt"):
        content = torch.load(path, weights_only=True)
        tensors = [*content["parameters"].values(), *content["centers"], *content["priors"]]
        files[path.relative_to(exp)] = b"".join(tensor.numpy().tobytes() for tensor in tensors)
    return files


def times_of(run):
    """Modification times of everything but the wrapper's logs, their status and the lists of jobs."""
    files = [path for folder in run[:2] for path in folder.rglob("*") if path.is_file()]
    return {path: path.stat().st_mtime_ns for path in files if path.suffix not in (".log", ".jobs", ".lock", ".status")}


def test_the_table_has_all_systems_and_sets(small_run):
    table = pd.read_csv(small_run.exp / "results.csv")
    expected = "system,dimension,set,fit_on,ccc,ccc_low,ccc_high,rmse,mean_ccc,frames,utterances"
    assert ",".join(table.columns) == expected
    smoothed = [f"{system}{smoother}" for system in ("REG-CCC", "CLS-Raw") for smoother in ("", "-Gaussian", "-Median")]
    assert list(dict.fromkeys(table.system)) == [*smoothed, "CLS-HMM", "CLS-Decoded"]
    assert len(table) == 8 * 2 * 2
    assert (table.frames == 500).all()
    assert np.isfinite(table.ccc).all()
    assert (small_run.exp / "RESULTS.md").read_text() in small_run.output


def test_a_second_run_does_nothing_and_says_so(small_run, tmp_path):
    run = copied(small_run, tmp_path)
    before = times_of(run)
    again = small_recipe(tmp_path)
    assert times_of(run) == before
    assert "8 models, 8 of them up to date" in again.output
    working = [line for line in again.output.splitlines() if "steps/" in line and "up to date" not in line]
    assert [line for line in working if not re.search(r"\.jobs: \d+ (jobs|models)|\(Table 1\)$", line)] == []


@pytest.mark.parametrize(
    ("stage", "lost", "stop_stage"),
    [
        (1, ["data/train/feats.ark", "data/dev/cmvn.scp"], 7),
        (2, ["data/dev/arousal.ark", "exp/valence/labels"], 7),
        (3, ["exp/arousal/lm"], 3),
        (4, ["exp/arousal/cls_l1_r0_s1/final.pt"], 4),
        (5, ["exp/valence/cls_l1_r0_s2/posteriors_test.K4.ark"], 5),
        (6, ["exp/arousal/decode_dev", "exp/arousal/predict_test"], 7),
        (7, ["exp/results.csv"], 7),
        (8, ["exp/report/figure3.png", "exp/valence/labels/discretisation.csv"], 8),
    ],
)
def test_a_run_from_a_later_stage_restores_what_is_lost(small_run, tmp_path, stage, lost, stop_stage):
    copied(small_run, tmp_path)
    for name in lost:
        path = tmp_path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    again = small_recipe(tmp_path, "--stage", stage, "--stop-stage", stop_stage)
    assert [name for name in lost if not (tmp_path / name).exists()] == []
    assert results_of(again.exp) == results_of(small_run.exp)


@pytest.mark.parametrize(("stage", "lost"), [(4, "exp/arousal/cls_l1_r0_s1"), (1, "data/train/feats.scp")])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_a_run_has_begun_ends_with_it(small_run, tmp_path, stage, lost, number):
    """Even where the signal comes to run.sh alone, by `kill`; in stage 1 a step is between it and the wrapper."""
    copied(small_run, tmp_path)
    path = tmp_path / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    wrapper = tmp_path / "slow.sh"
    wrapper.write_text(
        f"#!/bin/bash\nexec utils/run.py {tmp_path}/slow.log bash -c 'echo $$ > {tmp_path}/pid; sleep 60'\n"
    )
    wrapper.chmod(0o755)
    paths = ["--conf", "tests/conf", "--data", tmp_path / "data", "--exp", tmp_path / "exp"]
    command = ["./run.sh", *map(str, paths), "--stage", str(stage), "--nj", "2", "--cmd", str(wrapper)]
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().endswith("\n"), 60)
    pid = int((tmp_path / "pid").read_text())
    run.send_signal(number)
    assert run.wait(5) == -number
    wait_for(lambda: not is_alive(pid))
    wait_for(lambda: "code 143" in (tmp_path / "slow.log").read_text())
    wait_for(lambda: str(tmp_path) not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout)


def test_neither_a_move_nor_the_number_of_jobs_nor_a_kill_changes_the_results(small_run, tmp_path):
    """SIGKILL to everything in a tree that has moved and lost half its models, with some of these done.

    Neither they nor the other half are trained again, and the results are the same.
    """
    shutil.copytree(small_run.data, tmp_path / "data")
    shutil.copytree(small_run.exp, tmp_path / "exp")
    for folder in tmp_path.glob("exp/arousal/*_l1_*"):
        shutil.rmtree(folder)
    paths = ["--conf", "tests/conf", "--data", tmp_path / "data", "--exp", tmp_path / "exp", "--nj", 2]

    def trained():
        return {path.parent: path.stat().st_mtime_ns for path in tmp_path.glob("exp/*/*/.train.model.json")}

    kept = trained()
    assert len(kept) == 4
    # The jobs are in process groups of their own; what is left of utils/run.py ends them.
    run = subprocess.Popen(
        ["./run.sh", *map(str, paths)],
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: len(trained()) >= 6 or run.poll() is not None, 240)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    before = trained()
    assert 6 <= len(before) < 8
    assert before.items() >= kept.items()
    other = small_recipe(tmp_path, "--stage", 4, "--stop-stage", 7, nj=2)  # the report is not compared
    assert f"8 models, {len(before)} of them up to date" in other.output
    assert {folder: trained()[folder] for folder in before} == before
    first, second = results_of(small_run.exp), results_of(other.exp)
    assert len(first) > 100
    assert first.keys() == second.keys()
    assert [str(name) for name in first if first[name] != second[name]] == []
    assert (other.data / "train/log/make_fbank.2.log").exists()
    assert (small_run.data / "train/feats.ark").read_bytes() == (other.data / "train/feats.ark").read_bytes()
    assert str(small_run.exp) not in (other.exp / "arousal/predict_test/CLS-Raw.scp").read_text()
    assert str(small_run.exp) not in (other.exp / "valence/predict_test/CLS-Raw.scp").read_text()


def test_what_is_only_compared_is_trained_at_the_setting_chosen(small_run, tmp_path):
    """Plain cross entropy, and labels fitted on train alone; without them in conf/ their rows are gone again."""
    copied(small_run, tmp_path)
    conf = shutil.copytree(ROOT / "tests/conf", tmp_path / "conf")
    with open(conf / "train.conf", "a") as stream:
        stream.write("--chosen-systems=cls-ce\n--chosen-fit-on=train\n")
    paths = ["--data", tmp_path / "data", "--exp", tmp_path / "exp"]
    done = recipe("--conf", conf, *paths, "--stage", 4, "--nj", 2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 models, 8 of them up to date" in done.stdout
    table = pd.read_csv(tmp_path / "exp/results.csv")
    assert {"CLS-CE-Raw", "CLS-CE-Raw-Median"} <= set(table.system[table.fit_on == "train+dev"])
    honest = ["CLS-Raw", "CLS-Raw-Gaussian", "CLS-Raw-Median", "CLS-HMM", "CLS-Decoded"]
    assert list(dict.fromkeys(table.system[table.fit_on == "train"])) == honest
    gold = np.concatenate([series for _, series in sorted(read(f"scp:{tmp_path}/data/train/valence.scp"))])
    centers = read_centers(tmp_path / "exp/fit_on_train/valence/labels/centers")
    np.testing.assert_allclose(centers["K4"], cluster(gold, 4), rtol=1e-6)
    differences = pd.read_csv(tmp_path / "exp/differences.csv")
    row = differences[(differences.fit_on == "train") & (differences.system == "CLS-Raw")].iloc[0]
    ours = table[(table.system == "CLS-Raw") & (table.dimension == row.dimension) & (table.set == row.set)]
    assert row.ccc == pytest.approx(ours.ccc.iloc[0] - ours.ccc.iloc[1], abs=2e-6)

    again = recipe("--conf", "tests/conf", *paths, "--stage", 4, "--stop-stage", 7)
    assert again.returncode == 0, again.stderr
    assert results_of(small_run.exp).items() <= results_of(tmp_path / "exp").items()


def test_a_run_without_a_classifier_reports_nothing_that_an_earlier_one_left(small_run, tmp_path):
    copied(small_run, tmp_path)
    conf = shutil.copytree(ROOT / "tests/conf", tmp_path / "conf")
    (conf / "train.conf").write_text((conf / "train.conf").read_text().replace("=cls,reg-ccc", "=reg-ccc"))
    done = recipe("--conf", conf, "--data", tmp_path / "data", "--exp", tmp_path / "exp", "--stage", 4)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 models, 4 of them up to date" in done.stdout
    regressors = {"REG-CCC", "REG-CCC-Gaussian", "REG-CCC-Median"}
    assert set(pd.read_csv(tmp_path / "exp/results.csv").system) == regressors
    assert "no figure3: no classifier was trained" in done.stderr
    report = (tmp_path / "exp/report/observations.md").read_text()
    assert report.count("Not measurable in this run.") == 3
    assert "predict_test/avec: 3 systems of 2 recordings" in done.stderr


@pytest.fixture(scope="module")
def corpus(small_run, tmp_path_factory):
    """The corpus as somebody else's: stereo at 22.05 kHz, no labels of the test set, dev without raters."""
    folder = tmp_path_factory.mktemp("corpus") / "AVEC 2016"
    shutil.copytree(small_run.data / "corpus", folder)
    for path in (folder / "recordings_audio").iterdir():
        samples, rate = soundfile.read(path)
        assert rate == 44100
        half = samples[::2]
        soundfile.write(path, np.stack([half, half], axis=1), 22050, subtype="PCM_24")
    for pattern in ("*/*/test_*", "ratings_individual/*/dev_*"):
        for path in folder.glob(pattern):
            path.unlink()
    return folder


def test_a_test_set_without_labels_is_predicted_and_not_scored(corpus, tmp_path):
    conf = shutil.copytree(ROOT / "tests/conf", tmp_path / "conf")
    settings = (conf / "train.conf").read_text().replace("=1,2", "=1").replace("=cls,reg-ccc", "=cls")
    (conf / "train.conf").write_text(settings)
    run = small_recipe(tmp_path, "--conf", conf, "--corpus", corpus)
    assert "arousal has no gold standard; predicted but not scored" in run.output
    assert set(pd.read_csv(run.exp / "results.csv")["set"]) == {"dev"}
    assert len((run.exp / "arousal/predict_test/CLS-Decoded.scp").read_text().splitlines()) == 2


def test_recola_recipe_keeps_its_data_to_itself_and_wants_a_corpus(tmp_path):
    script = ROOT / "egs/recola/run.sh"
    paths = ["--data", "data", "--exp=exp"]
    done = recipe(*paths, "--stop-stage", 0, script=script, cwd=tmp_path)
    assert_one_line_error(done, "--corpus DIR is needed")
    assert (tmp_path / "exp").is_dir()


def test_recola_recipe_finds_a_corpus_named_from_elsewhere(corpus, tmp_path):
    script = ROOT / "egs/recola/run.sh"
    paths = ["--corpus", corpus.name, "--data", tmp_path / "data", "--exp", tmp_path / "exp"]
    done = recipe(*paths, "--stop-stage", 0, script=script, cwd=corpus.parent)
    assert done.returncode == 0, done.stderr
    assert str(corpus) in (tmp_path / "data/train/wav.scp").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stages", "3"], "--stages"),
        (["--stage", "two"], "--stage two"),
        (["--stage"], "--stage"),
        (["--nj", "0"], "--nj 0"),
        (["--corpus", "nowhere"], "nowhere"),
        (["--conf", "nowhere"], "nowhere"),
        (["positional"], "positional"),
        (["--exp", "LICENSE/exp"], "LICENSE/exp cannot be written"),
    ],
)
def test_a_wrong_option_is_one_line(arguments, message, tmp_path):
    done = recipe("--data", tmp_path / "data", "--exp", tmp_path / "exp", *arguments)
    assert_one_line_error(done, message)


def test_help_installs_nothing_and_names_the_stages():
    done = recipe("--help", PATH="/usr/bin:/bin", EMOSEQ_PYTHON="/nonexistent")
    assert done.returncode == 0
    assert "--stop-stage" in done.stdout


def test_an_experiment_may_hold_the_clusters_settings(small_run, tmp_path):
    shutil.copytree(ROOT / "tests/conf", tmp_path / "conf")
    wrapper = tmp_path / "slurm.py"
    wrapper.write_text(f"""#!/bin/sh\necho "$@" > {tmp_path}/called\nexit 1\n""")
    wrapper.chmod(0o755)

    run = copied(small_run, tmp_path)
    (run.exp / "arousal/cls_l1_r0_s1/posteriors_dev.K4.ark").unlink()
    paths = ["--data", run.data, "--exp", run.exp, "--conf", tmp_path / "conf"]

    def called():
        assert recipe(*paths, "--cmd", f"{wrapper} --mem 2G", "--stage", 5, "--stop-stage", 5).returncode == 1
        return (tmp_path / "called").read_text().split()[:4]

    assert called()[2] == "--max-jobs-run"
    (tmp_path / "conf/slurm.conf").write_text("command sbatch\n")
    assert called() == ["--mem", "2G", "--config", f"{tmp_path}/conf/slurm.conf"]
