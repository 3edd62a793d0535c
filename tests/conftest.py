"""One small run of the whole recipe, which the tests of steps and of run.sh share; who runs which test in parallel."""

import fcntl
import functools
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.register_assert_rewrite("clusters", "drills", "recipes", "waiting")

from clusters import cluster, grid_engine, slurm  # noqa: E402, F401 (fixtures)

ROOT = Path(__file__).resolve().parent.parent


class Run(NamedTuple):
    """Where a run left its files, and what it printed."""

    data: Path
    exp: Path
    output: str


def recipe(*arguments, cwd=ROOT, script="./run.sh", **environment):
    """Run run.sh as a user would; returns the finished process with stdout and stderr as text."""
    command = [script, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=os.environ | environment)


def small_recipe(folder, *arguments, nj=1):
    """A run of run.sh on a corpus of 3 x 2 recordings of 10 s, with everything under `folder`."""
    data, exp = folder / "data", folder / "exp"
    done = recipe("--conf", "tests/conf", "--data", data, "--exp", exp, "--nj", nj, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return Run(data, exp, done.stdout + done.stderr)


@pytest.fixture(scope="session")
def small_run(tmp_path_factory):
    """Made by the worker that needs it first; all share it, so a test that changes something takes a copy."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    run, output = folder / "small_run", folder / "small_run.txt"
    with open(folder / "small_run.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not output.exists():
            shutil.rmtree(run, ignore_errors=True)
            output.write_text(small_recipe(run).output)
    return Run(run / "data", run / "exp", output.read_text())


# In parallel (pytest -n)

IDLE = ("test_slurm.py", "test_gridengine.py")  # begin first: they wait most of the time
# Tests of these share nothing but the small run, so that each may go to any worker: the long ones come first of those
# that need it, the short ones last, and no worker ends much before the others.
LONG = ("test_run.py", "test_locks.py", "test_site_wrapper.py", "test_run_options.py")
SHORT = ("test_decoding_steps.py",)


def pytest_collection_modifyitems(items):
    """While one worker makes the small run the others do what needs none."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        waiting = [item for item in items if "small_run" in getattr(item, "fixturenames", ())]
        turns = {name: turn for turn, name in enumerate([*LONG, "", *SHORT])}
        waiting.sort(key=lambda item: turns.get(item.path.name, turns[""]))
        items[:] = waiting[:1] + [item for item in items if item not in waiting] + waiting[1:]
        items.sort(key=lambda item: item.path.name not in IDLE)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A worker takes the tests of a file at a time, for their fixtures, or one of a file in LONG or SHORT."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.partition("::")[0]
            return nodeid if Path(file).name in LONG + SHORT else file

    config.option.loadscopereorder = False
    return Scheduling(config, log)


def step(*command, cwd=ROOT, **options):
    """Run one script of the recipe; returns the finished process."""
    return subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, **options)


def assert_one_line_error(done, *parts):
    """Status 1 and one line on stderr that holds all of `parts`."""
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    for part in parts:
        assert str(part) in lines[0], (part, lines[0])


@pytest.fixture
def model(small_run):
    return small_run.exp / "arousal" / "cls_l1_r0_s1"


def decoded(model, task, *options, posteriors=None, labels="ark,t:-", order=3):
    """Run steps/decode.py on a model's posteriors of the test set."""
    lm = model.parent / "lm"
    source = posteriors or f"scp:{model}/posteriors_test.{task}.scp"
    files = [lm / f"{task}.trans", lm / f"{task}.{order}gram.arpa", source, labels]
    command = ("steps/decode.py", "--lm-weight", 6, *options, *files)
    # What writes no file and reads the small run only has the same result each time.
    return _decoded_again(command) if posteriors is None and labels == "ark,t:-" and not options else step(*command)


@functools.cache
def _decoded_again(command):
    return step(*command)
