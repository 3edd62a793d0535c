"""Ends of processes: with the parent, at the end of a block, by the guard."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from waiting import wait_for

from jobarray.processes import PARENT, supervise, this_process


@pytest.fixture
def gone():
    """Id of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def run(folder, parent, *command):
    words = [sys.executable, ROOT / "utils/run.py", "x.log", *command]
    return subprocess.run(words, cwd=folder, env=os.environ | {PARENT: parent}).returncode


def test_a_wrapper_whose_parent_is_dead_already_begins_nothing(tmp_path, gone):
    assert run(tmp_path, f"{os.uname().nodename} {gone}", "true") == -signal.SIGTERM
    assert not (tmp_path / "x.log").exists()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_parent_that_is_a_zombie_is_dead(tmp_path):
    zombie = subprocess.Popen(["true"])
    try:
        wait_for(lambda: Path(f"/proc/{zombie.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
        assert run(tmp_path, f"{os.uname().nodename} {zombie.pid}", "true") == -signal.SIGTERM
    finally:
        zombie.wait()


def test_processes_of_other_hosts_do_not_matter(tmp_path, gone):
    assert run(tmp_path, f"elsewhere {gone}", "true") == 0


def test_what_a_job_starts_is_its_own_matter(tmp_path):
    assert run(tmp_path, this_process(), "bash", "-c", f'[ -z "${PARENT}" ]') == 0


def test_what_is_over_is_not_ended():
    ended = []
    with supervise(lambda names, wait: ended.extend(names) or True) as supervisor:
        supervisor.add("1", "a")
        supervisor.add("2", "b")
        supervisor.remove("1")
    assert ended == ["b"]


def test_an_error_in_the_block_ends_what_is_registered():
    ended = []

    def fail():
        with supervise(lambda names, wait: ended.extend(names) or True) as supervisor:
            supervisor.add("1", "a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert ended == ["a"]


def test_the_guard_repeats_what_fails_at_the_end_of_the_block(tmp_path):
    this = os.getpid()

    def end(names, wait):
        if os.getpid() != this:
            (tmp_path / "ended").write_text(" ".join(names))
        return os.getpid() != this

    with supervise(end) as supervisor:
        supervisor.add("1", "a")
        supervisor.add("1", "b")
        supervisor.add("2", "c")
        supervisor.remove("2")
    wait_for(lambda: (tmp_path / "ended").exists() and (tmp_path / "ended").read_text() == "b")
