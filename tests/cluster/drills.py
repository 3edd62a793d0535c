"""The wrappers on a real scheduler, and their jobs when things break.

test_slurm.py and test_gridengine.py each run all of this, on a scheduler started with slurm.sh or gridengine.sh.
recipes.py runs the recipe beside it, on schedulers of its own.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

import pytest
from conftest import ROOT
from waiting import begin, is_alive, pids, wait_for

WRAPPERS = {"slurm": "slurm.py", "gridengine": "queue.py"}


class Bed(NamedTuple):
    """A scheduler for tests: its name, its folder, and the environment in which its commands find it."""

    name: str
    folder: str
    environment: dict[str, str]

    def do(self, verb):
        subprocess.run(
            [f"{ROOT}/tests/cluster/{self.name}.sh", verb, self.folder], check=True, stdout=subprocess.DEVNULL
        )


@contextlib.contextmanager
def started(name):
    """Start a scheduler, and stop it at the end of the block."""
    if os.environ.get("EMOSEQ_CLUSTER_TESTS") != "1":
        pytest.skip(f"starts a real {name}, as root: only with EMOSEQ_CLUSTER_TESTS=1, or tests/cluster/run.sh")
    folder = tempfile.mkdtemp(prefix=f"{name}.", dir=os.environ.get("EMOSEQ_BEDS"))
    script = f"{ROOT}/tests/cluster/{name}.sh"
    try:
        done = subprocess.run([script, "start", folder], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        exported = subprocess.run(
            ["env", "-i", "bash", "-c", f". {folder}/env.sh && env -0"], capture_output=True, text=True, check=True
        ).stdout
        names = dict(entry.split("=", 1) for entry in exported.split("\0") if "=" in entry)
        own = {name: value for name, value in names.items() if name not in ("PWD", "SHLVL", "_", "PATH")}
        yield Bed(name, folder, os.environ | own)
    finally:
        subprocess.run([script, "stop", folder], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(folder)


def start(bed, folder, *words):
    """Start a wrapper that finds the scheduler by the bed's environment."""
    command = [sys.executable, str(ROOT / "utils" / WRAPPERS[bed.name]), *map(str, words)]
    environment = bed.environment | {"EMOSEQ_ROOT": str(ROOT), "PYTHONPATH": str(ROOT)}
    return begin(command, cwd=folder, env=environment)


def finish(process, seconds=100):
    """Return the exit status of a process and what it has printed on stderr."""
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.terminate()
        raise AssertionError(f"still there after {seconds} s: {process.communicate()[1]}") from None
    return process.returncode, errors


def hear(process, text, seconds):
    """Return what a process prints on stderr up to `text`; it must print that within so many seconds."""
    began, errors = time.monotonic(), ""
    while text not in errors and time.monotonic() < began + 2 * seconds:
        errors += process.stderr.readline()
    assert time.monotonic() - began < seconds, errors
    return errors


def ask(bed, *words):
    return subprocess.run(words, env=bed.environment, capture_output=True, text=True).stdout


def listed(bed):
    """Return the scheduler's list of waiting and running jobs."""
    words = {"slurm": ["squeue", "-h"], "gridengine": ["qstat"]}[bed.name]
    return ask(bed, *words).strip()


def cancel_task(bed, name, task):
    """Cancel one task, as an administrator or a user at another terminal would."""
    if bed.name == "slurm":
        jobs = ask(bed, "squeue", "-h", "-r", f"--name={name}", "-o", "%F").split()
        ask(bed, "scancel", f"{jobs[0]}_{task}")
    else:
        ask(bed, "qdel", name, "-t", str(task))


def knows_a_dead_node(bed):
    """Return true if the scheduler has noticed: a job failed, or the queue is in an error state."""
    if bed.name == "slurm":
        return ask(bed, "squeue", "-h", "-t", "NODE_FAIL", "-o", "%i").strip() != ""
    return re.search(r"^all\.q@.* \S*u\S*$", ask(bed, "qstat", "-f"), re.MULTILINE) is not None


