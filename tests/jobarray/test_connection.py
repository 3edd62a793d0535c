"""Queries and submissions, schedulers that are down, signals and cancellation."""

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest
from clusters import TREE, output, submitted
from waiting import is_alive, pids, wait_for

from jobarray.connection import Pace

# --- queries, and schedulers that are down


def test_one_query_covers_the_whole_array(cluster):
    pace = Pace(query=0.3, retry=0.1, timeout=2, cancel=3)
    began = time.monotonic()
    assert cluster.run("JOB=1:8", "x.JOB.log", "sleep", "0.8", pace=pace).code == 0
    assert 1 <= len(cluster.calls(cluster.asks)) <= (time.monotonic() - began) / 0.3


def test_short_jobs_need_no_query(cluster):
    assert cluster.run("JOB=1:3", "x.JOB.log", "true", pace=Pace()).code == 0
    assert not cluster.calls(cluster.asks)


def test_the_wrapper_waits_for_a_scheduler_that_is_down(cluster):
    cluster.plan(away={cluster.asks: [2, 5]})
    done = cluster.run("JOB=1:2", "x.JOB.log", "sh", "-c", f"{cluster.waits_for(6)}; sleep 0.1")
    assert done.code == 0
    away, back = done.lines
    title = cluster.scheduler.title
    assert re.fullmatch(rf"{cluster.program}: {title} does not answer \(.*\); waiting for it, nothing is lost", away)
    assert re.fullmatch(rf"{cluster.program}: {title} answers again after \d+ s", back)


def test_a_suspect_is_not_lost_while_the_scheduler_is_down(cluster):
    """It is reported as gone once; the count of reports starts again when the scheduler answers again."""
    cluster.plan(fates={"1": "vanishes"}, away={cluster.asks: [2, 4]})
    assert cluster.run("x.log", "true").code == 1
    assert len(cluster.calls(cluster.asks)) >= 6


def test_a_query_that_hangs_is_ended(cluster):
    cluster.plan(hangs={cluster.asks: [1, 1]})
    pace = Pace(query=0.2, retry=0.1, timeout=2, cancel=3)
    done = cluster.run("x.log", "sh", "-c", cluster.waits_for(2), pace=pace)
    assert done.code == 0
    assert f"({cluster.asks} timed out after " in done.lines[0]


def test_a_submission_waits_for_a_scheduler_that_is_down(cluster):
    cluster.plan(away={cluster.submits: [1, 3]})
    done = cluster.run("JOB=1:2", "x.JOB.log", "echo", "JOB")
    assert (done.code, len(done.lines)) == (0, 2)
    assert "does not answer" in done.lines[0]
    assert len(cluster.calls(cluster.submits)) == 4
    assert [output(f"x.{n}.log") for n in (1, 2)] == ["1\n", "2\n"]


def test_a_submission_whose_answer_got_lost_is_not_repeated(cluster):
    cluster.plan(late=True)
    done = cluster.run("JOB=1:2", "x.JOB.log", "sh", "-c", f"echo JOB >> ran; {cluster.waits_for(2)}")
    assert done.code == 0
    assert len(cluster.calls(cluster.submits)) == 1
    assert sorted(Path("ran").read_text().split()) == ["1", "2"]


def test_nothing_is_submitted_again_before_the_scheduler_denies_the_array(cluster):
    cluster.plan(late=True, away={cluster.asks: [1, 3]})
    done = cluster.run("JOB=1:2", "x.JOB.log", "sh", "-c", f"echo JOB >> ran; {cluster.waits_for(5)}")
    assert done.code == 0
    assert len(cluster.calls(cluster.submits)) == 1
    assert sorted(Path("ran").read_text().split()) == ["1", "2"]


