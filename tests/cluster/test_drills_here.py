"""Drills on one machine: a disk fills up, a job is killed. Run with EMOSEQ_CLUSTER_TESTS=1."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import ROOT, recipe, small_recipe
from test_run import copied, results_of

pytestmark = pytest.mark.skipif(
    os.environ.get("EMOSEQ_CLUSTER_TESTS") != "1", reason="drills take minutes; EMOSEQ_CLUSTER_TESTS=1 runs them"
)

PAGE = 4096  # a tmpfs allocates whole pages


def pages(paths):
    return sum(-(-path.stat().st_size // PAGE) for path in paths if path.is_file())


class Disk:
    """A file system of 64 MB with a file that fills it up."""

    def __init__(self, folder):
        self.folder = folder
        self.ballast = folder / "ballast"

    def leave(self, count):
        """Fill the disk up but for so many pages."""
        free = os.statvfs(self.folder).f_bavail
        self.ballast.write_bytes(bytes(PAGE * (free - count)))
        assert os.statvfs(self.folder).f_bavail == count

    def make_room(self):
        self.ballast.unlink()

    def run(self, *arguments):
        paths = ["--data", self.folder / "data", "--exp", self.folder / "exp"]
        return recipe("--conf", "tests/conf", *paths, "--nj", 1, *arguments)


@pytest.fixture
def disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can mount the small file system that is to fill up")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "none", folder]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", folder], check=True)


def assert_says_that_the_disk_is_full(done, file):
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert f"{file}: No space left on device" in done.stderr, done.stderr


def test_a_run_goes_on_after_the_disk_was_full(small_run, disk):
    """Full in features, then in training: the file is named, no partial one is left, and the results are the same."""
    features = small_run.data / "test/feats.ark"
    disk.leave(pages(small_run.data.rglob("*")) - 2 * pages([features]))
    done = disk.run()
    assert_says_that_the_disk_is_full(done, disk.folder / "data/dev/feats.ark")
    assert not (disk.folder / "data/dev/feats.scp").exists()

    disk.make_room()
    done = disk.run("--stop-stage", 3)
    assert done.returncode == 0, done.stdout + done.stderr
    models = list(small_run.exp.glob("*/*_l1_r0_s*"))
    assert len(models) == 8
    written = [path for model in models for path in [*model.glob("conf/*"), *model.glob("log/*"), *model.glob("*.csv")]]
    written += [path for model in models for path in (model / "final.pt", model / ".train.model.json")]
    written += [small_run.exp / "train.jobs", *small_run.exp.glob("log/train.*.log")]
    last = Path("valence/reg-ccc_l1_r0_s2/final.pt")
    disk.leave(pages(written) - pages([small_run.exp / last]) // 2)
    done = disk.run()
    assert_says_that_the_disk_is_full(done, disk.folder / "exp" / last)
    assert "1 / 8 failed" in done.stderr
    assert not (disk.folder / "exp" / last).exists()
    assert list(disk.folder.rglob(".*.tmp")) == []

    disk.make_room()
    done = disk.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 models, 7 of them up to date" in done.stdout
    assert results_of(disk.folder / "exp") == results_of(small_run.exp)


def jobs_of(step, folder):
    """Return the ids of the processes of a step that work in a folder."""
    ids = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(word.endswith(step.encode()) for word in words[:3]) and any(str(folder).encode() in w for w in words):
            ids.append(int(process.name))
    return ids


def test_a_job_that_is_killed_is_named_and_done_again(small_run, tmp_path):
    copied(small_run, tmp_path)
    lost = [f"exp/{dimension}/cls_l1_r0_s2/final.pt" for dimension in ("arousal", "valence")]
    for name in lost:
        (tmp_path / name).unlink()
    shutil.rmtree(tmp_path / "exp/log")
    paths = ["--conf", "tests/conf", "--data", tmp_path / "data", "--exp", tmp_path / "exp", "--stage", 4]
    command = ["./run.sh", *map(str, paths), "--nj", "1"]
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = tmp_path / "exp/log/train.5.log"
    deadline = time.monotonic() + 120
    while not (log.exists() and ": epoch 1 " in log.read_text()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
    jobs = jobs_of("steps/train.py", tmp_path)
    assert len(jobs) == 1
    os.kill(jobs[0], signal.SIGKILL)
    _, errors = run.communicate()
    assert run.returncode == 1
    assert f"1 / 8 failed, log is in {tmp_path}/exp/log/train.*.log" in errors
    assert "train.5.log: ended by SIGKILL" in errors
    assert "Traceback" not in errors
    assert [(tmp_path / name).exists() for name in lost] == [False, True]

    again = small_recipe(tmp_path, "--stage", 4)
    assert "8 models, 7 of them up to date" in again.output
    assert results_of(again.exp) == results_of(small_run.exp)
