"""Wrappers on a fake Slurm and a fake Grid Engine, tests/fakes/scheduler.py."""

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from waiting import begin, wait_for

from jobarray.cluster import run_on
from jobarray.connection import Pace
from jobarray.grid_engine import GridEngine
from jobarray.slurm import Slurm
from jobarray.wrapper import run_wrapper

ROOT = Path(__file__).resolve().parent.parent
FAKE = ROOT / "tests" / "fakes" / "scheduler.py"
PROGRAMS = "sbatch squeue scancel qsub qstat qacct qdel".split()
PACE = Pace(query=0.1, retry=0.05, unreachable=0.1, timeout=10, late_output=0.1, cancel=4)
DRIVER = f"""\
import sys
from jobarray.cluster import run_on
from jobarray.connection import Pace
from jobarray.grid_engine import GridEngine
from jobarray.slurm import Slurm
from jobarray.wrapper import run_wrapper
scheduler = Slurm() if sys.argv[1] == "slurm" else GridEngine()
sys.exit(run_wrapper(scheduler.program, "", run_on(scheduler, {PACE}), sys.argv[2:], known=None))
"""
# A job with a child process.
TREE = "sleep 60 & echo $$ $! > JOB.new; mv JOB.new JOB.pid; wait"


class Done(NamedTuple):
    code: int
    lines: list[str]


class Cluster:
    """A fake scheduler, and a folder to submit from."""

    def __init__(self, kind: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.kind = kind
        self.scheduler = {"slurm": Slurm, "gridengine": GridEngine}[kind]()
        self.program = self.scheduler.program
        self.submits, self.asks, self.cancels = (
            ("sbatch", "squeue", "scancel") if kind == "slurm" else ("qsub", "qstat", "qdel")
        )
        self.state, self.bin = folder / "state", folder / "bin"
        self.capsys = capsys
        (self.state / "jobs").mkdir(parents=True)
        (self.state / "calls").touch()
        self.bin.mkdir()
        for name in PROGRAMS:
            words = [sys.executable, "-IS", str(FAKE), str(self.state), name]
            (self.bin / name).write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
            (self.bin / name).chmod(0o755)
        self.plan()

    def plan(self, **misbehaviour: object) -> None:
        (self.state / "plan.json").write_text(json.dumps(misbehaviour))

    def run(self, *words: str, pace: Pace = PACE) -> Done:
        code = run_wrapper(self.program, "", run_on(self.scheduler, pace), words, known=None)
        return Done(code, self.capsys.readouterr().err.splitlines())

    def calls(self, program: str) -> list[list[str]]:
        lines = (self.state / "calls").read_text().splitlines()
        return [words[1:] for words in map(json.loads, lines) if words[0] == program]

    @property
    def submission(self) -> str:
        """The only submission, with TOKEN in place of the token in its name."""
        (words,) = self.calls(self.submits)
        return re.sub(r"-[0-9a-f]{6}\b", "-TOKEN", " ".join(words).replace(os.getcwd(), "HERE"))

    def waits_for(self, count: int) -> str:
        """Return shell code that waits until the scheduler has been queried so often."""
        return f"until [ $(grep -c {self.asks} {self.state}/calls) -ge {count} ]; do sleep 0.02; done"

    @contextlib.contextmanager
    def started(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Start a wrapper in a process of its own."""
        process = begin([sys.executable, "-c", DRIVER, self.kind, *words], env=os.environ | {"PYTHONPATH": str(ROOT)})
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def close(self) -> None:
        (self.state / "closed").touch()
        homes = list((self.state / "jobs").iterdir())
        wait_for(lambda: all((home / "over").exists() for home in homes))


def make_cluster(kind, tmp_path, monkeypatch, capsys) -> Iterator[Cluster]:
    cluster = Cluster(kind, tmp_path, capsys)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("PWD", str(work))
    monkeypatch.setenv("PATH", f"{cluster.bin}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SGE_ROOT", str(tmp_path))
    yield cluster
    cluster.close()


@pytest.fixture(params=["slurm", "gridengine"])
def cluster(request, tmp_path, monkeypatch, capsys):
    yield from make_cluster(request.param, tmp_path, monkeypatch, capsys)


@pytest.fixture
def slurm(tmp_path, monkeypatch, capsys):
    yield from make_cluster("slurm", tmp_path, monkeypatch, capsys)


@pytest.fixture
def grid_engine(tmp_path, monkeypatch, capsys):
    yield from make_cluster("gridengine", tmp_path, monkeypatch, capsys)


def output(log: str) -> str:
    """Return the output of a job without the head and the foot of the log."""
    text = Path(log).read_text()
    head, foot = r"# .*\n# Running on .*\n# Started at .*\n#\n", r"# Accounting: .*\n# Finished at .* with status \d+\n"
    match = re.fullmatch(f"{head}((?s:.*?)){foot}", text)
    assert match, text
    return match[1]


def submitted() -> list[str]:
    """Return the folders of submissions."""
    return sorted(os.listdir("q")) if os.path.isdir("q") else []