def test_a_submission_whose_answer_got_lost_and_that_is_over_is_not_repeated(cluster):
    """Grid Engine forgets jobs that are over at once."""
    cluster.plan(late=True)
    assert cluster.run("JOB=1:2", "x.JOB.log", "sh", "-c", "echo JOB >> ran").code == 0
    assert sorted(Path("ran").read_text().split()) == ["1", "2"]


def test_a_refused_submission_is_one_line(cluster):
    cluster.plan(refuses=True)
    done = cluster.run("JOB=1:2", "x.JOB.log", "true")
    why = {
        "slurm": "sbatch: error: Batch job submission failed: Invalid partition name specified",
        "gridengine": "Unable to run job: error: no suitable queues",
    }
    assert done == (1, [f"{cluster.program}: {cluster.submits} refused the jobs: {why[cluster.kind]}"])
    assert submitted() == []


def test_a_submission_that_crashes_is_not_repeated(cluster):
    cluster.plan(crashes={cluster.submits: [1, 99]})
    died = f"{cluster.program}: {cluster.submits} refused the jobs: {cluster.submits} died of signal 11"
    assert cluster.run("x.log", "true") == (1, [died])
    assert len(cluster.calls(cluster.submits)) == 1


def test_a_disk_that_is_full_at_submission_is_named(cluster, monkeypatch):
    make = os.makedirs

    def make_full(folder, **options):
        make(folder, **options)
        if re.search(r"/q/x-\w+$", folder):
            os.symlink("/dev/full", f"{folder}/job.sh")

    monkeypatch.setattr("jobarray.cluster.os.makedirs", make_full)
    done = cluster.run("x.log", "true")
    (line,) = done.lines
    assert re.fullmatch(rf"{cluster.program}: .*/q/x-\w+/job\.sh: No space left on device", line)
    assert submitted() == []


def test_tools_that_are_not_in_path(cluster, monkeypatch):
    (cluster.bin / cluster.submits).unlink()
    monkeypatch.setenv("PATH", str(cluster.bin))
    done = cluster.run("x.log", "true")
    assert done.code == 1
    (line,) = done.lines
    assert re.fullmatch(
        rf"{cluster.program}: {cluster.submits}: No such file or directory; add the commands of"
        rf" {cluster.scheduler.title} to PATH, or call {cluster.program} on a submit host, which \S+ may not be",
        line,
    )