def array_of(folder):
    """Return the name of the array that a wrapper in `folder` has submitted."""
    wait_for(lambda: list(folder.glob("q/*/job.sh")))
    return next(folder.glob("q/*/job.sh")).parent.name


def test_an_array_runs_as_on_this_machine(bed, tmp_path):
    program = 'printf "<%s>" "$@"; echo; exit $(($1 == 3))'
    process = start(
        bed, tmp_path, "JOB=1:4", "log/x.JOB.log", "bash", "-c", program, "_", "JOB", """a "b" 'c' $(d) é"""
    )
    status, errors = finish(process)
    name = WRAPPERS[bed.name]
    assert (status, errors.splitlines()[0]) == (1, f"{name}: 1 / 4 failed, log is in log/x.*.log")
    log = (tmp_path / "log/x.2.log").read_text()
    pattern = r"# bash -c .*\n# Running on \S+\n# Started at .*\n#\n<2><a \"b\" 'c' \$\(d\) é>\n"
    assert re.fullmatch(pattern + r"# Accounting: time=\d+ threads=1\n# Finished at .* with status 0\n", log), log
    assert (tmp_path / "log/x.3.log").read_text().endswith("with status 1\n")
    status, errors = finish(
        start(bed, tmp_path, "--pick", "failed", "JOB=1:4", "log/x.JOB.log", "echo", "again", "JOB")
    )
    assert (status, errors) == (0, f"{name}: --pick failed: 1 of 4 jobs are to run\n")
    assert "again 3" in (tmp_path / "log/x.3.log").read_text()
    assert log == (tmp_path / "log/x.2.log").read_text()
    assert list(tmp_path.glob("q/*")) == []


def test_no_more_jobs_run_at_once_than_are_to(bed, tmp_path):
    command = ["bash", "-c", "date +%s.%N; sleep 1; date +%s.%N"]
    assert finish(start(bed, tmp_path, "--max-jobs-run", "1", "JOB=1:2", "x.JOB.log", *command)) == (0, "")
    times = [re.findall("^[^#].*", (tmp_path / f"x.{n}.log").read_text(), re.MULTILINE) for n in (1, 2)]
    (_, ended), (begun, _) = sorted([float(first), float(last)] for first, last in times)
    assert ended <= begun


def test_what_a_job_is_to_have_reaches_the_scheduler(bed, tmp_path):
    options = ["--num-threads", "2", "--mem", "300M", "--time", "0:10:0", "--gpu", "1"]
    script = "echo $OMP_NUM_THREADS $CUDA_VISIBLE_DEVICES > new; mv new got; exec sleep 300"
    process = start(bed, tmp_path, *options, "x.log", "bash", "-c", script)
    name = array_of(tmp_path)
    wait_for(lambda: (tmp_path / "got").exists())
    if bed.name == "slurm":
        given = ask(bed, "scontrol", "show", "job", ask(bed, "squeue", "-h", f"--name={name}", "-o", "%A").strip())
        patterns = ["NumCPUs=2", "MinMemoryCPU=300M", "TimeLimit=00:10:00", "gres[:/]gpu:1"]
        assert re.fullmatch(r"2 \d\n", (tmp_path / "got").read_text())
    else:
        given = ask(bed, "qstat", "-j", name)
        patterns = [r"parallel environment: +smp range: 2\b", "gpu=1", "mem_free=300M", "h_rt=600"]
        assert (tmp_path / "got").read_text() == "2\n"
    assert [pattern for pattern in patterns if not re.search(pattern, given)] == [], given
    process.terminate()
    assert finish(process)[0] == 128 + signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_array_and_leaves_nothing_running(bed, tmp_path, number):
    process = start(bed, tmp_path, "JOB=1:4", "x.JOB.log", "bash", "-c", "echo $$ > JOB.pid; exec sleep 300")
    sleeping = pids(tmp_path, 2)
    process.send_signal(number)
    status, errors = finish(process)
    assert (status, errors) == (128 + number, f"{WRAPPERS[bed.name]}: stopped by {number.name}\n")
    wait_for(lambda: not any(map(is_alive, sleeping)))
    wait_for(lambda: listed(bed) == "")


