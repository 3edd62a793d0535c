"""Real schedulers on this machine, one bed after the other: tests/cluster/run.sh runs the tests that need them."""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

HERE = Path(__file__).resolve().parent


class Bed(NamedTuple):
    """A scheduler that was started below `folder`; its clients need `environment`."""

    name: str
    folder: Path
    environment: dict[str, str]

    def do(self, verb):
        """Start, stop, restart, freeze, thaw, kill-node, drain or resume; fails the test with the script's line."""
        control(self.name, verb, self.folder)


def control(name, verb, folder):
    done = subprocess.run(
        [HERE / f"{name}.sh", verb, folder], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    if done.returncode:
        pytest.fail(done.stderr.strip() or f"{name}.sh {verb}: status {done.returncode}", pytrace=False)


def exported(file):
    """What the `export NAME=value ...` lines of a shell script set."""
    words = [word for line in file.read_text().splitlines() for word in shlex.split(line)]
    return dict(word.split("=", 1) for word in words if "=" in word)


@pytest.fixture(scope="session", params=["slurm", "gridengine"])
def bed(request):
    if os.environ.get("EMOSEQ_CLUSTER_TESTS") != "1":
        pytest.skip("needs root and Debian: tests/cluster/run.sh starts a real scheduler")
    # run.sh stops what is left in its own folder. Short, for the names of sockets.
    folder = Path(tempfile.mkdtemp(prefix=f"{request.param}.", dir=os.environ.get("EMOSEQ_BEDS")))
    try:
        control(request.param, "start", folder)
        yield Bed(request.param, folder, os.environ | exported(folder / "env.sh"))
    finally:
        control(request.param, "stop", folder)
    shutil.rmtree(folder)