def test_no_tools_at_all(cluster, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    done = cluster.run("x.log", "true")
    assert (done.code, len(done.lines)) == (1, 1)
    assert f"{cluster.submits}: No such file" in done.lines[0]


# --- signals and cancellation


def stopped(process) -> str:
    """Send SIGTERM and return what the wrapper prints."""
    process.terminate()
    assert process.wait(10) == 143
    return process.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_cancels_the_array(cluster, number):
    with cluster.started("JOB=1:2", "x.JOB.log", "sh", "-c", TREE) as process:
        children = pids(Path(), 4)
        process.send_signal(number)
        assert process.wait(10) == 128 + number
        assert process.stderr.read() == f"{cluster.program}: stopped by {number.name}\n"
    assert not [pid for pid in children if is_alive(pid)]
    assert len(cluster.calls(cluster.cancels)) == 1


def test_a_cancelled_job_of_slurm_ends_its_log(slurm):
    with slurm.started("x.log", "sh", "-c", TREE) as process:
        pids(Path(), 2)
        process.terminate()
        process.wait(10)
    assert Path("x.log").read_text().endswith("with status 143\n")


def test_a_signal_while_a_query_hangs(cluster):
    cluster.plan(hangs={cluster.asks: [1, 1]})
    with cluster.started("x.log", "sh", "-c", TREE) as process:
        children = pids(Path(), 2)
        wait_for(lambda: cluster.calls(cluster.asks))
        stopped(process)
    assert not [pid for pid in children if is_alive(pid)]


def test_a_signal_while_a_submission_is_on_its_way(cluster):
    """The submission may be accepted, so the array is cancelled."""
    sbatch = (cluster.bin / cluster.submits).read_text()
    (cluster.bin / cluster.submits).write_text(sbatch.replace("exec ", "touch submitting; sleep 0.3; exec "))
    with cluster.started("x.log", "sh", "-c", TREE) as process:
        wait_for(lambda: Path("submitting").exists())
        stopped(process)
    states = json.loads((cluster.state / "jobs/1/states.json").read_text())
    assert states["1"][0] == "CANCELLED"
    assert not [path for path in Path().glob("*.pid") if is_alive(int(path.read_text().split()[0]))]


def test_the_wrapper_waits_for_a_slow_cancellation(cluster):
    cluster.plan(deaf=0.5)
    with cluster.started("x.log", "sh", "-c", TREE) as process:
        children = pids(Path(), 2)
        assert stopped(process) == f"{cluster.program}: stopped by SIGTERM\n"
    assert not [pid for pid in children if is_alive(pid)]


def test_a_signal_cancels_an_array_that_waits(cluster):
    cluster.plan(slots=0)
    with cluster.started("JOB=1:3", "x.JOB.log", "true") as process:
        wait_for(lambda: (cluster.state / "jobs/1/states.json").exists())
        assert stopped(process) == f"{cluster.program}: stopped by SIGTERM\n"


def test_a_cancellation_that_is_denied_is_tried_again(cluster):
    cluster.plan(denied={cluster.cancels: [1, 2]})
    with cluster.started("x.log", "sh", "-c", TREE) as process:
        children = pids(Path(), 2)
        assert stopped(process) == f"{cluster.program}: stopped by SIGTERM\n"
    assert not [pid for pid in children if is_alive(pid)]


@pytest.mark.parametrize("problem", ["away", "denied"])
def test_an_array_that_cannot_be_cancelled_is_named(cluster, problem):
    cluster.plan(**{problem: {cluster.cancels: [1, 99]}})
    with cluster.started("x.log", "sh", "-c", TREE) as process:
        pids(Path(), 2)
        first, last = stopped(process).splitlines()
    assert re.search("authentication" if problem == "denied" else "[Cc]onnect", first)
    assert re.search(rf"; cancel them by hand: {cluster.cancels} .*x-[0-9a-f]{{6}}", first)
    assert last == f"{cluster.program}: stopped by SIGTERM"


def test_the_array_of_a_killed_wrapper_is_cancelled(cluster):
    with cluster.started("JOB=1:2", "x.JOB.log", "sh", "-c", TREE) as process:
        children = pids(Path(), 4)
        process.kill()
        wait_for(lambda: not [pid for pid in children if is_alive(pid)])
    assert len(cluster.calls(cluster.cancels)) == 1


def test_what_has_ended_is_not_cancelled(cluster):
    assert cluster.run("JOB=1:2", "x.JOB.log", "false").code == 1
    assert not cluster.calls(cluster.cancels)


def test_an_earlier_call_that_is_still_at_work(cluster):
    """The lock may not reach another host; the scheduler knows the array."""
    with cluster.started("JOB=1:2", "log/x.JOB.log", "sh", "-c", TREE):
        children = pids(Path(), 4)
        os.unlink("log/.x.JOB.status")
        log = Path("log/x.1.log").read_text()
        done = cluster.run("JOB=1:2", "log/x.JOB.log", "echo", "JOB")
        assert all(is_alive(pid) for pid in children)
        assert Path("log/x.1.log").read_text() == log
    assert done.code == 1
    (line,) = done.lines
    label = {"slurm": r"1_1", "gridengine": r"1\.1"}[cluster.kind]
    match = re.fullmatch(
        rf"{cluster.program}: log/x\.\*\.log: 2 tasks of an earlier call \({label} \.\.\.\) are at work on these logs;"
        rf" wait for them, or cancel them: (.*)",
        line,
    )
    assert match, line
    assert match[1].split()[0] == cluster.cancels
    assert len(cluster.calls(cluster.submits)) == 1
