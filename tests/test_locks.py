"""Runs of run.sh side by side: never two in one --exp, one after the other where both write --data."""

import contextlib
import os
import platform
import re
import shutil
import subprocess
import time

import pytest
from conftest import ROOT, assert_one_line_error, recipe, small_recipe
from test_run import copied, results_of
from waiting import wait_for

# A wrapper that says that it has begun and waits until it may go on or is to end.
WAITING = """#!/usr/bin/env bash
touch "{folder}/begun"
until [ -e "{folder}/go" ]; do sleep 0.05; done
[ ! -e "{folder}/end" ] || exit 1
exec utils/run.py "$@"
"""


@pytest.fixture
def held_up(tmp_path):
    """A wrapper whose jobs begin as soon as there is a file `go` beside it."""
    wrapper = tmp_path / "waiting.sh"
    wrapper.write_text(WAITING.format(folder=tmp_path))
    wrapper.chmod(0o755)
    yield wrapper
    (tmp_path / "go").touch()


@contextlib.contextmanager
def started(*arguments, **environment):
    """A run of run.sh that goes on beside the test."""
    command = ["./run.sh", "--conf", "tests/conf", *map(str, arguments)]
    run = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    )
    try:
        yield run
    finally:
        run.kill()
        run.wait()  # and not for what it waits for, which has its pipes too
        run.stdout.close()
        run.stderr.close()


def lose_posteriors(folder):
    """Leave a job of stage 5 to do."""
    (folder / "exp/arousal/cls_l1_r0_s1/posteriors_dev.K4.ark").unlink()


def test_a_second_run_in_the_same_folder_fails_at_once_and_disturbs_nothing(small_run, tmp_path, held_up):
    copied(small_run, tmp_path)
    lose_posteriors(tmp_path)
    (tmp_path / "same").symlink_to("exp")
    paths = ["--data", tmp_path / "data", "--exp", tmp_path / "exp", "--stage", 5, "--stop-stage", 6]
    with started(*paths, "--cmd", held_up) as first:
        wait_for((tmp_path / "begun").exists)
        began = time.monotonic()
        second = recipe("--conf", "tests/conf", *paths[:3], tmp_path / "same", *paths[4:])
        assert time.monotonic() - began < 5
        pid, host = f"pid {first.pid} ", platform.node()
        assert_one_line_error(second, tmp_path / "same", pid, host, "wait for it", "--exp")
        (tmp_path / "go").touch()
        _, errors = first.communicate()
        assert first.returncode == 0, errors
    small_recipe(tmp_path, "--stage", 3, "--stop-stage", 7)
    assert results_of(tmp_path / "exp") == results_of(small_run.exp)


def test_runs_that_share_data_write_it_one_after_the_other(small_run, tmp_path, held_up):
    shutil.copytree(small_run.data / "corpus", tmp_path / "data/corpus")
    shutil.copytree(small_run.exp, tmp_path / "third")
    to_labels = ["--data", tmp_path / "data", "--stop-stage", 2, "--nj", 2]
    with started(*to_labels, "--exp", tmp_path / "first", "--cmd", held_up) as first:
        wait_for((tmp_path / "begun").exists)
        with started(*to_labels, "--exp", tmp_path / "second") as second:
            line = second.stderr.readline()
            assert f"{tmp_path}/data: waiting " in line
            assert f"pid {first.pid} " in line
            later = ["--data", small_run.data, "--exp", tmp_path / "third", "--stage", 7, "--stop-stage", 7]
            (tmp_path / "third/results.csv").unlink()
            assert recipe("--conf", "tests/conf", *later).returncode == 0
            assert second.poll() is None
            (tmp_path / "go").touch()
            output, errors = second.communicate()
            assert second.returncode == 0, errors
        _, errors = first.communicate()
        assert first.returncode == 0, errors
    assert output.count("stage ") == 3
    expected = results_of(small_run.exp)
    for name in ("first", "second"):
        made = results_of(tmp_path / name)
        assert len(made) > 10
        assert made == {path: expected[path] for path in made}
    for name in ("train/feats.ark", "test/feats.ark", "dev/valence.ark"):
        assert (tmp_path / "data" / name).read_bytes() == (small_run.data / name).read_bytes()


def test_a_run_from_stage_3_on_does_not_wait_for_the_data(small_run, tmp_path):
    copied(small_run, tmp_path)
    with open(tmp_path / "data/.data.lock", "w") as held:
        paths = ["--conf", "tests/conf", "--data", tmp_path / "data", "--exp", tmp_path / "exp"]
        subprocess.run(["flock", "0"], stdin=held, check=True)
        done = recipe(*paths, "--stage", 3, "--stop-stage", 3)
        assert done.returncode == 0, done.stderr
        with started(*paths, "--stage", 2, "--stop-stage", 2) as run:
            assert "waiting" in run.stderr.readline()


