"""What was started by a run that is gone does not begin, and what it started is not concerned."""

import os
import signal
import subprocess
import sys

import pytest
from conftest import ROOT

from jobarray.processes import PARENT, this_process


@pytest.fixture
def gone():
    """The number of a process that there was."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def run(folder, parent, *command):
    words = [sys.executable, ROOT / "utils/run.py", "x.log", *command]
    return subprocess.run(words, cwd=folder, env=os.environ | {PARENT: parent}).returncode


def test_a_wrapper_whose_parent_is_dead_already_begins_nothing(tmp_path, gone):
    assert run(tmp_path, f"{os.uname().nodename} {gone}", "true") == -signal.SIGTERM
    assert not (tmp_path / "x.log").exists()


def test_processes_of_other_hosts_do_not_matter(tmp_path, gone):
    assert run(tmp_path, f"elsewhere {gone}", "true") == 0


def test_what_a_job_starts_is_its_own_matter(tmp_path):
    assert run(tmp_path, this_process(), "bash", "-c", f'[ -z "${PARENT}" ]') == 0