def test_a_killed_wrapper_leaves_nothing_running_and_knows_what_has_ended(bed, tmp_path):
    script = "[ JOB = 1 ] || { echo $$ > JOB.pid; exec sleep 300; }"
    process = start(bed, tmp_path, "JOB=1:4", "x.JOB.log", "bash", "-c", script)
    sleeping = pids(tmp_path, 2)
    wait_for(lambda: (tmp_path / ".x.JOB.status").read_text() == "1 0\n")
    process.kill()
    finish(process)
    wait_for(lambda: not any(map(is_alive, sleeping)))
    wait_for(lambda: listed(bed) == "")
    assert (tmp_path / "x.4.log").read_text() == ""
    # The guard holds the wrapper's lock until all is over.
    wait_for(lambda: subprocess.run(["flock", "--nonblock", tmp_path / ".x.JOB.status", "true"]).returncode == 0)
    status, errors = finish(start(bed, tmp_path, "--pick", "incomplete", "JOB=1:4", "x.JOB.log", "true"))
    assert (status, errors) == (0, f"{WRAPPERS[bed.name]}: --pick incomplete: 3 of 4 jobs are to run\n")


def test_two_calls_on_the_same_logs_are_told_apart(bed, tmp_path):
    """The lock may not reach another host; the scheduler knows the array."""
    process = start(bed, tmp_path, "JOB=1:2", "x.JOB.log", "bash", "-c", "echo $$ > JOB.pid; exec sleep 8")
    pids(tmp_path, 1)
    (tmp_path / ".x.JOB.status").unlink()
    status, errors = finish(start(bed, tmp_path, "JOB=1:2", "x.JOB.log", "true"))
    assert status == 1
    assert re.search(r"x\.\*\.log: [12] tasks of an earlier call .* (scancel|qdel) ", errors), errors
    assert finish(process) == (0, "")


def test_lost_jobs_are_named_and_tried_again(bed, tmp_path):
    """One job is cancelled, one leaves no status, one prints a false status in its log; two succeed."""
    lose = {
        "slurm": "python3 -c 'x = b\"x\" * 2**31; import time; time.sleep(300)'",  # more than there is for a job
        "gridengine": "kill -9 $PPID; sleep 300",
    }[bed.name]
    script = f"""[ -e done.$1 ] && exit
touch done.$1
case $1 in
2) sleep 300 ;;
3) {lose} ;;
4) echo with status 0; exit 4 ;;
esac"""
    process = start(bed, tmp_path, "--num-tries", "2", "JOB=1:5", "log/x.JOB.log", "bash", "-c", script, "_", "JOB")
    name = array_of(tmp_path)
    wait_for(lambda: (tmp_path / "done.2").exists())
    cancel_task(bed, name, 2)
    wait_for(lambda: (tmp_path / "done.3").exists())
    errors = hear(process, "log/x.3.log: job", 45)
    status, rest = finish(process)
    errors += rest
    assert status == 0, errors
    assert re.search(r"log/x\.3\.log: job \d+[._]3 was lost: .*\n", errors), errors
    if bed.name == "slurm":
        assert "was lost: it ran out of memory; ask for more with --mem: slurmstepd" in errors
    else:
        assert re.search(r"log/x\.2\.log: job \d+\.2 was lost: failed 100", errors), errors
    assert "3 failed (log/x.2.log, log/x.3.log, log/x.4.log), try 2 of 2" in errors
    wait_for(lambda: listed(bed) == "")
    for n in (2, 3, 4):
        log = (tmp_path / f"log/x.{n}.log").read_text()
        assert len(re.findall("^# Started at", log, re.MULTILINE)) == 2
        assert log.endswith("with status 0\n")
    assert "was lost" in (tmp_path / "log/x.3.log").read_text()