def test_a_run_whose_data_another_one_changes_fails_and_a_rerun_mends_it(small_run, tmp_path, held_up):
    copied(small_run, tmp_path)
    lose_posteriors(tmp_path)
    jobs = tmp_path / "exp/train.jobs"
    jobs.write_text(jobs.read_text().splitlines(keepends=True)[0])  # one model is enough to be led astray
    data, conf = ["--data", tmp_path / "data"], tmp_path / "conf"
    shutil.copytree(ROOT / "tests/conf", conf)
    with open(conf / "fbank.conf", "a") as options:
        options.write("\n--low-freq=100\n")
    with started(*data, "--exp", tmp_path / "exp", "--stage", 5, "--cmd", held_up) as first:
        wait_for((tmp_path / "begun").exists)
        done = recipe("--conf", conf, *data, "--exp", tmp_path / "other", "--stop-stage", 1)
        assert done.returncode == 0, done.stderr
        (tmp_path / "go").touch()
        _, errors = first.communicate()
    assert first.returncode == 1
    assert errors.splitlines()[-1].startswith(f"./run.sh: {tmp_path}/data: another run has changed it while this one")
    small_recipe(tmp_path, "--stop-stage", 7)
    assert results_of(tmp_path / "exp") == results_of(small_run.exp)


def test_what_changes_nothing_that_a_run_reads_does_not_disturb_it(small_run, tmp_path, held_up):
    """A second run whose data are up to date; another kind of feature; results that are kept beside the data."""
    copied(small_run, tmp_path)
    (tmp_path / "data/exp").symlink_to("../exp")
    lose_posteriors(tmp_path)
    data = ["--conf", "tests/conf", "--data", tmp_path / "data"]
    paths = ["--exp", tmp_path / "exp", "--stage", 5, "--stop-stage", 7]
    with started(*data[2:], *paths, "--cmd", held_up) as first:
        wait_for((tmp_path / "begun").exists)
        done = recipe(*data, "--exp", tmp_path / "other", "--stop-stage", 2)
        assert done.returncode == 0, done.stderr
        (tmp_path / "data/train/.make_egemaps.egemaps.json").write_text("{}")
        (tmp_path / "go").touch()
        _, errors = first.communicate()
    assert first.returncode == 0, errors
    assert results_of(tmp_path / "exp") == results_of(small_run.exp)


def test_what_a_killed_run_has_left_is_waited_for_some_seconds(small_run, tmp_path, held_up):
    copied(small_run, tmp_path)
    lose_posteriors(tmp_path)
    paths = ["--conf", "tests/conf", "--data", tmp_path / "data", "--exp", tmp_path / "exp", "--stage", 5]
    once = [*paths, "--stop-stage", 5]
    with started(*once, "--cmd", held_up) as first:
        wait_for((tmp_path / "begun").exists)
        first.kill()
        first.wait()
        late = recipe(*once)
        assert_one_line_error(late, tmp_path / "exp", f"pid {first.pid} ", "which is gone", ".run.lock", "--exp")
        with started(*once) as second:
            time.sleep(1)
            assert second.poll() is None
            (tmp_path / "end").touch()
            (tmp_path / "go").touch()
            _, errors = second.communicate()
            assert second.returncode == 0, errors


def test_where_nothing_can_be_locked_a_run_says_so_and_goes_on(small_run, tmp_path):
    copied(small_run, tmp_path)
    (tmp_path / "bin").mkdir()
    flock = tmp_path / "bin/flock"
    flock.write_text("#!/bin/sh\necho 'flock: 10: No locks available' >&2\nexit 71\n")
    flock.chmod(0o755)
    paths = ["--conf", "tests/conf", "--data", tmp_path / "data", "--exp", tmp_path / "exp"]
    done = recipe(*paths, "--stage", 3, "--stop-stage", 3, PATH=f"{flock.parent}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stderr.splitlines() if line.startswith("./run.sh: ")]
    assert len(warnings) == 1
    assert re.search(r"\.run\.lock cannot be locked \(flock: 10: No locks available\)", warnings[0])


def test_a_lock_that_is_somebody_elses_is_one_line(tmp_path):
    (tmp_path / "exp/.run.lock").mkdir(parents=True)
    done = recipe("--data", tmp_path / "data", "--exp", tmp_path / "exp")
    assert_one_line_error(done, tmp_path / "exp/.run.lock", "Is a directory")


@pytest.mark.parametrize("arguments", [["--help"], ["positional"], ["--nj", "0"], ["--conf", "nowhere"]])
def test_help_and_bad_options_lock_nothing(arguments, tmp_path):
    recipe("--data", tmp_path / "data", "--exp", tmp_path / "exp", *arguments)
    assert list(tmp_path.rglob("*.lock")) == []
