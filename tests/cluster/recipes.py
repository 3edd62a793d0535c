"""The whole recipe on a real scheduler, for test_slurm_recipe.py and test_gridengine_recipe.py."""

import os
import re
import shutil
import signal
import subprocess

import pytest
from conftest import ROOT, recipe
from drills import WRAPPERS, finish, start
from test_run import copied, results_of
from waiting import wait_for

MEMORY = "--mem 1500M"  # for a training; the beds give little by default


@pytest.fixture(scope="module", autouse=True)
def overlong(bed, tmp_path_factory):
    """Start a job that exceeds its time limit of a minute. Slurm ends it late, so it runs beside the recipe."""
    with start(bed, tmp_path_factory.mktemp("overlong"), "--time", "0:1:0", "x.log", "sleep", "600") as process:
        yield process
        process.terminate()


def run_recipe(bed, folder, *arguments):
    command = f"utils/{WRAPPERS[bed.name]} {MEMORY}"
    paths = ["--conf", "tests/conf", "--data", folder / "data", "--exp", folder / "exp"]
    return recipe(*paths, "--cmd", command, *arguments, **bed.environment)


def test_the_recipe_gives_the_same_bytes_as_here(bed, small_run, tmp_path):
    done = run_recipe(bed, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    here, there = results_of(small_run.exp), results_of(tmp_path / "exp")
    assert here.keys() == there.keys()
    assert [str(name) for name in here if here[name] != there[name]] == []


def test_a_worker_killed_in_training_fails_the_run_and_another_run_completes_it(bed, small_run, tmp_path):
    copied(small_run, tmp_path)
    lost = list(tmp_path.glob("exp/*/cls_l1_r0_s*"))
    for folder in lost:
        shutil.rmtree(folder)

    def trainings():
        return [
            int(entry.name)
            for entry in os.scandir("/proc")
            if entry.name.isdigit()
            and re.search(r"python3\0[^\0]*steps/train\.py\0", _command(entry))
            and str(tmp_path) in _command(entry)
            and "--dry-run" not in _command(entry)
        ]

    command = f"utils/{WRAPPERS[bed.name]} {MEMORY}"
    paths = ["--conf", "tests/conf", "--data", tmp_path / "data", "--exp", tmp_path / "exp"]
    words = ["./run.sh", *map(str, paths), "--cmd", command, "--stage", "4"]
    run = subprocess.Popen(
        words, cwd=ROOT, env=bed.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    wait_for(trainings, 60)
    os.kill(trainings()[0], signal.SIGKILL)
    status, errors = finish(run, 200)
    assert status == 1
    assert re.search(r"1 / 8 failed, log is in .*/train\.\*\.log\n.*train\.\d\.log: ended by SIGKILL", errors), errors
    done = run_recipe(bed, tmp_path, "--stage", "4")
    assert done.returncode == 0, done.stdout + done.stderr
    assert results_of(tmp_path / "exp") == results_of(small_run.exp)


@pytest.mark.usefixtures("small_run")  # as in all other tests here, so that they come first
def test_a_job_that_runs_out_of_time_says_so(overlong):
    status, errors = finish(overlong)
    assert status == 1
    assert re.search(r"x\.log: .*ran? out of time.*--time", errors), errors


def _command(entry):
    try:
        with open(f"{entry.path}/cmdline") as stream:
            return stream.read()
    except OSError:
        return ""