def test_a_controller_away_for_90_seconds_loses_nothing(bed, tmp_path):
    """An array that runs, and one submitted meanwhile, which runs once although the reply to it got lost."""
    for name in ("running", "submitted"):
        (tmp_path / name).mkdir()
    script = "echo begun >> begun.JOB; sleep 5"
    running = start(bed, tmp_path / "running", "JOB=1:4", "x.JOB.log", "bash", "-c", script)
    wait_for(lambda: (tmp_path / "running/begun.1").exists())
    bed.do("freeze")
    try:
        submitted = start(bed, tmp_path / "submitted", "JOB=1:2", "x.JOB.log", "bash", "-c", script)
        time.sleep(90)
    finally:
        bed.do("thaw")
    for process in (running, submitted):
        status, errors = finish(process)
        assert status == 0, errors
        assert re.search(
            r"does not answer \(.*\); waiting for it, nothing is lost\n(.*answers again after \d+ s\n)?$", errors
        )
    files = sorted(tmp_path.glob("*/begun.*"))
    assert [path.read_text() for path in files] == 6 * ["begun\n"]
    wait_for(lambda: listed(bed) == "")


def test_a_drained_node_is_waited_for(bed, tmp_path):
    bed.do("drain")
    try:
        process = start(bed, tmp_path, "JOB=1:2", "x.JOB.log", "true")
        (tmp_path / "other").mkdir()
        stopped = start(bed, tmp_path / "other", "JOB=1:2", "x.JOB.log", "true")
        name = array_of(tmp_path / "other")
        wait_for(lambda: name in listed(bed))
        stopped.terminate()
        assert finish(stopped, 10) == (143, f"{WRAPPERS[bed.name]}: stopped by SIGTERM\n")
        time.sleep(20)
        assert process.poll() is None
    finally:
        bed.do("resume")
    status, errors = finish(process)
    assert status == 0, errors
    if bed.name == "slurm":
        assert re.search(r"x\.\*\.log: job \S+: waits for ", errors), errors


def test_jobs_of_a_node_that_dies_are_named(bed, tmp_path):
    if bed.name == "gridengine":  # it has been up for a while
        os.utime(f"{bed.environment['SGE_ROOT']}/{bed.environment['SGE_CELL']}/common/act_qmaster", (0, 0))
    process = start(bed, tmp_path, "JOB=1:2", "x.JOB.log", "bash", "-c", "echo $$ > JOB.pid; exec sleep 600")
    try:
        wait_for(lambda: len(list(tmp_path.glob("*.pid"))) == 2, 60)
        pids(tmp_path, 2)
        bed.do("kill-node")
        wait_for(lambda: knows_a_dead_node(bed), 90)
        errors = hear(process, "x.1.log: job", 45)
        status, rest = finish(process)
        errors += rest
    finally:
        bed.do("start")
    assert status == 1
    assert re.search(r"x\.1\.log: job \S+ was lost: its (node failed|host does not answer)", errors), errors
    for pid in pids(tmp_path, 2):
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: listed(bed) == "", 60)


def test_a_restarted_controller_loses_nothing(bed, tmp_path):
    """The last test: for a minute after a restart Grid Engine learns late of jobs that end."""
    process = start(bed, tmp_path, "JOB=1:2", "x.JOB.log", "bash", "-c", "echo begun >> begun.JOB; sleep 10")
    wait_for(lambda: (tmp_path / "begun.1").exists())
    bed.do("restart")
    status, errors = finish(process)
    assert status == 0, errors
    assert [path.read_text() for path in sorted(tmp_path.glob("begun.*"))] == 2 * ["begun\n"]
